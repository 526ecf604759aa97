package runtime

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// Sources are opened as the caller, before the maps of a new user namespace are written: then we are in it, own what we owned,
// and have no capability over anything. Directories of other ids of the container's, such as the storage of an engine has, are
// closed to us until we are root of the container. So what is refused at first is opened again then.
func (c *compiler) triesAgain() bool {
	u := c.plan.User
	return u.Kind == userns.Create && u.Writer != userns.BySelf || u.Kind == userns.Join
}

// openRefused opens what could not be opened as the caller.
func (c *compiler) openRefused() {
	p := c.plan
	if !c.triesAgain() {
		return
	}
	c.unless(c.under, func() { c.openRoot(true) })
	if p.Root.Change == Chroot {
		return
	}
	for i, m := range p.Mounts {
		if s, ok := c.sources[i]; ok && m.Bind {
			c.unless(s, func() { c.openSource(m, i, true) })
		}
	}
}

// unless adds steps for where the one that was to fill a slot let an errno pass.
func (c *compiler) unless(s launch.Slot, steps func()) {
	missing, there := c.Label(), c.Label()
	c.JumpIf(s, missing)
	c.Jump(there)
	c.Place(missing)
	steps()
	c.Place(there)
}

// openRoot opens the directory of the root file system and makes a copy of the mount that it is on.
func (c *compiler) openRoot(again bool) {
	c.failsAs(fault.Rootfs)
	p, label, refused := c.plan, "open the root file system", c.Label()
	if !again {
		c.under, c.root = c.Slot(), c.Slot()
	}
	open := c.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String(p.Root.Path),
		cloexec(unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)).Out(c.under).Path(p.Root.Path)
	if !again && c.triesAgain() {
		open.Ignore(unix.EACCES)
		c.JumpIf(c.under, refused)
	}
	switch {
	case p.Root.Change == Chroot:
		c.root = c.under
	case !replacesRoot(p):
		c.cloneTo(c.root, label, c.under.Arg(), c.String(""), unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, p.Root.Path)
		if p.Root.Propagation&receiving == 0 {
			c.propagate("make the root private", c.root.Arg(), c.String(""), unix.MS_REC|unix.MS_PRIVATE)
		}
	}
	c.Place(refused)
}

// openSource opens what a mount binds; of an overlay, the directory below it that may have to stand in for it.
func (c *compiler) openSource(m Mount, i int, again bool) {
	source, flags := m.Source, uint64(0)
	label := c.about(m, "open ", source, " to bind it on ", m.Destination)
	switch {
	case m.Bind:
	case m.Type == "overlay" && m.Else != "":
		source, flags = m.Else, unix.AT_RECURSIVE
	default:
		return
	}
	if m.Options.SourceNoFollow || m.Options.CopySymlink {
		flags |= unix.AT_SYMLINK_NOFOLLOW
	}
	if m.Options.CopySymlink && !again {
		c.readLink(m, label)
	}
	if !c.plan.copiesLate(m) {
		flags |= unix.OPEN_TREE_CLONE
		if m.Options.Recursive {
			flags |= unix.AT_RECURSIVE
		}
	}
	if !again {
		c.sources[i] = c.Slot()
	}
	r := c.Call(label, unix.SYS_OPEN_TREE, launch.Const(unix.AT_FDCWD), c.String(source),
		launch.Const(flags|unix.OPEN_TREE_CLOEXEC)).Out(c.sources[i]).Path(source).Remedy(c.remedySource(m))
	switch {
	case !m.Bind:
		r.Ignore() // only needed where the file system is refused
	case !again && c.triesAgain():
		r.Ignore(unix.EACCES)
	}
}

// manyMounts is how many a process can have open on any system.
const manyMounts = 500

func (c *compiler) remedySource(m Mount) string {
	why := "it has to be there, and open to you; an unbindable one cannot be bound"
	if m.Bind && !m.Options.Recursive {
		why += "; if there are mounts below it, \"rbind\" is needed in a user namespace"
	}
	if len(c.plan.Mounts) > manyMounts {
		why += "; each takes a descriptor: `ulimit -Hn` has to be larger than the number of binds"
	}
	return why
}

// copiesLate reports whether a bind's copy is made when its turn comes. /proc/PID/mountinfo is in the order in which mounts
// are made, since Linux 6.8, and readers expect the order of the configuration. What receives from the host or is its peer is
// copied at once, since the root cannot be kept out of it later, see copySource.
func (p *Plan) copiesLate(m Mount) bool {
	return m.Bind && !p.follows() && !p.sharedSource(m) && p.Root.Change != Chroot && !(m.Index == 0 && replacesRoot(p))
}

// copySource makes the copy of what a mount binds. The directory that the root is mounted on may be somewhere below: whoever
// binds the host's / gets the host's / and not the container in it once more, without what is hidden there. An unbindable
// mount is left out of a copy, with all below it (mount_namespaces(7)).
func (c *compiler) copySource(m Mount, source launch.Slot) launch.Slot {
	if !c.plan.copiesLate(m) {
		return source
	}
	label, how := c.about(m, "copy ", m.Source), uint64(unix.AT_EMPTY_PATH)
	if m.Options.Recursive {
		how |= unix.AT_RECURSIVE
		c.ours(label, unix.MS_UNBINDABLE)
	}
	s := c.Slot()
	c.cloneTo(s, label, source.Arg(), c.String(""), how, m.Source).Remedy(c.remedySource(m))
	if m.Options.Recursive {
		c.ours(label, unix.MS_PRIVATE)
	}
	c.close(source)
	return s
}

// ours sets the propagation of what we mounted on the host's directory.
func (c *compiler) ours(label string, flags uint64) {
	c.propagate(label, c.root.Arg(), c.String(""), flags)
	if c.plan.anyScratch() {
		c.propagate(label, c.scratch.Arg(), c.String(""), flags)
	}
}

func (p *Plan) anyScratch() bool {
	return slices.ContainsFunc(p.Mounts, func(m Mount) bool { return m.Scratch })
}

// clone is a detached copy of a mount.
func (c *compiler) clone(label string, dir, path launch.Arg, flags uint64, about string) launch.Slot {
	s := c.Slot()
	c.cloneTo(s, label, dir, path, flags, about)
	return s
}

func (c *compiler) cloneTo(s launch.Slot, label string, dir, path launch.Arg, flags uint64, about string) launch.StepRef {
	return c.Call(label, unix.SYS_OPEN_TREE, dir, path, launch.Const(flags|unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)).Out(s).Path(about)
}
