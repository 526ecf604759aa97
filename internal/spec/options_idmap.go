package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// IDMapOption is the option idmap or ridmap. Without ranges of its own the mount's uidMappings and gidMappings count, and
// without these the container's user namespace, where it has one (runtime-spec config.md).
//
// The ranges are an extension that crun made: "idmap=uids=0-1000-10#20-2000-10;gids=@0-0-65536", of triplets: the first id in the file
// system, the first of those that they become, how many.
type IDMapOption struct {
	Recursive  bool
	UIDs, GIDs []IDRange
}

// IDRange is one range: ids of the file system from ContainerID on become those from HostID on, as in a uid_map of the user
// namespace that mount_setattr(2) takes.
type IDRange struct {
	specs.LinuxIDMapping

	// Relative means that HostID is an id in the container, still to be translated by its user namespace.
	Relative bool
}

// idmap returns whether the option is one, and what is wrong with it, or "".
func (m *MountOptions) idmap(o string) (is bool, text string) {
	name, value, given := strings.Cut(o, "=")
	if name != "idmap" && name != "ridmap" {
		return false, ""
	}
	m.IDMap = &IDMapOption{Recursive: name == "ridmap"}
	if !given {
		return true, ""
	}
	for part := range strings.SplitSeq(value, ";") {
		kind, ranges, _ := strings.Cut(part, "=")
		list := &m.IDMap.UIDs
		if kind == "gids" {
			list = &m.IDMap.GIDs
		}
		switch {
		case kind != "uids" && kind != "gids":
			return true, quote(part) + " is no mapping of " + name + "; write " + name + "=uids=FILE-HOST-SIZE;gids=FILE-HOST-SIZE"
		case *list != nil:
			return true, kind + " is given twice; put # between ranges"
		}
		if *list, text = idRanges(ranges); text != "" {
			return true, text
		}
	}
	if m.IDMap.UIDs == nil || m.IDMap.GIDs == nil {
		return true, "has one of uids and gids; the kernel wants both"
	}
	return true, ""
}

// idRanges reads triplets with # between them.
func idRanges(s string) (list []IDRange, text string) {
	for triplet := range strings.SplitSeq(s, "#") {
		var r IDRange
		rest, relative := strings.CutPrefix(triplet, "@")
		r.Relative = relative
		numbers := strings.Split(rest, "-")
		sound := len(numbers) == 3
		for i, to := range []*uint32{&r.ContainerID, &r.HostID, &r.Size} {
			if !sound {
				break
			}
			*to, sound = decimal(numbers[i])
		}
		switch {
		case !sound:
			return nil, quote(triplet) + " is no range of ids; write FILE-HOST-SIZE, such as 0-100000-65536"
		case r.Size == 0:
			return nil, quote(triplet) + " maps nothing; map at least one id"
		case beyond(r.ContainerID, r.Size), beyond(r.HostID, r.Size):
			return nil, quote(triplet) + " goes beyond the last id, 4294967294; lower its size"
		}
		list = append(list, r)
	}
	if len(list) > maxMappings {
		return nil, strconv.Itoa(len(list)) + " ranges; the kernel takes 340"
	}
	if a, b := collide(list); a >= 0 {
		return nil, "ranges " + strconv.Itoa(a+1) + " and " + strconv.Itoa(b+1) + " overlap; an id can be mapped once only"
	}
	return list, ""
}

// collide finds two ranges that claim the same id, of the file system or of what it becomes. What a relative one becomes is
// not known here, so those are held against one another only.
func collide(list []IDRange) (int, int) {
	meet := func(a, b, sizeA, sizeB uint32) bool {
		return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
	}
	for i, a := range list {
		for k, b := range list[:i] {
			if meet(a.ContainerID, b.ContainerID, a.Size, b.Size) || a.Relative == b.Relative && meet(a.HostID, b.HostID, a.Size, b.Size) {
				return k, i
			}
		}
	}
	return -1, -1
}

// decimal reads a number of 32 bits, written in digits alone.
func decimal(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}
