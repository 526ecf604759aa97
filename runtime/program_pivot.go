package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// changeRoot makes the root our root and leaves the host's files behind.
func (c *compiler) changeRoot() {
	c.failsAs(fault.Rootfs)
	c.Call("enter the root", unix.SYS_FCHDIR, c.root.Arg())
	switch c.plan.Root.Change {
	case PivotRoot:
		c.pivot()
	case MoveRoot:
		c.moveRoot()
	case Chroot:
		c.Call("change the root", unix.SYS_CHROOT, c.String(".")).Remedy("it takes CAP_SYS_CHROOT")
		c.Call("enter the root", unix.SYS_CHDIR, c.String("/"))
		return
	}
	c.Call("enter the root", unix.SYS_CHDIR, c.String("/"))
	if p := c.plan.Root.Propagation; p != 0 {
		c.propagate("set the root's propagation", launch.Const(unix.AT_FDCWD), c.String("/"), p)
	}
}

// pivot: pivot_root(".", ".") puts the old root on top of the new one, from where it is detached: man 2 pivot_root,
// "pivot_root(".", ".")".
func (c *compiler) pivot() {
	dot := c.String(".")
	c.Call("change the root", unix.SYS_PIVOT_ROOT, dot, dot).Remedy("the root's parent mount must not be shared; where the host runs from an initramfs, --no-pivot does without")
	c.Call("leave the host's files", unix.SYS_UMOUNT2, dot, launch.Const(unix.MNT_DETACH))
}

// moveRoot covers the host's root with ours, for a host that runs from an initramfs, whose root cannot be exchanged. Whoever may
// unmount in the container gets at what is below, so all that can be is taken away before: whatever the host has mounted,
// except for what the root itself lies on. In a user namespace it is locked and stays; a proc or a sysfs, in which nothing is
// hidden from the container, is covered then.
func (c *compiler) moveRoot() {
	const label = "take the host's mounts away"
	for _, m := range c.plan.Root.Outside {
		locked, done := c.Label(), c.Label()
		c.Call(label, unix.SYS_UMOUNT2, c.String(m.Path), launch.Const(unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)).Path(m.Path).On(locked)
		c.Jump(done)
		c.Place(locked)
		if m.Reveals {
			c.cover(m.Path)
		}
		c.Place(done)
	}
	c.Call("cover the host's root", unix.SYS_MOVE_MOUNT, c.root.Arg(), c.String(""), launch.Const(unix.AT_FDCWD), c.String("/"),
		launch.Const(unix.MOVE_MOUNT_F_EMPTY_PATH)).Path("/")
	c.Call("change the root", unix.SYS_CHROOT, c.String("."))
}

// cover puts something empty over a directory of the host, if it is still there.
func (c *compiler) cover(path string) {
	const label = "cover a file system of the host"
	gone, target := c.Label(), c.Slot()
	c.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String(path), cloexec(unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)).Out(target).Path(path).On(gone)
	empty := c.newFilesystem(label, Mount{Type: "tmpfs", Source: "tmpfs"}, []string{"nr_inodes=1", "size=4k"}, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, none)
	c.move(label, empty, target.Arg()).Path(path)
	c.close(empty)
	c.close(target)
	c.Place(gone)
}
