package runtime

import (
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// actions are the host's part at the program's sync points.
type actions struct {
	// unit has systemd move the process to where it is to be, before it does anything.
	unit func(c *launch.Child) error
	// mapIDs returns once the id maps are written.
	mapIDs func(pid int) error
	// mapMount maps the ids of the mount in the first file, by the user namespace in the second, if there is one.
	mapMount func(m Mount, files []*os.File) error
	// netDevices moves devices into the network namespace of a socket.
	netDevices func(socket *os.File) error
	// ready is called when all is set up. It gets the root's descriptor when HOME is asked for, and the terminal's master when
	// there is one, and returns HOME. The process is not executed before it returns.
	ready func(c *launch.Child, root, console *os.File) (home string, err error)
	// hooks runs those on the host that come before the root is changed, and fills in the state for those in the container.
	hooks func(c *launch.Child) error
	// listener is called after it where the filter notifies somebody, and returns what that one is told.
	listener func(c *launch.Child) ([]byte, error)
}

// layout is where the fixed descriptors are: the standard streams, then those that the process keeps, then ours.
type layout struct {
	extra int // how many the process keeps besides the standard streams
	wait  bool
	late  []string // by name, what is needed once start has come
	joins int      // namespaces to join, the user namespace included
	early []string // by name, what is needed up to then
}

func (l layout) start() int       { return 3 + l.extra }
func (l layout) result() int      { return l.start() + 1 }
func (l layout) status() int      { return l.start() + 2 + len(l.late) }
func (l layout) join(i int) int   { return l.status() + 1 + i }
func (l layout) pidfd() int       { return l.join(0) } // of exec, which joins by a pidfd alone
func (l layout) keeps() int       { return l.start() }
func constFD(n int) launch.Arg    { return launch.Const(n) }
func cloexec(n uint64) launch.Arg { return launch.Const(n | unix.O_CLOEXEC) }

// number is where the descriptor of this name is, or -1.
func (l layout) number(name string) int {
	if i := slices.Index(l.late, name); i >= 0 {
		return l.result() + 1 + i
	}
	if i := slices.Index(l.early, name); i >= 0 {
		return l.join(l.joins) + i
	}
	return -1
}

// layout is where the program of this Plan finds its descriptors.
func (p *Plan) layout(extra int, wait bool) layout {
	at := layout{extra: extra, wait: wait, joins: len(p.Join) + 1}
	at.early, at.late = p.Hooks.descriptors()
	at.early = append(at.early, p.idMapNames()...)
	at.late = append(at.late, p.Process.lateFiles()...)
	return at
}

// compiler turns a Plan into a program. Each of its methods adds the steps of one concern; the order of the concerns is in
// compile and is the design.
type compiler struct {
	launch.Builder
	plan     *Plan // nil in an exec
	process  *ProcessPlan
	policies degrade.Policies
	at       layout
	act      actions
	root     launch.Slot // the root file system, O_PATH
	console  launch.Slot // the terminal's master; ^0 when there is none
	sources  map[int]launch.Slot
	links    map[int]sourceLink // of sources that may be symbolic links
	devices  []launch.Slot
	under    launch.Slot   // the directory of the host that the root is mounted on
	scratch  launch.Slot   // our tmpfs for the upper directories of overlays
	null     launch.Slot   // the host's /dev/null, for masks
	user     launch.Slot   // the container's user namespace, where mounts are mapped by it
	joined   []launch.Slot // ^0 where joining a namespace has to be tried again
	deadline time.Duration // for setting up; 0 is the launch's default
	umask    launch.Slot   // the caller's
	hostProc launch.Slot   // the host's /proc, for labels
	private  bool          // we are not dumpable any more
	notes    []Problem     // what a Note of this number means
	err      error
}

// compile makes the program that sets a new container up and executes its process. Bare leaves the words out.
func compile(p *Plan, at layout, act actions, bare bool) (*launch.Program, []Problem, error) {
	c := &compiler{plan: p, process: &p.Process, policies: p.Policies, at: at, act: act, sources: make(map[int]launch.Slot), links: make(map[int]sourceLink)}
	c.Bare = bare
	c.StatusFD = at.status()
	if p.Cgroup != nil && p.Cgroup.Unit != "" {
		c.enterUnit(p.Cgroup.Unit)
	}
	mask := c.Call("umask", unix.SYS_UMASK, launch.Const(0)) // modes are meant as they are written
	if len(p.Hooks.CreateContainer) > 0 {
		c.umask = c.Slot()
		mask.Out(c.umask)
	}
	c.oomScore(&p.Process)
	c.namespaces()
	c.openSources() // by path and as the caller, so before our ids and groups change
	c.identity()
	c.openAttributes(&p.Process)
	c.openRefused()
	c.session(p.Keyring)
	c.names()
	c.loopback()
	c.attachRoot()
	c.mountAll()
	c.makeDevices()
	c.openConsole()
	c.makeCwd()
	c.netDevices()
	c.createHooks() // they may add to the root, and what is hidden and read-only stays that whatever they do
	c.sysctls()
	c.hide()
	c.changeRoot()
	c.become(&p.Process)
	c.labels(&p.Process)
	c.finish(&p.Process)
	if c.err == nil && !c.private {
		c.err = errOpen
	}
	if c.err != nil {
		return nil, nil, c.err
	}
	program, err := c.Program()
	return program, c.notes, err
}

// enterUnit waits for the parent to have the process moved to its cgroup. It comes before everything: nothing happens outside of that, and a cgroup
// namespace has its root where its maker is at that moment (cgroup_namespaces(7)).
func (c *compiler) enterUnit(unit string) {
	c.failsAs(fault.Cgroup)
	c.Sync(c.say("enter the unit ", unit), 0, nil, launch.Arg{}, 0, func(child *launch.Child, files []*os.File) ([]byte, error) {
		closeFiles(files)
		return nil, c.act.unit(child)
	})
}

// failsAs is the code of errors of the steps from here on.
func (c *compiler) failsAs(code fault.Code) { c.Code = string(code) }

// say puts a step's label together, unless nobody is going to read it.
func (c *compiler) say(parts ...string) string {
	if c.Bare {
		return ""
	}
	return strings.Join(parts, "")
}

// writeSelf writes one of our own files in /proc. They become unreachable for us once we are not dumpable, so a later one is
// a mistake of the compiler's.
func (c *compiler) writeSelf(label, file string, data []byte) (open, write launch.StepRef) {
	if c.private {
		c.err = errPrivate
	}
	fd := c.Slot()
	open = c.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String("/proc/self/"+file), cloexec(unix.O_WRONLY)).Out(fd).Path("/proc/self/" + file)
	write = c.WriteAll(label, fd.Arg(), data).Path("/proc/self/" + file)
	c.close(fd)
	return open, write
}

