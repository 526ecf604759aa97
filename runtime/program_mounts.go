package runtime

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
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
		case m.Bind:
			c.bind(m, c.sources[i])
		default:
			c.mount(m, i)
		}
	}
}

func (c *compiler) symlink(m Mount) {
	dir := c.Slot()
	label := c.say("link ", m.Destination, " to ", m.Source)
	c.MkdirAll(label, c.root.Arg(), relative(path.Dir(m.Destination)), 0o755).Out(dir)
	c.Call(label, unix.SYS_SYMLINKAT, c.String(m.Source), dir.Arg(), c.String(path.Base(m.Destination))).Path(m.Destination)
	c.close(dir)
}

// bind attaches what was opened before.
func (c *compiler) bind(m Mount, source launch.Slot) {
	c.bindAttributes(m, source)
	target := c.Slot()
	label := c.say("bind ", m.Source, " on ", m.Destination)
	c.Target(c.say(label, ": make the mount point"), c.root.Arg(), relative(m.Destination), source.Arg()).Out(target)
	c.move(label, source, target.Arg()).Path(m.Destination)
	c.close(target)
	c.close(source)
}

// bindAttributes sets a copy's flags before anybody can see it.
func (c *compiler) bindAttributes(m Mount, s launch.Slot) {
	label := c.say("bind ", m.Source, " on ", m.Destination)
	o := m.Options
	c.attributes(m, s, label, unix.AT_EMPTY_PATH, o.Set, o.Clear)
	c.attributes(m, s, label, unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, o.RecSet, o.RecClear)
	for _, flags := range o.Propagation {
		c.propagate(label, s.Arg(), c.String(""), flags)
	}
}

// attributes sets and clears flags of a mount. A flag that came with the mount from a user namespace above ours is locked
// (mount_namespaces(7)): it can be set, but not cleared or, for access times, changed. Then it stays, and that is listed.
func (c *compiler) attributes(m Mount, s launch.Slot, label string, how, set, clear uint64) {
	const atime = unix.MOUNT_ATTR__ATIME
	harmless := set &^ atime
	if harmless != 0 {
		c.setattr(label, s.Arg(), c.String(""), how, unix.MountAttr{Attr_set: harmless}).Path(m.Destination)
	}
	if clear == 0 {
		return
	}
	locked, done := c.Label(), c.Label()
	c.setattr(label, s.Arg(), c.String(""), how, unix.MountAttr{Attr_set: set & atime, Attr_clr: clear}).Path(m.Destination).On(locked, unix.EPERM)
	c.Jump(done)
	c.Place(locked)
	c.note(degrade.MountFlags, mountPath(m)+".options", "the flags of "+m.Source+" are locked by the mount namespace outside and stay as they are")
	c.Place(done)
}

func mountPath(m Mount) string { return "mounts[" + strconv.Itoa(m.Index) + "]" }

// mount makes a new file system and attaches it, or what stands in for it where the kernel refuses.
func (c *compiler) mount(m Mount, i int) {
	label := c.say("mount ", m.Type, " on ", m.Destination)
	refused, done, target := none, c.Label(), c.Slot()
	if m.Else != "" && c.allows(fallbackKind(m.Type)) {
		refused = c.Label()
	}
	data := append(append([]string(nil), m.Options.Data...), m.Options.SBFlags...)
	if m.Scratch {
		data = append(data, c.upper(m)...)
	}
	fs := c.newFilesystem(label, m.Type, m.Source, data, m.Options.Set, refused)
	for _, flags := range m.Options.Propagation {
		c.propagate(label, fs.Arg(), c.String(""), flags)
	}
	c.mountPoint(m, label, target)
	c.move(label, fs, target.Arg()).Path(m.Destination)
	c.close(target)
	c.close(fs)
	if refused != none {
		c.Jump(done)
		c.Place(refused)
		c.note(fallbackKind(m.Type), mountPath(m), m.Type+" cannot be mounted here; "+m.Else+" of the host stands in for it, read-only")
		m.Source, m.Options.RecSet = m.Else, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV
		if m.Type != "overlay" { // of the system's directories, where programs are
			m.Options.RecSet |= unix.MOUNT_ATTR_NOEXEC
		}
		m.Options.Set, m.Options.Clear, m.Options.RecClear = 0, 0, 0
		c.bind(m, c.sources[i])
	}
	c.Place(done)
}

// fallbackKind is what the policy for a file system that is refused is called.
func fallbackKind(fs string) degrade.Kind {
	if fs == "cgroup2" {
		return degrade.Cgroup
	}
	return degrade.Kind(fs)
}

