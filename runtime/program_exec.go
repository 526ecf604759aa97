package runtime

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// execPlan is what an exec will be.
type execPlan struct {
	process  *ProcessPlan
	flags    uint64 // CLONE_NEW* of the namespaces to join
	chroot   bool   // the mount namespace is ours: the container is a root directory in it
	keyring  string
	deadline time.Duration
	policies degrade.Policies
	unit     string // systemd moves the process there; "" where it is born in its cgroup
}

// compileExec makes the program of a process that joins a running container. Its processes are hostile, and see us from the
// setns on: so we are not dumpable before, and have nothing open that is not the process's to be, but the socket to our
// parent. They may stop us; hence the deadline.
func compileExec(e execPlan, at layout, act actions, bare bool) (*launch.Program, []Problem, error) {
	p := e.process
	c := &compiler{process: p, policies: e.policies, at: at, act: act, deadline: e.deadline}
	c.Bare = bare
	c.StatusFD = at.status()
	if e.unit != "" {
		c.enterUnit(e.unit)
	}
	c.Call("umask", unix.SYS_UMASK, launch.Const(0))
	c.oomScore(p)
	c.cpus("run on the initial CPUs", "initial", p.Scheduling.InitialCPUs)
	c.goPrivate()
	c.openAttributes(p)
	c.join(e.flags, e.chroot)
	c.session(e.keyring)
	c.terminalInside(p)
	c.become(p)
	c.labels(p)
	c.finish(p)
	if c.err != nil {
		return nil, nil, c.err
	}
	program, err := c.Program()
	return program, c.notes, err
}

func (c *compiler) join(flags uint64, chroot bool) {
	c.failsAs(fault.Namespace)
	if flags != 0 {
		c.Call("join the container", unix.SYS_SETNS, constFD(c.at.pidfd()), launch.Const(flags)).
			Remedy("the container belongs to another user, or its process has just ended")
	}
	c.Call("close", unix.SYS_CLOSE, constFD(c.at.pidfd()))
	if flags&unix.CLONE_NEWUSER != 0 {
		c.enterAsRoot()
	}
	if chroot {
		root := constFD(c.at.number("root"))
		c.Call("enter the root", unix.SYS_FCHDIR, root)
		c.Call("change the root", unix.SYS_CHROOT, c.String(".")).Remedy("it takes CAP_SYS_CHROOT")
		c.Call("close", unix.SYS_CLOSE, root)
	}
	if flags&(unix.CLONE_NEWPID|unix.CLONE_NEWTIME) != 0 {
		c.Fork("make the process", unix.CLONE_PARENT)
	}
}

// terminalInside opens a terminal of the container's. Its /dev may be anything by now: the descriptor is looked at.
func (c *compiler) terminalInside(p *ProcessPlan) {
	c.failsAs(fault.Terminal)
	if !p.Terminal {
		return
	}
	c.root = c.Slot()
	c.Call("open the root", unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String("/"), cloexec(unix.O_PATH|unix.O_DIRECTORY)).Out(c.root)
	c.streams(c.terminal(p, "the container has no devpts on /dev/pts"))
	c.close(c.root)
}
