package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/launch"
)

// mqueueMagic is that of mqueue, ipc/mqueue.c; x/sys does not have it.
const mqueueMagic = 0x19800202

// fallbackKind is what the policy for a file system that is refused is called.
func fallbackKind(fs string) degrade.Kind {
	if fs == "cgroup2" {
		return degrade.Cgroup
	}
	return degrade.Kind(fs)
}

// standIn mounts what stands in for a file system that the kernel has refused. All but the directory below an overlay is
// opened only now: the host's tree is there up to the pivot, and in these places of it anybody may look.
func (c *compiler) standIn(m Mount, i int) {
	label := c.about(m, "bind ", m.Else, " on ", m.Destination, " instead")
	kind, at := fallbackKind(m.Type), mountPath(m)
	if m.Else == "" {
		c.leaveEmpty(m, label)
		return
	}
	source, empty, done := c.sources[i], none, c.Label()
	if m.ElseEmpty {
		empty = c.Label()
	}
	if m.Type != "overlay" {
		source = c.Slot()
		r := c.Call(label, unix.SYS_OPEN_TREE, launch.Const(unix.AT_FDCWD), c.String(m.Else),
			launch.Const(unix.AT_RECURSIVE|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).Out(source).Path(m.Else)
		if m.ElseEmpty {
			r.On(empty)
		}
	}
	c.checkStandIn(m, source, label, empty)
	how := ", read-only"
	m.Source, m.Options.RecSet = m.Else, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV
	switch m.Type {
	case "overlay": // of the system's directories, where programs are
	case "mqueue": // the namespace is the same, and with it what may be done to it
		m.Options.RecSet, how = m.Options.Set|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, ""
		m.Options.RecSet &^= unix.MOUNT_ATTR__ATIME
	default:
		m.Options.RecSet |= unix.MOUNT_ATTR_NOEXEC
	}
	c.note(kind, at, m.Type+" cannot be mounted here; "+m.Else+" of the host stands in for it"+how)
	m.Options.Set, m.Options.Clear, m.Options.RecClear = 0, 0, 0
	c.dress(m, source, label)
	target := c.Slot()
	c.mountPoint(m, label, target)
	c.move(label, source, target.Arg()).Path(m.Destination)
	c.close(target)
	c.close(source)
	if m.ElseEmpty {
		c.Jump(done)
		c.Place(empty)
		c.leaveEmpty(m, label)
	}
	c.Place(done)
}

// checkStandIn looks at what is there: in a container around this one it may be anything.
func (c *compiler) checkStandIn(m Mount, source launch.Slot, label string, empty launch.Label) {
	magic := uint64(0)
	switch m.Type {
	case "sysfs":
		magic = unix.SYSFS_MAGIC
	case "proc":
		magic = unix.PROC_SUPER_MAGIC
	case "mqueue":
		magic = mqueueMagic
	default:
		return
	}
	r := c.Verify(label, source.Arg(), launch.OnFilesystem, magic).Path(m.Else).Remedy("what is mounted there is no " + m.Type)
	if empty != none {
		r.On(empty)
	}
}

// leaveEmpty makes the directory alone.
func (c *compiler) leaveEmpty(m Mount, label string) {
	c.note(fallbackKind(m.Type), mountPath(m), m.Type+" cannot be mounted here, and the host has none to show; nothing is there")
	target := c.Slot()
	c.mountPoint(m, label, target)
	c.close(target)
}