// mountPoint makes and opens the directory to mount on. For proc and sysfs no link may lead there: what is masked and made
// read-only later is found by its name again, and a link into a volume could be turned meanwhile (CVE-2019-19921, CVE-2023-27561).
func (c *compiler) mountPoint(m Mount, label string, target launch.Slot) {
	label = c.say(label, ": make the mount point")
	makeIt := func() { c.MkdirAll(label, c.root.Arg(), relative(m.Destination), 0o755).Out(target) }
	if m.Type != "proc" && m.Type != "sysfs" {
		makeIt()
		return
	}
	how := c.Words(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS)
	open := func() launch.StepRef {
		return c.Call(label, unix.SYS_OPENAT2, c.root.Arg(), c.String(relative(m.Destination)), how, launch.Const(24)).Out(target).
			Path(m.Destination).Remedy("in the root file system it has to be a directory, and no symbolic link")
	}
	missing, there := c.Label(), c.Label()
	open().On(missing, unix.ENOENT)
	c.Jump(there)
	c.Place(missing)
	makeIt()
	c.close(target)
	open()
	c.Place(there)
}

// newFilesystem is a detached mount of a file system of its own. The refused label is where to go when it may not be mounted.
func (c *compiler) newFilesystem(label, kind, source string, data []string, attr uint64, refused launch.Label) launch.Slot {
	fs, mnt := c.Slot(), c.Slot()
	may := func(r launch.StepRef) {
		if refused != none {
			r.On(refused, unix.EPERM, unix.EACCES, unix.EBUSY, unix.ENODEV)
			if kind == "overlay" { // on overlays, beyond the depth that the kernel allows
				r.On(refused, unix.EINVAL)
			}
		}
	}
	open := c.Call(label, unix.SYS_FSOPEN, c.String(kind), launch.Const(unix.FSOPEN_CLOEXEC)).Out(fs)
	open.Remedy(remedyFor(kind))
	may(open)
	set := func(cmd int, key, value launch.Arg) launch.StepRef {
		r := c.Call(label, unix.SYS_FSCONFIG, fs.Arg(), launch.Const(cmd), key, value, launch.Const(0))
		may(r)
		return r
	}
	if source != "" {
		set(unix.FSCONFIG_SET_STRING, c.String("source"), c.String(source))
	}
	for _, o := range data {
		if key, value, ok := strings.Cut(o, "="); ok {
			set(unix.FSCONFIG_SET_STRING, c.String(key), c.String(value)).Remedy(c.say("the option ", o, " is not one of ", kind, "'s"))
		} else {
			set(unix.FSCONFIG_SET_FLAG, c.String(o), launch.Const(0)).Remedy(c.say("the option ", o, " is not one of ", kind, "'s"))
		}
	}
	set(unix.FSCONFIG_CMD_CREATE, launch.Const(0), launch.Const(0)).Remedy(remedyFor(kind))
	mount := c.Call(label, unix.SYS_FSMOUNT, fs.Arg(), launch.Const(unix.FSMOUNT_CLOEXEC), launch.Const(attr)).Out(mnt)
	mount.Remedy(remedyFor(kind))
	may(mount)
	c.close(fs)
	return mnt
}

// remedyFor says what helps against the kernel's EPERM, which has one reason for each file system.
func remedyFor(kind string) string {
	switch kind {
	case "sysfs":
		return "a sysfs needs a network namespace of the container's own: add one, or bind /sys"
	case "proc":
		return "a proc needs a pid namespace of the container's own, and a /proc outside that nothing is hidden in (a container around this one hides parts: run it with its masks off)"
	case "mqueue":
		return "an mqueue needs an ipc namespace of the container's own: add one, or leave the mount out"
	}
	return ""
}

// upper makes the directories of an overlay on our own tmpfs, and gives the options that name them: relative to the working
// directory, since the descriptor's number is not known now.
func (c *compiler) upper(m Mount) []string {
	name := strconv.Itoa(m.Index)
	for _, d := range []string{name + "u", name + "w"} {
		c.Call(c.say("make an upper directory for ", m.Destination), unix.SYS_MKDIRAT, c.scratch.Arg(), c.String(d), launch.Const(0o755))
	}
	c.Call(c.say("make an upper directory for ", m.Destination), unix.SYS_FCHDIR, c.scratch.Arg())
	options := []string{"upperdir=" + name + "u", "workdir=" + name + "w"}
	if c.plan.User.Kind != userns.None {
		options = append(options, "userxattr") // overlayfs.rst: the trusted.* ones are root's
	}
	return options
}
