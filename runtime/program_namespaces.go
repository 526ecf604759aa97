package runtime

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

var errOpen error = &fault.Error{Code: fault.Internal, Err: fault.Words("compiler: executes without ever giving up access to our own files in /proc")}

var errPrivate error = &fault.Error{Code: fault.Internal, Err: fault.Words("compiler: writes a file of our own in /proc after giving up access to it")}

func itoa(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }

// staged reports whether the namespaces need more than the flags of the first fork: where some are joined, the user
// namespace must not be ours yet, since those may belong to the one that we come from; and who joins a pid namespace or
// enters a time namespace only gets there with its next fork.
func staged(p *Plan) bool {
	return len(p.Join) > 0 || p.User.Kind == userns.Join || p.New&unix.CLONE_NEWTIME != 0
}

// namespaces makes and joins them.
//
// Not staged: clone3 makes the user and the pid namespace, so the helpers that write the maps can run at once, beside the
// child that makes the others. A network namespace waits for the maps, since its files belong to who is root in it then.
func (c *compiler) namespaces() {
	c.failsAs(fault.Namespace)
	rest := c.plan.New
	if staged(c.plan) {
		c.joinAll(true)
		c.userNamespace()
		c.joinAll(false)
	} else {
		if c.creates() {
			c.Flags |= unix.CLONE_NEWUSER
		}
		c.Flags |= rest & unix.CLONE_NEWPID
		rest &^= unix.CLONE_NEWPID
		if c.creates() && c.plan.User.Writer == userns.BySelf {
			c.mapSelf()
		}
	}
	late := rest & (unix.CLONE_NEWNET | unix.CLONE_NEWPID)
	if early := rest &^ late; early != 0 {
		c.Call("make namespaces", unix.SYS_UNSHARE, launch.Const(early)).Remedy(remedyNamespaces)
	}
	if len(c.plan.Clocks) > 0 {
		c.writeSelf("set the clocks", "timens_offsets", c.plan.Clocks)
	}
	if c.isNew(unix.CLONE_NEWNS) {
		c.openShared()
		c.separate()
	}
}

const remedyNamespaces = "`ls /proc/self/ns` shows the kinds of namespace that this kernel has, the user.max_*_namespaces sysctls how many may be made; a container around this one may forbid them"

// joinAll enters the namespaces that exist. Some can only be entered from the user namespace that we come from, others only
// from the container's own: so what is refused at first is tried again. The mount namespace waits, since paths change with it.
func (c *compiler) joinAll(first bool) {
	if first {
		c.joined = make([]launch.Slot, len(c.plan.Join))
	}
	for i, j := range c.plan.Join {
		fd, label := constFD(c.at.join(i+1)), c.say("join the namespace ", j.Path)
		if first {
			if j.Flag != unix.CLONE_NEWNS {
				c.joined[i] = c.Slot()
				c.Call(label, unix.SYS_SETNS, fd, launch.Const(j.Flag)).Out(c.joined[i]).Ignore(unix.EPERM).Path(j.Path)
			}
			continue
		}
		again, next := c.Label(), c.Label()
		if j.Flag != unix.CLONE_NEWNS {
			c.JumpIf(c.joined[i], again)
			c.Jump(next)
		}
		c.Place(again)
		c.Call(label, unix.SYS_SETNS, fd, launch.Const(j.Flag)).Path(j.Path).
			Remedy("it belongs to a user namespace that neither you nor the container is root of")
		c.Place(next)
	}
}

func (c *compiler) userNamespace() {
	switch c.plan.User.Kind {
	case userns.Create:
		c.Call(makeUserNamespace, unix.SYS_UNSHARE, launch.Const(unix.CLONE_NEWUSER))
		if c.plan.User.Writer == userns.BySelf {
			c.mapSelf()
		}
	case userns.Join:
		c.goPrivate() // whoever is root in there has power over us from now on
		c.Call("join the user namespace", unix.SYS_SETNS, constFD(c.at.join(0)), launch.Const(unix.CLONE_NEWUSER)).Path(c.plan.User.Path)
	}
}

// mapSelf writes the maps of one line each that the kernel lets anybody write for themselves, user_namespaces(7).
func (c *compiler) mapSelf() {
	before := c.Code
	c.failsAs(fault.IDMap)
	m := c.plan.User.Mapping
	c.writeSelf("deny setgroups", "setgroups", []byte("deny"))
	c.writeSelf("map the user", "uid_map", []byte(m.UIDs.Kernel()))
	c.writeSelf("map the group", "gid_map", []byte(m.GIDs.Kernel()))
	c.Code = before
}

