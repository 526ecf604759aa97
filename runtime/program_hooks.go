package runtime

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// createHooks runs what comes when all is mounted and the host's files can still be reached: the parent runs the hooks on the
// host, then those in the container are run here.
func (c *compiler) createHooks() {
	c.failsAs(fault.Hook)
	h := &c.plan.Hooks
	if h.onHost() || len(h.CreateContainer) > 0 {
		if c.open() {
			// A change of ids may have taken it (proc_sys_fs(5), "suid_dumpable"). An ordinary user's hook has to get at
			// /proc/PID/ns, and our parent, which it could get at as well, has no more to hide than we.
			c.Call("dumpable for the hooks", unix.SYS_PRCTL, launch.Const(unix.PR_SET_DUMPABLE), launch.Const(1))
		}
		c.Sync("run hooks on the host", 0, nil, launch.Arg{}, 0, c.hooksAction)
	}
	c.goPrivate()
	if len(h.CreateContainer) == 0 {
		return
	}
	c.deadline = waitsFor(h.CreateContainer, launch.DefaultDeadline)
	state, output := constFD(c.at.number(creatingState)), constFD(c.at.number(outputOfHooks))
	for i := range h.CreateContainer {
		c.hookInside(&h.CreateContainer[i], i+1, state, output, func() {
			c.Call("restore the umask", unix.SYS_UMASK, c.umask.Arg())
			c.Call("enter the root", unix.SYS_FCHDIR, c.root.Arg())
			c.fileLimit()
		})
	}
}

// startHooks comes right before the execve, in the process that executes and as the user that it is. What the hooks say goes to
// its standard error.
func (c *compiler) startHooks() {
	c.failsAs(fault.Hook)
	if c.plan == nil || len(c.plan.Hooks.StartContainer) == 0 {
		return
	}
	h := &c.plan.Hooks
	c.Rest = waitsFor(h.StartContainer, launch.DefaultDeadline)
	for i := range h.StartContainer {
		c.hookInside(&h.StartContainer[i], len(h.CreateContainer)+i+1, constFD(c.at.number(createdState)), constFD(2), func() {})
	}
}

// fileLimit sets the limit that the process will have for hooks that come before it is set.
func (c *compiler) fileLimit() {
	limits := c.process.Rlimits
	if i := slices.IndexFunc(limits, Rlimit.ofFiles); i >= 0 {
		c.Call("set the limit of open files", unix.SYS_PRLIMIT64, launch.Const(0), launch.Const(unix.RLIMIT_NOFILE), c.Words(limits[i].Soft, limits[i].Hard), launch.Const(0)).Ignore()
		return
	}
	restoreFileLimit(&c.Builder)
}

// open reports whether we are to stay dumpable until the hooks on the host have run: no process of a container can be there to
// look into us, unless it is in a namespace that we join.
func (c *compiler) open() bool {
	p := c.plan
	return p.Hooks.onHost() && p.User.Kind != userns.Join && (!p.has(unix.CLONE_NEWPID) || p.New&unix.CLONE_NEWPID != 0)
}

// hookInside runs a hook in a child of ours. It has nothing of us but the state and where its output goes: all else is closed by
// its execve, up to which it can still say what went wrong. It does not outlive us.
func (c *compiler) hookInside(h *Hook, number int, state, output launch.Arg, prepare func()) {
	label := c.say("run ", h.At)
	pid, parent := c.Slot(), c.Label()
	c.About(number)
	c.Call(label, unix.SYS_LSEEK, state, launch.Const(0), launch.Const(unix.SEEK_SET))
	c.Spawn(label, 0, pid, parent)
	c.Call("end with the container", unix.SYS_PRCTL, launch.Const(unix.PR_SET_PDEATHSIG), launch.Const(unix.SIGKILL))
	c.Call("lead a process group", unix.SYS_SETPGID, launch.Const(0), launch.Const(0))
	prepare()
	for fd, from := range []launch.Arg{state, output, output} {
		if from != constFD(fd) {
			c.Call("give it its streams", unix.SYS_DUP3, from, constFD(fd), launch.Const(0))
		}
	}
	c.Call("close the rest", unix.SYS_CLOSE_RANGE, constFD(3), launch.Const(uint64(1<<32-1)), launch.Const(unix.CLOSE_RANGE_CLOEXEC))
	h.exec(&c.Builder)
	c.Place(parent)
	c.Finish(c.say("wait for ", h.At), pid.Arg(), h.Timeout).Path(h.Path)
	c.About(0)
}

func (c *compiler) hooksAction(child *launch.Child, files []*os.File) ([]byte, error) {
	for _, f := range files {
		f.Close()
	}
	return nil, c.act.hooks(child)
}
