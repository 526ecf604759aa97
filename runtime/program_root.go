package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// openSources opens all that the container gets from the host, by path, in the new mount namespace (a descriptor from the old
// one could not be cloned) and as the caller.
func (c *compiler) openSources() {
	p := c.plan
	c.openRoot(false)
	if p.Root.Change == Chroot {
		return
	}
	c.failsAs(fault.Mount)
	for i, m := range p.Mounts {
		if !p.sharedSource(m) {
			c.openSource(m, i, false)
		}
	}
	if len(p.Masked) > 0 {
		const label = "open /dev/null of the host"
		c.null = c.Slot()
		c.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String("/dev/null"), cloexec(unix.O_PATH)).Out(c.null).Path("/dev/null")
		c.Verify(label, c.null.Arg(), launch.IsCharDevice, launch.Device(1, 3)).Path("/dev/null")
	}
	c.failsAs(fault.Device)
	for _, d := range p.Devices {
		c.devices = append(c.devices, c.openDevice(d))
	}
}

// replacesRoot reports whether the first mount becomes the root, so that what root.path names is only where it is put.
func replacesRoot(p *Plan) bool {
	return len(p.Mounts) > 0 && p.Mounts[0].Destination == "/" && !p.Mounts[0].Options.Remount
}

// attachRoot mounts the root on its own directory. It has to be attached before anything is mounted on it: newer kernels
// refuse mounts below a detached one.
func (c *compiler) attachRoot() {
	c.failsAs(fault.Rootfs)
	p := c.plan
	if p.Root.Change == Chroot {
		return
	}
	for _, m := range p.Mounts {
		if m.Scratch {
			// Below the root, where nobody gets to after the pivot.
			room := Mount{Type: "tmpfs", Source: "tmpfs"}
			c.scratch = c.newFilesystem("make room for upper directories", room, []string{"mode=0700"}, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV, none)
			c.move("make room for upper directories", c.scratch, c.under.Arg())
			break
		}
	}
	if replacesRoot(p) {
		m := p.Mounts[0]
		if m.Bind {
			c.root = c.sources[0]
			c.dress(m, c.root, c.about(m, "make the root"))
		} else {
			label := c.about(m, "make the root")
			c.root = c.newFilesystem(label, m, c.data(m), m.Options.Set, none)
			c.mapMount(m, c.root, label)
			for _, flags := range m.Options.Propagation {
				c.propagate(label, c.root.Arg(), c.String(""), flags)
			}
		}
	}
	c.move("attach the root", c.root, c.under.Arg())
	c.close(c.under)
}

// move attaches a detached mount to what a descriptor refers to: no path is looked at again.
func (c *compiler) move(label string, mount launch.Slot, target launch.Arg) launch.StepRef {
	return c.Call(label, unix.SYS_MOVE_MOUNT, mount.Arg(), c.String(""), target, c.String(""),
		launch.Const(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// hide masks paths and makes others read-only. Each is resolved in the root once, and what hides it is attached to that.
func (c *compiler) hide() {
	c.failsAs(fault.Mount)
	for _, path := range c.plan.Masked {
		c.mask(inContainer(path))
	}
	for _, path := range c.plan.Readonly {
		c.protect(inContainer(path))
	}
	if len(c.plan.Masked) > 0 {
		c.close(c.null)
	}
	if c.plan.Root.Readonly {
		c.setattr("make the root read-only", c.root.Arg(), c.String(""), unix.AT_EMPTY_PATH, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	}
}

// lookup opens a path in the root that the container's files decide about: links stay inside, and no link of /proc is followed.
func (c *compiler) lookup(label, path string, flags uint64) (launch.Slot, launch.StepRef) {
	return c.lookupTo(c.Slot(), label, path, flags)
}

func (c *compiler) lookupTo(s launch.Slot, label, path string, flags uint64) (launch.Slot, launch.StepRef) {
	how := c.Words(flags|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
	name := relative(path)
	if name == "" {
		name = "."
	}
	again := c.Here() // where a rename or a mount, anywhere on the machine, has raced with a ".." (man 2 openat2)
	return s, c.Call(label, unix.SYS_OPENAT2, c.root.Arg(), c.String(name), how, launch.Const(24)).Out(s).Path(path).On(again, unix.EAGAIN)
}

// mask puts an empty directory over a directory and a null device over a file. The null device is ours, opened on the host:
// the container's /dev/null may be anything (CVE-2025-31133).
func (c *compiler) mask(path string) {
	label := c.say("hide ", path)
	file, done := c.Label(), c.Label()
	dir, open := c.lookup(label, path, unix.O_PATH|unix.O_DIRECTORY)
	open.On(done, unix.ENOENT, unix.EACCES).On(file, unix.ENOTDIR)
	empty := c.newFilesystem(label, Mount{Type: "tmpfs", Source: "tmpfs"}, []string{"nr_inodes=1", "size=4k"}, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, none)
	c.move(label, empty, dir.Arg()).Path(path)
	c.close(empty)
	c.close(dir)
	c.Jump(done)
	c.Place(file)
	target, open := c.lookup(label, path, unix.O_PATH)
	open.On(done, unix.ENOENT)
	null := c.clone(label, c.null.Arg(), c.String(""), unix.AT_EMPTY_PATH, path)
	// Writing to a device needs no writable mount. Changing its mode does, and the node is the host's.
	c.setattr(label, null.Arg(), c.String(""), unix.AT_EMPTY_PATH, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}).Path(path)
	c.move(label, null, target.Arg()).Path(path)
	c.close(null)
	c.close(target)
	c.Place(done)
}

// protect puts a read-only copy of a path over itself.
func (c *compiler) protect(path string) {
	label := c.say("protect ", path)
	done := c.Label()
	target, open := c.lookup(label, path, unix.O_PATH)
	open.On(done, unix.ENOENT, unix.EACCES)
	copied := c.clone(label, target.Arg(), c.String(""), unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, path)
	c.setattr(label, copied.Arg(), c.String(""), unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}).Path(path)
	c.move(label, copied, target.Arg()).Path(path)
	c.close(copied)
	c.close(target)
	c.Place(done)
}
