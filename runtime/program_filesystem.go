package runtime

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// data are the options that a file system itself takes.
func (c *compiler) data(m Mount) []string {
	return append(append([]string(nil), m.Options.Data...), m.Options.SBFlags...)
}

// mount makes a new file system and attaches it, or what stands in for it where the kernel refuses.
func (c *compiler) mount(m Mount, i int) {
	label := c.about(m, "mount ", m.Type, " on ", m.Destination)
	refused, done, target := none, c.Label(), c.Slot()
	if (m.Else != "" || m.ElseEmpty) && c.allows(fallbackKind(m.Type)) {
		refused = c.Label()
	}
	data, set := c.data(m), m.Options.Set
	if m.Scratch {
		data = append(data, c.upper(m)...)
	}
	filled := m.LikeBelow || m.Options.TmpCopyUp
	if filled { // it has to be written first
		set &^= unix.MOUNT_ATTR_RDONLY
	}
	fs := c.newFilesystem(label, m, data, set, refused)
	if filled {
		c.fill(m, fs, target, label)
	} else {
		c.mountPoint(m, label, target)
	}
	c.outsideProc(m, target, label)
	c.mapMount(m, fs, label)
	for _, flags := range m.Options.Propagation {
		c.propagate(label, fs.Arg(), c.String(""), flags)
	}
	c.move(label, fs, target.Arg()).Path(m.Destination).Remedy("an unbindable mount cannot go on a shared one")
	c.close(target)
	c.close(fs)
	if refused != none {
		c.Jump(done)
		c.Place(refused)
		c.standIn(m, i)
	}
	c.Place(done)
}

