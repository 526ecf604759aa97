package runtime

import (
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/userns"
)

// defaultDevices are those that the runtime-spec promises (config-linux.md, "Default Devices"). Their numbers are fixed, man 4
// null, full, random, tty.
var defaultDevices = [...]struct {
	path         string
	major, minor uint32
}{
	{"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/full", 1, 7}, {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
}

// defaultLinks likewise ("Dev symbolic links"); /dev/core is what other runtimes have, too.
var defaultLinks = [...]Link{
	{"fd", "/proc/self/fd"}, {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
	{"core", "/proc/kcore"}, {"ptmx", "pts/ptmx"},
}

func (p *Plan) devices(list []specs.LinuxDevice, bad *planError) {
	// A /dev that is bound from elsewhere is left as it is: it has what its owner wants it to have.
	for _, m := range p.Mounts {
		if m.Destination == "/dev" && m.Bind {
			if len(list) > 0 {
				bad.add("linux.devices", "/dev is a bind mount, which nothing is made in; bind the devices instead")
			}
			return
		}
	}
	// In a user namespace mknod(2) is refused whatever one's capabilities. Where it is not, a node of its own is better: the
	// container may change the mode of a node that it shares with the host.
	canMake := p.User.Kind == userns.None
	explicit := make(map[string]bool, len(list))
	for i, d := range list {
		explicit[inContainer(d.Path)] = true
		made := device(d, i, canMake, bad)
		at := fmt.Sprintf("linux.devices[%d]", i)
		switch {
		case !made.Make && made.Exact:
			p.giveUp(degrade.Devices, at, "bound from the host, whose owner and mode it keeps: fileMode, uid and gid are not applied", bad)
		case !p.mapped(made.UID, made.GID): // a FIFO
			p.giveUp(degrade.Devices, at, "uid or gid: not mapped in the container; it is root's", bad)
			made.UID, made.GID = 0, 0
		}
		p.Devices = append(p.Devices, made)
	}
	for _, d := range defaultDevices {
		if !explicit[d.path] {
			p.Devices = append(p.Devices, Device{Path: d.path, Type: unix.S_IFCHR, Major: d.major, Minor: d.minor, Mode: 0o666, Make: canMake})
		}
	}
	p.Links = slices.Clone(defaultLinks[:])
}

// mapped reports whether the container has these ids, as far as is known.
func (p *Plan) mapped(uid, gid uint32) bool {
	if p.User.Kind != userns.Create {
		return true
	}
	_, one := p.User.Mapping.UIDs.ToHost(uid)
	_, two := p.User.Mapping.GIDs.ToHost(gid)
	return one && two
}

func device(d specs.LinuxDevice, i int, canMake bool, bad *planError) Device {
	out := Device{Path: inContainer(d.Path), Major: uint32(d.Major), Minor: uint32(d.Minor), Mode: 0o666, Make: canMake,
		Exact: d.FileMode != nil || d.UID != nil || d.GID != nil}
	switch d.Type {
	case "c", "u":
		out.Type = unix.S_IFCHR
	case "b":
		out.Type = unix.S_IFBLK
	case "p":
		out.Type, out.Make = unix.S_IFIFO, true
	default:
		bad.add(fmt.Sprintf("linux.devices[%d].type", i), "%q: must be c, b, u or p", d.Type)
	}
	if out.Path == "/" {
		bad.add(fmt.Sprintf("linux.devices[%d].path", i), "%s: a device needs a name", d.Path)
	}
	if d.FileMode != nil {
		out.Mode = uint32(*d.FileMode) & 0o7777
	}
	if d.UID != nil {
		out.UID = *d.UID
	}
	if d.GID != nil {
		out.GID = *d.GID
	}
	return out
}