// identity waits for the maps where others write them, makes us root in the container, and closes what is left open of the
// namespaces: the network and, if it could not be had before, the process that is to be the container's own.
func (c *compiler) identity() {
	c.failsAs(fault.Userns)
	u := c.plan.User
	if u.Kind == userns.Create && u.Writer != userns.BySelf {
		c.Sync("map ids", 0, nil, launch.Arg{}, 0, c.mapAction)
		if u.Setgroups && !c.process.KeepGroups {
			c.Call("drop the caller's groups", launch.SysSetgroups, launch.Const(0), launch.Const(0))
		}
		if _, ok := u.Mapping.GIDs.ToHost(0); ok {
			c.Call("become group 0 of the container", launch.SysSetresgid, launch.Const(0), launch.Const(0), launch.Const(0))
		}
		if _, ok := u.Mapping.UIDs.ToHost(0); ok {
			c.Call("become user 0 of the container", launch.SysSetresuid, launch.Const(0), launch.Const(0), launch.Const(0))
		}
	}
	if u.Kind == userns.Join {
		c.enterAsRoot()
	}
	c.makeIDMaps()
	if !c.open() { // else it is later, see createHooks
		c.goPrivate()
	}
	if c.isNew(unix.CLONE_NEWNET) {
		c.Call("make a network namespace", unix.SYS_UNSHARE, launch.Const(unix.CLONE_NEWNET)).Remedy(remedyNamespaces)
	}
	if forks(c.plan) {
		c.Fork(firstProcess, c.plan.New&unix.CLONE_NEWPID|unix.CLONE_PARENT)
	}
}

// firstProcess is the label of the fork that makes it, where the first of all only makes it.
const firstProcess = "make the container's first process"

// enterAsRoot takes the ids of root in a user namespace that was joined, as far as it has them: ours may mean nothing there.
func (c *compiler) enterAsRoot() {
	if !c.process.KeepGroups {
		c.Call("drop the caller's groups", launch.SysSetgroups, launch.Const(0), launch.Const(0)).Ignore(unix.EPERM)
	}
	c.Call("become group 0 of the container", launch.SysSetresgid, launch.Const(0), launch.Const(0), launch.Const(0)).Ignore(unix.EINVAL)
	c.Call("become user 0 of the container", launch.SysSetresuid, launch.Const(0), launch.Const(0), launch.Const(0)).Ignore(unix.EINVAL)
	c.stayPrivate()
}

// forks reports whether the first process only makes the one that counts.
func forks(p *Plan) bool {
	if p.Init && !p.has(unix.CLONE_NEWPID) {
		return false
	}
	if !staged(p) {
		return false
	}
	return p.has(unix.CLONE_NEWPID) || p.has(unix.CLONE_NEWTIME)
}

// propagate sets a mount's propagation, with that of all below it if MS_REC is in flags.
func (c *compiler) propagate(label string, dir, path launch.Arg, flags uint64) launch.StepRef {
	how := uint64(unix.AT_EMPTY_PATH)
	if flags&unix.MS_REC != 0 {
		how |= unix.AT_RECURSIVE
	}
	return c.setattr(label, dir, path, how, unix.MountAttr{Propagation: flags &^ unix.MS_REC})
}

func (c *compiler) setattr(label string, dir, path launch.Arg, how uint64, a unix.MountAttr) launch.StepRef {
	attr := c.Words(a.Attr_set, a.Attr_clr, a.Propagation, a.Userns_fd)
	return c.Call(label, unix.SYS_MOUNT_SETATTR, dir, path, launch.Const(how), attr, launch.Const(32))
}

func (c *compiler) names() {
	c.failsAs(fault.Namespace)
	name := func(field, label string, call uintptr, n string) {
		if n == "" {
			return
		}
		// The namespace is ours, so EPERM is a filter of system calls: engines' default profiles have both calls
		// forbidden to whoever lacks CAP_SYS_ADMIN outside.
		step := c.Call(label, call, c.String(n), launch.Const(len(n))).
			Remedy("the filter of a container around this one forbids it; " + degrade.Remedy(degrade.Hostname))
		c.orGiveUp(degrade.Hostname, field, "the filter of a container around this one forbids to set it; the name outside stays", []launch.StepRef{step}, unix.EPERM)
	}
	name("hostname", "set the host name", unix.SYS_SETHOSTNAME, c.plan.Hostname)
	name("domainname", "set the domain name", unix.SYS_SETDOMAINNAME, c.plan.Domain)
}