// mountPoint makes and opens the directory to mount on. For proc and sysfs no link may lead there: what is masked and made
// read-only later is found by its name again, and a link into a volume could be turned meanwhile (CVE-2019-19921, CVE-2023-27561).
func (c *compiler) mountPoint(m Mount, label string, target launch.Slot) {
	label = c.say(label, ": make the mount point")
	makeIt := func() {
		c.MkdirAll(label, c.root.Arg(), relative(m.Destination), 0o755).Out(target).Remedy(remedyTarget)
	}
	if m.Type != "proc" && m.Type != "sysfs" && !m.Options.DestNoFollow {
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
func (c *compiler) newFilesystem(label string, m Mount, data []string, attr uint64, refused launch.Label) launch.Slot {
	fs, mnt := c.Slot(), c.Slot()
	why, denied := c.remedyFor(m.Type), ""
	if kind := fallbackKind(m.Type); (m.Else != "" || m.ElseEmpty) && !c.allows(kind) {
		denied = string(kind)
	}
	c.refusable(m.Type, refused, c.Call(label, unix.SYS_FSOPEN, c.String(m.Type), launch.Const(unix.FSOPEN_CLOEXEC)).Out(fs).Remedy(why).Kind(denied))
	if m.Source != "" {
		c.configure(m, fs, label, []string{"source=" + m.Source}, refused)
	}
	if context := c.plan.MountLabel; context != "" && takesContext(m.Type) {
		c.configure(m, fs, label, []string{"context=" + context}, refused)
	}
	c.configure(m, fs, label, data, refused)
	c.refusable(m.Type, refused, c.Call(label, unix.SYS_FSCONFIG, fs.Arg(), launch.Const(unix.FSCONFIG_CMD_CREATE), launch.Const(0), launch.Const(0), launch.Const(0)).Remedy(why).Kind(denied))
	c.refusable(m.Type, refused, c.Call(label, unix.SYS_FSMOUNT, fs.Arg(), launch.Const(unix.FSMOUNT_CLOEXEC), launch.Const(attr)).Out(mnt).Remedy(why).Kind(denied))
	c.close(fs)
	if c.plan.MountLabel != "" && m.Type == "mqueue" {
		c.labelRoot(label, mnt)
	}
	return mnt
}

// configure hands the options over.
func (c *compiler) configure(m Mount, fs launch.Slot, label string, data []string, refused launch.Label) {
	for _, o := range data {
		key, value, ok := strings.Cut(o, "=")
		cmd, arg := unix.FSCONFIG_SET_FLAG, launch.Const(0)
		if ok {
			cmd, arg = unix.FSCONFIG_SET_STRING, c.String(value)
		}
		r := c.Call(label, unix.SYS_FSCONFIG, fs.Arg(), launch.Const(cmd), c.String(key), arg, launch.Const(0))
		r.Remedy(c.say("the option ", o, " is not one of ", m.Type, "'s, or its value is not one that it takes here"))
		c.refusable(m.Type, refused, r)
	}
}

// refusable goes to a label on what the kernel says when a file system may not be mounted here.
func (c *compiler) refusable(kind string, refused launch.Label, r launch.StepRef) {
	if refused == none {
		return
	}
	r.On(refused, unix.EPERM, unix.EACCES, unix.EBUSY, unix.ENODEV)
	if kind == "overlay" { // on overlays, beyond the depth that the kernel allows
		r.On(refused, unix.EINVAL)
	}
}

// remedyFor says what helps against the kernel's EPERM, which has one reason for each file system.
func (c *compiler) remedyFor(kind string) string {
	if c.Bare {
		return ""
	}
	why := "see /proc/filesystems for what this kernel has"
	switch kind {
	case "sysfs":
		why = "a sysfs needs a network namespace of the container's own, and a /sys outside that nothing is hidden in"
	case "proc":
		why = "a proc needs a pid namespace of the container's own, and a /proc outside that nothing is hidden in (a container around this one hides parts: run it with its masks off)"
		if c.plan.User.Kind == userns.None {
			return why + "; with a user namespace of the container's own ({\"type\": \"user\"}) the proc outside could stand in"
		}
	case "mqueue":
		why = "an mqueue needs an ipc namespace of the container's own"
	case "cgroup2":
		why = "a cgroup2 needs a cgroup namespace of the container's own"
	case "overlay":
		why = "what the directories lie on has to allow an overlay, and the directories must be there"
	case "tmpfs", "devpts":
		return why
	default:
		if c.plan.User.Kind != userns.None {
			why += "; few may be mounted in a user namespace: bind a directory of the host that has it"
		}
		return why
	}
	if kind := fallbackKind(kind); !c.allows(kind) {
		why += "; " + degrade.Remedy(kind)
	}
	return why
}

// upper makes the directories of an overlay on our own tmpfs, and gives the options that name them: relative to the working
// directory, since the descriptor's number is not known now.
func (c *compiler) upper(m Mount) []string {
	name := strconv.Itoa(m.Index)
	for _, d := range []string{name + "u", name + "w"} {
		c.Call(c.about(m, "make an upper directory for ", m.Destination), unix.SYS_MKDIRAT, c.scratch.Arg(), c.String(d), launch.Const(0o755))
	}
	c.Call(c.about(m, "make an upper directory for ", m.Destination), unix.SYS_FCHDIR, c.scratch.Arg())
	options := []string{"upperdir=" + name + "u", "workdir=" + name + "w"}
	if c.plan.User.Kind != userns.None {
		options = append(options, "userxattr") // overlayfs.rst: the trusted.* ones are root's
	}
	return options
}

// fill gives a tmpfs what the directory has that it covers: the mode, where no mode was asked for, as other runtimes do; and
// with tmpcopyup all that is in there. A directory that is not there yet has nothing to give.
func (c *compiler) fill(m Mount, fs, below launch.Slot, label string) {
	o := m.Options
	missing, done := c.Label(), c.Label()
	_, open := c.lookupTo(below, c.say(label, ": make the mount point"), m.Destination, unix.O_PATH|unix.O_DIRECTORY)
	open.On(missing, unix.ENOENT).Remedy(remedyTarget)
	if m.LikeBelow {
		c.Likeness(label, below.Arg(), fs.Arg(), o.TmpCopyUp).Path(m.Destination)
	}
	if o.TmpCopyUp {
		c.copyUp(m, fs, below, label)
	}
	c.Jump(done)
	c.Place(missing)
	c.mountPoint(m, label, below)
	c.Place(done)
	if o.Set&unix.MOUNT_ATTR_RDONLY != 0 { // only now, since it had to be written
		c.setattr(label, fs.Arg(), c.String(""), unix.AT_EMPTY_PATH, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}).Path(m.Destination)
	}
}

func (c *compiler) copyUp(m Mount, fs, below launch.Slot, label string) {
	label = c.say(label, ": copy what is there")
	const why = "the files in the image have to fit into the tmpfs (size=), and must not change meanwhile"
	// A copy of our own that devices cannot be opened through and nothing be written: the files are the image's.
	source := c.clone(label, below.Arg(), c.String(""), unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, m.Destination)
	const safe = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
	c.setattr(label, source.Arg(), c.String(""), unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, unix.MountAttr{Attr_set: safe}).Path(m.Destination)
	r := c.CopyTree(label, source.Arg(), fs.Arg()).Path(m.Destination).Remedy(why)
	left, done := c.Label(), c.Label()
	r.On(left, unix.EOPNOTSUPP)
	c.Jump(done)
	c.Place(left)
	c.note(degrade.MountFlags, mountPath(m)+".options", "tmpcopyup: devices, sockets, and owners that are not mapped, were left out")
	c.Place(done)
	c.close(source)
}
