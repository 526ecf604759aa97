package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/sys"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/userns"
)

// ExecOptions is one more process in a running container.
type ExecOptions struct {
	// Process is what to execute: see [Container.DefaultProcess]. It is not changed.
	Process *specs.Process
	// User, if not empty, replaces Process.User: "uid[:gid]" or "name[:group]", by the container's own files.
	User          string
	Stdio         Stdio
	ConsoleSocket string
	ConsoleSize   *specs.Box // as in CreateOptions
	PidFile       string
	ExtraFiles    []*os.File
	// Deadline is how long joining may take; a container that stops the process meanwhile makes it longer. 0 is 10 s.
	Deadline time.Duration
	Forked   func() (ready func()) // as in CreateOptions
	stopAt   int
}

const defaultExecDeadline = 10 * time.Second

// Exec runs a process in the container. It is a child of this process, and has to be waited for: the kernel ends a container
// with a pid namespace only when all who were in it have been waited for (pid_namespaces(7)), so that until then a Wait for its
// first process does not return. Destroy on the same handle sees to it.
func (c *Container) Exec(ctx context.Context, o ExecOptions) (*Process, error) {
	p, err := c.exec(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", c.id, err)
	}
	return p, nil
}

func (c *Container) exec(ctx context.Context, o ExecOptions) (*Process, error) {
	if err := c.mayExec(ctx); err != nil {
		return nil, err
	}
	if o.Deadline <= 0 {
		o.Deadline = defaultExecDeadline
	}
	target, err := c.joinTarget()
	if err != nil {
		return nil, err
	}
	defer target.close()
	plan, err := target.plan(o)
	if err != nil {
		return nil, err
	}
	e := &execution{options: o, process: &Process{}}
	at := layout{extra: len(o.ExtraFiles), joins: 1}
	compile := func(bare bool) (*launch.Program, error) {
		return compileExec(plan, at, target.flags, "_ses."+c.id, o.Deadline, actions{ready: e.ready}, bare)
	}
	program, err := compile(true)
	if err != nil {
		return nil, err
	}
	if err := e.start(ctx, program, at, target.pidfd); err != nil {
		return nil, inWords(err, func() (*launch.Program, error) { return compile(false) })
	}
	c.keep(e.process)
	return e.process, nil
}

func (c *Container) keep(p *Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ended := func(p *Process) bool { return p.child.Ended() }
	c.started = append(slices.DeleteFunc(c.started, ended), p)
}

// waitForStarted has those waited for that nobody has waited for yet. Their statuses stay with them.
func (c *Container) waitForStarted() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.started {
		go func() { _, _ = p.child.Wait() }()
	}
	c.started = nil
}

func (c *Container) mayExec(ctx context.Context) error {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return err
	}
	defer d.close()
	// Whoever sets it up holds the lock. Until that is done its mount namespace has the host's root, and who is root could
	// join it like that.
	if err := d.share(ctx); err != nil {
		return err
	}
	status, err := c.status(d)
	switch {
	case err != nil:
		return err
	case status == Stopped:
		return fmt.Errorf("cannot exec in a stopped container: %w", ErrNotRunning)
	case status != Running:
		// Until it executes, the first process is a copy of the runtime that nobody may look into: not even we.
		return fmt.Errorf("cannot exec in a container that is %s: %w; start it first", status, ErrNotRunning)
	}
	return nil
}

// execution is an exec while it is under way.
type execution struct {
	options ExecOptions
	process *Process
	others  func() // what Forked returned
}

func (e *execution) start(ctx context.Context, program *launch.Program, at layout, pidfd *os.File) error {
	o := e.options
	files, opened, err := inheritedFiles(o.Stdio, o.ExtraFiles)
	defer closeFiles(opened)
	if err != nil {
		return err
	}
	files = append(files, launch.File{File: pidfd, To: at.pidfd()})
	child, err := launch.Start(program, launch.Options{Files: files, StopAt: o.stopAt})
	if err != nil {
		return os.NewSyscallError("clone3", err)
	}
	e.process.child = child
	if o.Forked != nil {
		e.others = o.Forked()
	}
	if err := child.Drive(ctx); err != nil {
		e.process.close()
		return err
	}
	return nil
}

func (e *execution) ready(child *launch.Child, _, console *os.File) (string, error) {
	e.process.console = console
	if e.others != nil {
		e.others()
	}
	if s := e.options.ConsoleSize; console != nil && s != nil && (e.options.Process.ConsoleSize == nil) {
		_ = unix.IoctlSetWinsize(int(console.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(s.Height), Col: uint16(s.Width)})
	}
	if console != nil && e.options.ConsoleSocket != "" {
		if err := terminal.SendConsole(e.options.ConsoleSocket, console); err != nil {
			return "", err
		}
		console.Close()
		e.process.console = nil
	}
	if e.options.PidFile != "" {
		return "", writePidFile(e.options.PidFile, child.Pid())
	}
	return "", nil
}

// joinTarget is the process whose namespaces are joined.
type joinTarget struct {
	pidfd  *os.File
	root   *os.File // the container's root
	flags  uint64   // CLONE_NEW* of the namespaces that differ from ours
	choice userns.Choice
}