func (c *compiler) close(s launch.Slot) { c.Call("close", unix.SYS_CLOSE, s.Arg()) }

// goPrivate takes our memory, descriptors and /proc files away from everybody but the machine's root (man 2 ptrace,
// "access mode checking"). CVE-2016-9962 was a runtime that did so too late.
func (c *compiler) goPrivate() {
	if !c.private {
		c.private = true
		c.stayPrivate()
	}
}

// stayPrivate says it again after a change of ids, which makes us what fs.suid_dumpable says (proc_sys_fs(5)): 1 on some
// machines.
func (c *compiler) stayPrivate() {
	if c.private {
		c.Call("not dumpable", unix.SYS_PRCTL, launch.Const(unix.PR_SET_DUMPABLE), launch.Const(0))
	}
}

// oomScore comes first: it is one of our own files, and lowering it takes the machine's CAP_SYS_RESOURCE.
func (c *compiler) oomScore(p *ProcessPlan) {
	c.failsAs(fault.Process)
	if p.OOMScoreAdj == nil || p.Outside {
		return
	}
	open, write := c.writeSelf("set oom_score_adj", "oom_score_adj", itoa(*p.OOMScoreAdj))
	write.Remedy("only root may lower it; " + degrade.Remedy(degrade.OOM))
	c.orGiveUp(degrade.OOM, "process.oomScoreAdj", "only root may lower it; it stays as the caller's", []launch.StepRef{open, write}, unix.EACCES, unix.EPERM)
}

// isNew reports whether the container gets this namespace made.
func (c *compiler) isNew(flag uint64) bool { return c.plan.New&flag != 0 }

func (c *compiler) creates() bool { return c.plan.User.Kind == userns.Create }
