package runtime

import (
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

const none = launch.Label(-1)

// mountAll makes the mounts in their order.
func (c *compiler) mountAll() {
	c.failsAs(fault.Mount)
	for i, m := range c.plan.Mounts {
		switch {
		case i == 0 && replacesRoot(c.plan):
		case m.Type == "symlink":
			c.symlink(m)
		case m.Options.Remount:
			c.remount(m)
		case m.Options.CopySymlink:
			c.copySymlink(m, c.sources[i])
		case m.Bind:
			c.bind(m, c.sources[i], m.Options.DestNoFollow)
		default:
			c.mount(m, i)
		}
	}
}

func mountPath(m Mount) string { return "mounts[" + strconv.Itoa(m.Index) + "]" }

// about is a mount's label: which it is in the configuration, and what happens.
func (c *compiler) about(m Mount, words ...string) string {
	if c.Bare {
		return ""
	}
	return mountPath(m) + ": " + c.say(words...)
}

func (c *compiler) symlink(m Mount) {
	dir := c.Slot()
	label := c.about(m, "link ", m.Destination, " to ", m.Source)
	c.MkdirAll(label, c.root.Arg(), relative(path.Dir(m.Destination)), 0o755).Out(dir)
	c.Call(label, unix.SYS_SYMLINKAT, c.String(m.Source), dir.Arg(), c.String(path.Base(m.Destination))).Path(m.Destination)
	c.close(dir)
}

// bind attaches what was opened before.
func (c *compiler) bind(m Mount, source launch.Slot, nofollow bool) {
	label := c.about(m, "bind ", m.Source, " on ", m.Destination)
	source = c.copySource(m, source)
	c.dress(m, source, label)
	c.attach(m, source, label, nofollow)
	c.close(source)
}

const remedyTarget = "where it is missing it is made, which takes a root file system that can be written; a directory goes on a directory, anything else on a file"

// attach puts a mount in its place, which is made if it is missing.
func (c *compiler) attach(m Mount, source launch.Slot, label string, nofollow bool) {
	target, made := c.Slot(), c.say(label, ": make the mount point")
	if nofollow {
		c.targetNofollow(m, source, target, made)
	} else {
		c.Target(made, c.root.Arg(), relative(m.Destination), source.Arg()).Out(target).Remedy(remedyTarget)
	}
	c.outsideProc(m, target, made)
	c.move(label, source, target.Arg()).Path(m.Destination).Remedy("an unbindable mount cannot go on a shared one; a directory goes on a directory, anything else on a file")
	c.close(target)
}

// targetNofollow opens a mount point that may be a symbolic link itself.
func (c *compiler) targetNofollow(m Mount, source, target launch.Slot, label string) {
	dir, base, missing, there := c.Slot(), path.Base(m.Destination), c.Label(), c.Label()
	c.MkdirAll(label, c.root.Arg(), relative(path.Dir(m.Destination)), 0o755).Out(dir).Remedy(remedyTarget)
	open := func() launch.StepRef {
		return c.Call(label, unix.SYS_OPENAT, dir.Arg(), c.String(base), cloexec(unix.O_PATH|unix.O_NOFOLLOW)).Out(target).Path(m.Destination)
	}
	open().On(missing, unix.ENOENT)
	c.Jump(there)
	c.Place(missing)
	c.Target(label, dir.Arg(), base, source.Arg()).Out(target).Path(m.Destination).Remedy(remedyTarget)
	c.close(target)
	open()
	c.Place(there)
	c.close(dir)
}

// copySymlink makes a source that is a symbolic link again at the destination. Where there is something already, the link
// itself is bound over it: what an image holds is not removed.
func (c *compiler) copySymlink(m Mount, source launch.Slot) {
	plain, there, done, dir := c.Label(), c.Label(), c.Label(), c.Slot()
	label := c.about(m, "copy the link ", m.Source, " to ", m.Destination)
	link := c.links[m.Index]
	c.JumpIf(link.found, plain)
	c.MkdirAll(label, c.root.Arg(), relative(path.Dir(m.Destination)), 0o755).Out(dir).Remedy(remedyTarget)
	c.Call(label, unix.SYS_SYMLINKAT, link.text, dir.Arg(), c.String(path.Base(m.Destination))).Path(m.Destination).On(there, unix.EEXIST)
	c.close(dir)
	c.close(source)
	c.Jump(done)
	c.Place(there)
	c.close(dir)
	c.bind(m, source, true)
	c.Jump(done)
	c.Place(plain)
	c.bind(m, source, m.Options.DestNoFollow)
	c.Place(done)
}

// sourceLink is the text of a source that may be a symbolic link.
type sourceLink struct {
	found launch.Slot // ^0 if it is none
	text  launch.Arg
}

// readLink reads a source's link while the host is still there.
func (c *compiler) readLink(m Mount, label string) {
	l := sourceLink{found: c.Slot(), text: c.Space(4096)}
	c.Call(label, unix.SYS_READLINKAT, launch.Const(unix.AT_FDCWD), c.String(m.Source), l.text, launch.Const(4095)).Out(l.found).Path(m.Source).Ignore(unix.EINVAL)
	c.links[m.Index] = l
}

// dress gives a copy its ids, flags and propagation before anybody can see it.
func (c *compiler) dress(m Mount, s launch.Slot, label string) {
	c.mapMount(m, s, label)
	o := m.Options
	c.attributes(m, s, label, unix.AT_EMPTY_PATH, o.Set, o.Clear)
	c.attributes(m, s, label, unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, o.RecSet, o.RecClear)
	c.propagation(m, s, label)
}

// attributes sets and clears flags of a mount. A flag that came with the mount from a user namespace above ours is locked
// (mount_namespaces(7)): it can be set, but not cleared or, for access times, changed. Then it stays, and that is listed.
func (c *compiler) attributes(m Mount, s launch.Slot, label string, how, set, clear uint64) {
	const atime = unix.MOUNT_ATTR__ATIME
	nothing := "only a mount has flags of its own, and this is none"
	if m.Options.Remount {
		nothing = "nothing is mounted there; `remount` changes what an earlier mount of the list put there"
	}
	harmless := set &^ atime
	if harmless != 0 {
		c.setattr(label, s.Arg(), c.String(""), how, unix.MountAttr{Attr_set: harmless}).Path(m.Destination).Remedy(nothing)
	}
	if clear == 0 {
		return
	}
	r := c.setattr(label, s.Arg(), c.String(""), how, unix.MountAttr{Attr_set: set & atime, Attr_clr: clear}).Path(m.Destination)
	if !c.allows(degrade.MountFlags) {
		r.Remedy("flags that the mount namespace outside has set are locked; leave the option out, " + degrade.Remedy(degrade.MountFlags)).Kind(string(degrade.MountFlags))
		return
	}
	locked, done := c.Label(), c.Label()
	r.On(locked, unix.EPERM).Remedy(nothing)
	c.Jump(done)
	c.Place(locked)
	c.note(degrade.MountFlags, mountPath(m)+".options", "the flags of "+m.Source+" are locked by the mount namespace outside and stay as they are")
	c.Place(done)
}

// remount changes what is mounted at the destination: the mount's own flags, and what is the file system's.
func (c *compiler) remount(m Mount) {
	label := c.about(m, "change what is mounted on ", m.Destination)
	target, _ := c.lookup(label, m.Destination, unix.O_PATH)
	o := m.Options
	c.attributes(m, target, label, unix.AT_EMPTY_PATH, o.Set, o.Clear)
	c.attributes(m, target, label, unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, o.RecSet, o.RecClear)
	if data := c.data(m); len(data) > 0 && !o.Bind {
		fs := c.Slot()
		c.Call(label, unix.SYS_FSPICK, target.Arg(), c.String(""), launch.Const(unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)).Out(fs).Path(m.Destination).
			Remedy("nothing is mounted there, or the file system belongs to a user namespace outside: only flags of the mount can be changed then")
		c.configure(m, fs, label, data, none)
		c.Call(label, unix.SYS_FSCONFIG, fs.Arg(), launch.Const(unix.FSCONFIG_CMD_RECONFIGURE), launch.Const(0), launch.Const(0), launch.Const(0)).
			Path(m.Destination).Remedy("the file system does not let these options be changed, or belongs to a user namespace outside")
		c.close(fs)
	}
	for _, flags := range o.Propagation {
		c.propagate(label, target.Arg(), c.String(""), flags).Path(m.Destination)
	}
	c.close(target)
}
