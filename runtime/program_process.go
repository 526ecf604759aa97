package runtime

import (
	"encoding/binary"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/nofile"
)

// openConsole opens a terminal of the container's own devpts, makes it the standard streams and binds it on /dev/console: all
// by descriptors, since what is at /dev/pts/N may be swapped (CVE-2025-52565).
func (c *compiler) openConsole() {
	c.failsAs(fault.Terminal)
	if !c.plan.Process.Terminal {
		return
	}
	peer := c.terminal(&c.plan.Process, "it needs a devpts mount on /dev/pts, as `roost spec` writes it")
	if c.plan.Root.Change != Chroot { // else it would be bound on the host
		c.bindConsole(peer)
	}
	c.streams(peer)
}

func (c *compiler) bindConsole(peer launch.Slot) {
	const label = "bind the terminal on /dev/console"
	target := c.Slot()
	c.Create(label, c.root.Arg(), "dev/console").Out(target)
	copied := c.clone(label, peer.Arg(), c.String(""), unix.AT_EMPTY_PATH, "/dev/console")
	c.move(label, copied, target.Arg()).Path("/dev/console")
	c.close(copied)
	c.close(target)
}

// terminal opens a pair below c.root: c.console is the master, the result the other side.
func (c *compiler) terminal(p *ProcessPlan, remedy string) launch.Slot {
	const label = "open a terminal"
	peer := c.Slot()
	c.console = c.Slot()
	how := c.Words(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_MAGICLINKS)
	c.Call(label, unix.SYS_OPENAT2, c.root.Arg(), c.String("dev/pts/ptmx"), how, launch.Const(24)).Out(c.console).Path("/dev/pts/ptmx").Remedy(remedy)
	c.Verify(label, c.console.Arg(), launch.OnFilesystem, unix.DEVPTS_SUPER_MAGIC).Path("/dev/pts/ptmx").Remedy("what is mounted on /dev/pts is no devpts")
	c.Verify(label, c.console.Arg(), launch.IsCharDevice, launch.Device(5, 2)).Path("/dev/pts/ptmx").Remedy("/dev/pts/ptmx is no terminal multiplexer")
	c.Call(label, unix.SYS_IOCTL, c.console.Arg(), launch.Const(unix.TIOCSPTLCK), c.Data(make([]byte, 4)))
	c.Call(label, unix.SYS_IOCTL, c.console.Arg(), launch.Const(unix.TIOCGPTPEER), launch.Const(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).Out(peer)
	if p.UID != 0 {
		c.Call("give the terminal to the user", launch.SysFchown, peer.Arg(), launch.Const(p.UID), launch.Const(uint64(1<<32-1)))
	}
	if p.Rows != 0 || p.Cols != 0 {
		size := binary.NativeEndian.AppendUint16(nil, p.Rows)
		size = binary.NativeEndian.AppendUint16(size, p.Cols)
		c.Call("set the terminal's size", unix.SYS_IOCTL, peer.Arg(), launch.Const(unix.TIOCSWINSZ), c.Data(append(size, 0, 0, 0, 0)))
	}
	return peer
}

// streams makes the terminal our standard streams and, since we lead a session, our controlling terminal.
func (c *compiler) streams(peer launch.Slot) {
	for fd := range 3 {
		c.Call("use the terminal", unix.SYS_DUP3, peer.Arg(), constFD(fd), launch.Const(0))
	}
	c.Call("use the terminal", unix.SYS_IOCTL, constFD(0), launch.Const(unix.TIOCSCTTY), launch.Const(0))
	c.close(peer)
}

// makeCwd makes the working directory if it is missing, as other runtimes do.
func (c *compiler) makeCwd() {
	c.failsAs(fault.Process)
	dir := c.Slot()
	c.MkdirAll("make the working directory", c.root.Arg(), relative(c.plan.Process.Cwd), 0o755).Out(dir)
	c.close(dir)
}

// become turns us into what the process is to be. Each of these takes away what a later one may need, so the order counts:
// limits while we may raise them; the bounding set while we have CAP_SETPCAP; ids keep their capabilities only by
// PR_SET_KEEPCAPS; the sets last, ambient ones after those that they must be part of (capabilities(7)).
func (c *compiler) become(p *ProcessPlan) {
	c.failsAs(fault.Process)
	cwd := c.Slot()
	c.Call("enter the working directory", unix.SYS_CHDIR, c.String(inContainer(p.Cwd))).Out(cwd).Ignore(unix.EACCES).Path(p.Cwd)
	c.limits(p)
	c.scheduling(p)
	c.bounding(p.Capabilities.Bounding)
	c.Call("keep capabilities", unix.SYS_PRCTL, launch.Const(unix.PR_SET_KEEPCAPS), launch.Const(1))
	if p.SetGroups && !p.KeepGroups {
		list := c.Scratch(4 * len(p.Groups))
		for i, g := range p.Groups {
			c.Fill(list.Offset(4*i), binary.NativeEndian.AppendUint32(nil, g))
		}
		c.Call("set the groups", launch.SysSetgroups, launch.Const(len(p.Groups)), list)
	}
	c.Call("become the group", launch.SysSetresgid, launch.Const(p.GID), launch.Const(p.GID), launch.Const(p.GID))
	c.Call("become the user", launch.SysSetresuid, launch.Const(p.UID), launch.Const(p.UID), launch.Const(p.UID))
	c.stayPrivate()
	c.capabilities(p.untilFilter())
	c.Call("umask", unix.SYS_UMASK, launch.Const(p.Umask))
	if p.NoNewPrivs {
		c.Call("set no_new_privs", unix.SYS_PRCTL, launch.Const(unix.PR_SET_NO_NEW_PRIVS), launch.Const(1), launch.Const(0), launch.Const(0), launch.Const(0))
	}
	again, there := c.Label(), c.Label()
	c.JumpIf(cwd, again)
	c.Jump(there)
	c.Place(again) // what root may not enter the user may, on a network file system for one
	c.Call("enter the working directory", unix.SYS_CHDIR, c.String(inContainer(p.Cwd))).Path(p.Cwd).Remedy("choose another cwd, or a user who may enter it")
	c.Place(there)
	c.Verify("enter the working directory", launch.Const(0), launch.CwdInside, 0).Path(p.Cwd).Remedy("the working directory is outside of the container")
}

func (c *compiler) limits(p *ProcessPlan) {
	for _, r := range p.Rlimits {
		if p.Outside {
			continue
		}
		step := c.Call(c.say("set the resource limit ", r.Name), unix.SYS_PRLIMIT64, launch.Const(0), launch.Const(r.Resource), c.Words(r.Soft, r.Hard), launch.Const(0)).
			Remedy(rlimitRemedy + degrade.Remedy(degrade.Rlimit))
		c.orGiveUp(degrade.Rlimit, "process.rlimits", r.Name+": only root may raise a hard limit, and none beyond what the kernel allows; the caller's stays", []launch.StepRef{step}, unix.EPERM)
	}
	if !slices.ContainsFunc(p.Rlimits, Rlimit.ofFiles) {
		restoreFileLimit(&c.Builder)
	}
}

func (r Rlimit) ofFiles() bool { return r.Resource == unix.RLIMIT_NOFILE }

// restoreFileLimit undoes what Go did to the limit when we started, see package nofile.
func restoreFileLimit(b *launch.Builder) {
	if soft, hard := nofile.Original(); hard != 0 {
		b.Call("restore the limit of open files", unix.SYS_PRLIMIT64, launch.Const(0), launch.Const(unix.RLIMIT_NOFILE), b.Words(soft, hard), launch.Const(0))
	}
}

func (c *compiler) bounding(set uint64) {
	last := c.Label()
	for n := range 64 {
		if set&(1<<n) == 0 { // EINVAL: the kernel knows no capability of this number, nor any higher
			c.Call("drop from the bounding set", unix.SYS_PRCTL, launch.Const(unix.PR_CAPBSET_DROP), launch.Const(n)).On(last, unix.EINVAL)
		}
	}
	c.Place(last)
}

// capabilities sets what is left.
func (c *compiler) capabilities(s Capabilities) {
	c.capset(s)
	c.Call("clear ambient capabilities", unix.SYS_PRCTL, launch.Const(unix.PR_CAP_AMBIENT), launch.Const(unix.PR_CAP_AMBIENT_CLEAR_ALL), launch.Const(0), launch.Const(0), launch.Const(0))
	for n := range 64 {
		if s.Ambient&(1<<n) != 0 {
			c.Call("raise an ambient capability", unix.SYS_PRCTL, launch.Const(unix.PR_CAP_AMBIENT), launch.Const(unix.PR_CAP_AMBIENT_RAISE), launch.Const(n), launch.Const(0), launch.Const(0)).
				Remedy("an ambient capability has to be permitted and inheritable, too")
		}
	}
}

// capset sets all but the ambient ones. struct __user_cap_data has effective, permitted and inheritable, low halves first.
func (c *compiler) capset(s Capabilities) {
	const version3 = 0x20080522
	header := binary.NativeEndian.AppendUint64(nil, version3) // version, pid 0
	if binary.NativeEndian.Uint32(header) != version3 {       // big-endian
		header = append(header[4:], 0, 0, 0, 0)
	}
	var data []byte
	for _, shift := range []int{0, 32} {
		for _, set := range []uint64{s.Effective, s.Permitted, s.Inheritable} {
			data = binary.NativeEndian.AppendUint32(data, uint32(set>>shift))
		}
	}
	c.Call("set the capabilities", unix.SYS_CAPSET, c.Data(header), c.Data(data)).
		Remedy("a capability was asked for that the caller does not have (a container around this one may have dropped it)")
}

const homeSize = 4096 + len("HOME=") + 1

// finish reports that all is set up, waits for start where that comes from another command, and executes.
func (c *compiler) finish(p *ProcessPlan) {
	executable := c.find(p)
	env := make([]launch.Arg, 0, len(p.Env)+1)
	for _, e := range p.Env {
		if e != "HOME=" {
			env = append(env, c.String(e))
		}
	}
	var send []launch.Slot
	home, message, size := c.replySpace(p)
	if p.LookupHome {
		env = append(env, home)
		send = append(send, c.root)
	}
	if p.Terminal {
		send = append(send, c.console)
	}
	c.Sync("set up", c.deadline, send, home, size, c.readyAction)
	if c.plan != nil && c.plan.Init {
		c.underInit(p)
	}
	env = append(env, c.ownPid(p.OwnPid)...)
	if c.at.wait {
		c.awaitStart()
	} else {
		// What is open besides are descriptors of the container's own files; they close with the execve.
		c.Call("close the rest", unix.SYS_CLOSE_RANGE, constFD(c.at.keeps()), launch.Const(uint64(1<<32-1)), launch.Const(unix.CLOSE_RANGE_CLOEXEC))
	}
	c.startHooks()
	c.ExecNext() // by a write, which the filter may not allow
	c.filter(p, message)
	c.exec(p, executable, env)
}

// ownPid makes the variables that hold the process's own pid: after all forks, so that it is what the process itself sees.
func (c *compiler) ownPid(names []string) (env []launch.Arg) {
	if len(names) == 0 {
		return nil
	}
	const label = "tell the process its pid"
	pid := c.Slot()
	c.Call(label, unix.SYS_GETPID).Out(pid)
	for _, name := range names {
		env = append(env, c.Decimal(label, name+"=", pid.Arg()))
	}
	return env
}

// find looks the program up, so that its lack is known before anything is committed to.
func (c *compiler) find(p *ProcessPlan) launch.Slot {
	c.failsAs(fault.ExecFormat)
	defer c.failsAs(fault.Process)
	executable := c.Slot()
	c.Find(c.say("find ", p.Args[0]), p.Paths).Out(executable).Path(p.Args[0])
	return executable
}

func (c *compiler) exec(p *ProcessPlan, executable launch.Slot, env []launch.Arg) {
	argv := make([]launch.Arg, len(p.Args))
	for i, a := range p.Args {
		argv[i] = c.String(a)
	}
	c.failsAs(fault.ExecFormat) // or what its errno says: see execCode
	c.Call(c.say(execLabel, p.Args[0]), unix.SYS_EXECVE, executable.Arg(), c.Pointers(argv), c.Pointers(env)).Path(p.Args[0])
}

// awaitStart waits for a byte in the FIFO `start`. We opened it for reading and writing, so that there is no end of file:
// only a byte starts. Nothing else is open meanwhile but what the process keeps; and what goes wrong from here on is told
// through the second FIFO, which the one who starts us listens to.
func (c *compiler) awaitStart() {
	start, result := constFD(c.at.start()), constFD(c.at.result())
	c.ReportTo(result)
	c.Call("close the rest", unix.SYS_CLOSE_RANGE, constFD(c.at.status()), launch.Const(uint64(1<<32-1)), launch.Const(0))
	again := c.Here()
	c.Call("wait for start", unix.SYS_READ, start, c.Space(1), launch.Const(1)).On(again, unix.EINTR, unix.EAGAIN)
	c.Call("close the FIFO", unix.SYS_CLOSE, start)
}

// underInit makes this process a minimal pid 1 and goes on in a child of it.
func (c *compiler) underInit(p *ProcessPlan) {
	pid, self, parent, child := c.Slot(), c.Slot(), c.Label(), c.Label()
	c.BlockSignals("block signals", true)
	c.Call("adopt orphans", unix.SYS_PRCTL, launch.Const(unix.PR_SET_CHILD_SUBREAPER), launch.Const(1))
	c.Spawn("make the process", 0, pid, parent)
	// A process group of its own, in the foreground, or the terminal's signals would reach it twice.
	c.Call("lead a process group", unix.SYS_SETPGID, launch.Const(0), launch.Const(0))
	if p.Terminal {
		c.Call("lead a process group", unix.SYS_GETPID).Out(self)
		c.Call("take the terminal", unix.SYS_IOCTL, constFD(0), launch.Const(unix.TIOCSPGRP), self.Address())
	}
	c.Call("adopt no orphans", unix.SYS_PRCTL, launch.Const(unix.PR_SET_CHILD_SUBREAPER), launch.Const(0))
	c.BlockSignals("unblock signals", false)
	c.resetOnFork(c.process)
	c.Jump(child)
	c.Place(parent)
	if p.holdsAdmin() { // which is for the filter, and this process gets none
		c.capset(p.Capabilities)
	}
	c.Call("close the rest", unix.SYS_CLOSE_RANGE, constFD(c.at.keeps()), launch.Const(uint64(1<<32-1)), launch.Const(0))
	c.Reap("wait for the process", pid.Arg())
	c.Place(child)
}

func (c *compiler) mapAction(child *launch.Child, _ []*os.File) ([]byte, error) {
	return nil, c.act.mapIDs(child.Pid())
}

// readyAction sorts out what the child sent.
func (c *compiler) readyAction(child *launch.Child, files []*os.File) ([]byte, error) {
	var root, console *os.File
	p := c.process
	if p.LookupHome && len(files) > 0 {
		root, files = files[0], files[1:]
	}
	if p.Terminal && len(files) > 0 {
		console, files = files[0], files[1:]
	}
	for _, f := range files {
		f.Close()
	}
	home, err := c.act.ready(child, root, console)
	if root != nil {
		root.Close()
	}
	if err != nil {
		return nil, err
	}
	var reply []byte
	if p.LookupHome {
		if len(home) > homeSize-len("HOME=")-2 {
			home = "/"
		}
		reply = []byte("HOME=" + home)
	}
	if len(p.lateFiles()) == 0 {
		return reply, nil
	}
	state, err := c.act.listener(child)
	return append(append(reply, make([]byte, homeEnd-len(reply))...), state...), err
}