func (t *joinTarget) close() {
	closeFiles([]*os.File{t.pidfd, t.root})
}

// joinTarget looks at the container's first process, or, under our own pid 1, at its child: that pid 1 is a copy of the runtime
// that nobody may look into.
func (c *Container) joinTarget() (t *joinTarget, err error) {
	id := c.rec.process
	if c.rec.hasInit {
		if id, err = firstChild(id); err != nil {
			return nil, err
		}
	}
	fd, err := id.open()
	if err != nil {
		return nil, err
	}
	t = &joinTarget{pidfd: os.NewFile(uintptr(fd), "pidfd")}
	if err = t.look(id.pid); err == nil {
		err = unix.PidfdSendSignal(fd, 0, nil, 0) // it was that process that we looked at, if it still lives
		if errors.Is(err, unix.ESRCH) {
			err = ErrNotRunning
		}
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func firstChild(id identity) (identity, error) {
	pid := strconv.Itoa(id.pid)
	b, err := sys.ReadProc("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return identity{}, ErrNotRunning
	}
	word, _, _ := strings.Cut(string(b), " ")
	child, err := strconv.Atoi(word)
	if err != nil {
		return identity{}, ErrNotRunning
	}
	return identify(child)
}

// kinds are the namespaces that can be joined by a pidfd.
var kinds = [...]struct {
	name string
	flag uint64
}{
	{"user", unix.CLONE_NEWUSER}, {"mnt", unix.CLONE_NEWNS}, {"pid", unix.CLONE_NEWPID}, {"net", unix.CLONE_NEWNET},
	{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"cgroup", unix.CLONE_NEWCGROUP}, {"time", unix.CLONE_NEWTIME},
}

// look finds the namespaces that differ from ours: setns with one that does not would refuse them all. It also opens the root,
// to look up users in.
func (t *joinTarget) look(pid int) error {
	dir := "/proc/" + strconv.Itoa(pid)
	for _, k := range kinds {
		var theirs, ours unix.Stat_t
		if err := unix.Stat(dir+"/ns/"+k.name, &theirs); err != nil {
			if gone(err) && k.name != "time" {
				return ErrNotRunning
			}
			if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
				return fmt.Errorf("its process %d belongs to somebody else, or protects itself: %w", pid, err)
			}
			continue // the kernel has no such namespaces
		}
		if err := unix.Stat("/proc/self/ns/"+k.name, &ours); err != nil {
			return &os.PathError{Op: "stat", Path: "/proc/self/ns/" + k.name, Err: err}
		}
		if theirs.Ino != ours.Ino || theirs.Dev != ours.Dev {
			t.flags |= k.flag
		}
	}
	root, err := unix.Open(dir+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir + "/root", Err: err}
	}
	t.root = os.NewFile(uintptr(root), "root")
	return t.ids(dir)
}

// ids reads what is mapped there, as we see it.
func (t *joinTarget) ids(dir string) (err error) {
	t.choice.Kind = userns.None
	if t.flags&unix.CLONE_NEWUSER != 0 {
		t.choice.Kind = userns.Join
	}
	deny, err := sys.ReadProc(dir + "/setgroups")
	if err != nil {
		return err
	}
	t.choice.Setgroups = !strings.HasPrefix(string(deny), "deny")
	if t.choice.Mapping.UIDs, err = readMap(dir + "/uid_map"); err == nil {
		t.choice.Mapping.GIDs, err = readMap(dir + "/gid_map")
	}
	return err
}

func readMap(path string) (idmap.Map, error) {
	b, err := sys.ReadProc(path)
	if err != nil {
		return nil, err
	}
	return idmap.ParseKernel(string(b))
}

// plan settles the process.
func (t *joinTarget) plan(o ExecOptions) (*ProcessPlan, error) {
	if o.Process == nil {
		return nil, errors.New("no process to execute")
	}
	process := *o.Process
	if o.User != "" {
		u, err := userIn(int(t.root.Fd()), o.User)
		if err != nil {
			return nil, err
		}
		process.User.UID, process.User.GID = u.uid, u.gid
		if t.choice.Setgroups {
			process.User.AdditionalGids = append(slices.Clone(process.User.AdditionalGids), t.mapped(u.groups)...)
		}
	}
	if _, err := spec.ValidateProcess(&process); err != nil {
		return nil, err
	}
	var bad planError
	p := planProcess(&process, t.choice, "", &bad)
	if p.LookupHome {
		p.LookupHome = false
		p.Env = append(slices.Clone(p.Env), "HOME="+homeIn(int(t.root.Fd()), p.UID))
	}
	if err := bad.err(); err != nil {
		return nil, err
	}
	return &p, nil
}

// mapped leaves out memberships in groups that the container does not have.
func (t *joinTarget) mapped(groups []uint32) []uint32 {
	return slices.DeleteFunc(groups, func(g uint32) bool {
		_, ok := t.choice.Mapping.GIDs.ToHost(g)
		return !ok
	})
}
