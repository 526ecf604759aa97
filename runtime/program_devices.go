package runtime

import (
	"path"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// openDevice opens the host's node of a device, to bind it. Its number is looked at: a name proves nothing, in a container
// around this one least of all.
func (c *compiler) openDevice(d Device) launch.Slot {
	if d.Type == unix.S_IFIFO {
		return c.Slot()
	}
	where := d.Path
	if d.Source != "" {
		where = d.Source
	}
	label := c.say("open ", where, " of the host")
	s, skip := c.Slot(), c.Label()
	r := c.Call(label, unix.SYS_OPEN_TREE, launch.Const(unix.AT_FDCWD), c.String(where), launch.Const(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).Out(s).Path(where)
	if d.Make {
		r.On(skip)
	} else {
		r.Remedy("in a user namespace a device is bound from the host, so it has to be there")
	}
	c.verifyDevice(d, s, label).Path(where).Remedy("the host's node has another number than the configuration asks for")
	c.Place(skip)
	return s
}

func (c *compiler) verifyDevice(d Device, s launch.Slot, label string) launch.StepRef {
	kind, value := launch.IsCharDevice, launch.Device(d.Major, d.Minor)
	switch d.Type {
	case unix.S_IFBLK:
		kind = launch.IsBlockDevice
	case unix.S_IFIFO:
		kind, value = launch.IsFIFO, 0
	}
	return c.Verify(label, s.Arg(), kind, value).Path(d.Path)
}

// makeDevices fills /dev: nodes, and the links that programs expect.
func (c *compiler) makeDevices() {
	c.failsAs(fault.Device)
	if len(c.plan.Devices) == 0 && len(c.plan.Links) == 0 {
		return
	}
	dev := c.Slot()
	c.MkdirAll("make /dev", c.root.Arg(), "dev", 0o755).Out(dev)
	for i, d := range c.plan.Devices {
		if path.Dir(d.Path) == "/dev" {
			c.makeDevice(d, c.devices[i], dev)
			continue
		}
		dir := c.Slot()
		c.MkdirAll(c.say("make ", d.Path), c.root.Arg(), relative(path.Dir(d.Path)), 0o755).Out(dir)
		c.makeDevice(d, c.devices[i], dir)
		c.close(dir)
	}
	if len(c.plan.Links) > 0 {
		// Whatever the image has as /dev/ptmx would be the host's multiplexer, or worse.
		c.Call("remove /dev/ptmx", unix.SYS_UNLINKAT, dev.Arg(), c.String("ptmx"), launch.Const(0)).Ignore(unix.ENOENT, unix.EROFS, unix.EBUSY, unix.EISDIR)
	}
	for _, l := range c.plan.Links {
		c.Call(c.say("link /dev/", l.Name), unix.SYS_SYMLINKAT, c.String(l.Target), dev.Arg(), c.String(l.Name)).Ignore(unix.EEXIST).Path(c.say("/dev/", l.Name))
	}
	c.close(dev)
}

// makeDevice makes a node where that is allowed, and else binds the host's.
func (c *compiler) makeDevice(d Device, host, dir launch.Slot) {
	label, name, done := c.say("make ", d.Path), c.String(path.Base(d.Path)), c.Label()
	if d.Make {
		bind, there := c.Label(), c.Label()
		r := c.Call(label, unix.SYS_MKNODAT, dir.Arg(), name, launch.Const(d.Type|d.Mode), launch.Const(unix.Mkdev(d.Major, d.Minor))).Path(d.Path)
		r.On(there, unix.EEXIST)
		if d.Type != unix.S_IFIFO {
			r.On(bind, unix.EPERM, unix.EACCES)
		}
		c.own(d, dir, name, label)
		c.Jump(done)
		c.Place(there)
		c.checkDevice(d, dir, name, label)
		c.Jump(done)
		c.Place(bind)
	}
	if d.Type != unix.S_IFIFO {
		c.bindDevice(d, host, dir, name, label)
	}
	c.Place(done)
}

// checkDevice accepts a node that the root file system has already, if it is the right one.
func (c *compiler) checkDevice(d Device, dir launch.Slot, name launch.Arg, label string) {
	fd := c.Slot()
	c.Call(label, unix.SYS_OPENAT, dir.Arg(), name, cloexec(unix.O_PATH|unix.O_NOFOLLOW)).Out(fd).Path(d.Path)
	c.verifyDevice(d, fd, label).Remedy("the root file system has something else there; remove it, or mount a tmpfs on /dev")
	c.close(fd)
	if d.Exact {
		c.note(degrade.Devices, "linux.devices", d.Path+" is in the root file system already: it keeps the owner and mode that it has there")
	}
}

// bindDevice binds the host's node on a file of its own. In a /dev that is new the file is made at once; where there is
// something already, the way to it is walked: it may be a link.
func (c *compiler) bindDevice(d Device, host, dir launch.Slot, name launch.Arg, label string) {
	target, there, mount := c.Slot(), c.Label(), c.Label()
	c.Call(label, unix.SYS_OPENAT, dir.Arg(), name, cloexec(unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_WRONLY), launch.Const(0o644)).
		Out(target).Path(d.Path).On(there, unix.EEXIST, unix.EROFS)
	c.Jump(mount)
	c.Place(there)
	c.Create(label, c.root.Arg(), relative(d.Path)).Out(target)
	c.Place(mount)
	c.move(label, host, target.Arg()).Path(d.Path)
	c.close(target)
	c.close(host)
}

func (c *compiler) own(d Device, dir launch.Slot, name launch.Arg, label string) {
	if d.UID == 0 && d.GID == 0 {
		return
	}
	c.Call(label, unix.SYS_FCHOWNAT, dir.Arg(), name, launch.Const(d.UID), launch.Const(d.GID), launch.Const(unix.AT_SYMLINK_NOFOLLOW)).Path(d.Path)
}
