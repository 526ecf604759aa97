package runtime

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/terminal"
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
	PidfdSocket   string     // as in CreateOptions
	PidFile       string
	Activation    Activation // as in CreateOptions
	ExtraFiles    []*os.File
	// Deadline is how long joining may take; a container that stops the process meanwhile makes it longer. 0 is 10 s.
	Deadline time.Duration
	Forked   func() (ready func()) // as in CreateOptions
	Degrade  degrade.Policies      // as in CreateOptions
	// KeepGroups is as in CreateOptions, and set for a container that was made with it.
	KeepGroups bool
	// Cgroup is a path below the container's cgroup, which the process is born in; "" is that one itself.
	Cgroup string
	// IgnorePaused lets the process be born in a paused container, where it waits for the container to be resumed.
	IgnorePaused bool
	stopAt       int
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
	cgroup, filter, err := c.mayExec(ctx, &o)
	if err != nil {
		return nil, err
	}
	if cgroup != nil {
		defer cgroup.Close()
	}
	switch {
	case o.IgnorePaused: // it takes as long as somebody leaves it paused
		o.Deadline = -1
	case o.Deadline <= 0:
		o.Deadline = defaultExecDeadline
	}
	target, err := c.joinTarget()
	if err != nil {
		return nil, err
	}
	defer target.close()
	plan, err := target.plan(c, o)
	if err != nil {
		return nil, err
	}
	plan.Process.Filter = filter
	listens, err := plan.Process.dialListener()
	if err != nil {
		return nil, err
	}
	if listens != nil {
		defer listens.Close()
	}
	e := &execution{container: c, options: o, plan: plan, cgroup: cgroup, listens: listens, process: &Process{}}
	at := layout{extra: len(o.Activation.files(o.ExtraFiles)), joins: 1, late: plan.Process.lateFiles(), early: target.roots()}
	compile := func(bare bool) (*launch.Program, []Problem, error) {
		p := execPlan{process: &plan.Process, flags: target.flags, chroot: target.roots() != nil, keyring: plan.Keyring, deadline: o.Deadline, policies: plan.Policies, unit: e.moved.name}
		return compileExec(p, at, actions{ready: e.ready, listener: e.listener, unit: func(child *launch.Child) error { return e.enterUnit(ctx, child) }}, bare)
	}
	program, notes, err := compile(true)
	if err != nil {
		return nil, err
	}
	e.notes = notes
	err = e.start(ctx, program, at, target)
	if e.isForeign(err) {
		if program, e.notes, err = compile(true); err == nil {
			err = e.start(ctx, program, at, target)
		}
	}
	if err != nil {
		err = inWords(err, func() (*launch.Program, error) {
			program, _, err := compile(false)
			return program, err
		})
		return nil, aboutSeccomp(err, filter != nil)
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

// mayExec says why not, opens what the process is born in, and reads what confines it.
func (c *Container) mayExec(ctx context.Context, o *ExecOptions) (cgroup *os.File, filter *seccomp.Filter, err error) {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return nil, nil, err
	}
	defer d.close()
	// Whoever sets it up holds the lock. Until that is done its mount namespace has the host's root, and who is root could
	// join it like that.
	if err := d.share(ctx); err != nil {
		return nil, nil, err
	}
	status, err := c.phase(d)
	switch {
	case err != nil:
		return nil, nil, err
	case status == Running && !o.IgnorePaused && d.paused():
		return nil, nil, fmt.Errorf("cannot exec in a paused container (use --ignore-paused to override): %w", ErrPaused)
	case status == Stopped:
		return nil, nil, fmt.Errorf("cannot exec in a stopped container: %w", ErrNotRunning)
	case status != Running:
		// Until it executes, the first process is a copy of the runtime that nobody may look into: not even we.
		return nil, nil, fault.New("", "cannot exec in a container that is %s: %w", status, ErrNotRunning).Remedy("start it first")
	}
	if filter, err = c.filter(d); err != nil {
		return nil, nil, err
	}
	cgroup, err = d.joinGroup(o.Cgroup)
	return cgroup, filter, err
}

// execution is an exec while it is under way.
type execution struct {
	container *Container
	options   ExecOptions
	plan      *Plan    // of the process alone
	cgroup    *os.File // the container's, or nil
	listens   *os.File // the socket of who is notified by the filter, or nil
	process   *Process
	notes     []Problem
	others    func() // what Forked returned
	moved     unit   // systemd moves the process there; none where it is born in its cgroup
}

func (e *execution) start(ctx context.Context, program *launch.Program, at layout, target *joinTarget) error {
	o := e.options
	files, opened, err := inheritedFiles(o.Stdio, o.Activation.files(o.ExtraFiles))
	defer closeFiles(opened)
	if err != nil {
		return err
	}
	files = append(files, launch.File{File: target.pidfd, To: at.pidfd()})
	for _, name := range target.roots() {
		files = append(files, launch.File{File: target.root, To: at.number(name)})
	}
	if e.listens != nil {
		files = append(files, launch.File{File: e.listens, To: at.number(listener)})
	}
	child, err := e.fork(program, launch.Options{Files: files, Cgroup: e.birthplace(), StopAt: o.stopAt})
	if err != nil {
		return err
	}
	if e.listens != nil {
		e.listens.Close() // who listens sees the socket's end when the process is done with it
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
	refused, err := e.plan.Process.fromOutside(child.Pid(), e.plan.Policies)
	if err != nil {
		return "", err
	}
	e.container.store.tell(e.container.id, slices.Concat(e.plan.GivenUp, noted(e.notes, child.Notes()), refused))
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
	if e.options.PidfdSocket != "" {
		if err := terminal.SendPidfd(e.options.PidfdSocket, "setns", child.Pidfd()); err != nil {
			return "", err
		}
	}
	if e.options.PidFile != "" {
		return "", writePidFile(e.options.PidFile, child.Pid())
	}
	return "", nil
}

// listener is what the one who is notified is told.
func (e *execution) listener(child *launch.Child) ([]byte, error) {
	return listenerState(&e.container.rec, e.plan.Process.Filter, Running, child.Pid())
}
