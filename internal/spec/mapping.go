package spec

import (
	"cmp"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// maxMappings is the kernel's limit of lines in a uid_map (user_namespaces(7)).
const maxMappings = 340

// userMappings checks what can be known without knowing the caller. A user namespace without mappings is fine: they
// are chosen then.
func (r *report) userMappings(l *specs.Linux) {
	r.mappings("linux.uidMappings", l.UIDMappings)
	r.mappings("linux.gidMappings", l.GIDMappings)
	if len(l.UIDMappings)+len(l.GIDMappings) == 0 {
		return
	}
	path := "linux.uidMappings"
	if len(l.UIDMappings) == 0 {
		path = "linux.gidMappings"
	}
	switch n := findNamespace(l, specs.UserNamespace); {
	case n == nil:
		r.refuse(path, `needs a user namespace; add {"type": "user"} to linux.namespaces, or remove it`)
	case n.Path != "":
		r.giveUp(path, "not applied: the user namespace that is joined has mappings of its own")
	case len(l.UIDMappings) == 0:
		r.refuse("linux.uidMappings", "missing, while gidMappings is there; give both or neither")
	case len(l.GIDMappings) == 0:
		r.refuse("linux.gidMappings", "missing, while uidMappings is there; give both or neither")
	}
}

func (r *report) mappings(path string, list []specs.LinuxIDMapping) {
	if len(list) > maxMappings {
		r.refuse(path, strconv.Itoa(len(list))+" lines; the kernel takes 340")
		return
	}
	sound := true
	for i, m := range list {
		switch at := func() string { return strictjson.Element(path, i) }; {
		case m.Size == 0:
			r.refuse(at()+".size", "0 maps nothing; map at least one id")
			sound = false
		case beyond(m.ContainerID, m.Size), beyond(m.HostID, m.Size):
			r.refuse(at(), "goes beyond the last id, 4294967294; lower its size")
			sound = false
		}
	}
	if sound {
		r.overlap(path, list, "containerID", func(m specs.LinuxIDMapping) uint32 { return m.ContainerID })
		r.overlap(path, list, "hostID", func(m specs.LinuxIDMapping) uint32 { return m.HostID })
	}
}

// beyond says whether the range includes 4294967295 or wraps around.
func beyond(first, size uint32) bool { return uint64(first)+uint64(size) > noID }

// overlap names the later one of each two lines that claim the same id.
func (r *report) overlap(path string, list []specs.LinuxIDMapping, member string, first func(specs.LinuxIDMapping) uint32) {
	if len(list) < 2 {
		return
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(first(list[a]), first(list[b])) })
	for k := 1; k < len(order); k++ {
		a, b := order[k-1], order[k]
		if uint64(first(list[a]))+uint64(list[a].Size) > uint64(first(list[b])) {
			r.refuse(strictjson.Element(path, max(a, b))+"."+member,
				"overlaps "+strictjson.Element(path, min(a, b))+"; an id can be mapped once only")
		}
	}
}
