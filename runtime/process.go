package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/notify"
	"github.com/roost-run/roost/userns"
)

// Process is a process in a container that this process started: a child of ours, which only [Process.Wait] waits for.
type Process struct {
	child   *launch.Child
	console *os.File
	relay   *notify.Relay // of what it tells a service manager; may be nil
	memory  *memoryWatch  // of a limited container's first process; may be nil
	lock    *os.File      // says that we attend to the container, until it is destroyed; may be nil

	ended  sync.Once // several may wait, and all are told the same
	killed bool      // for want of memory
}

// Pid is its pid as this process sees it.
func (p *Process) Pid() int { return p.child.Pid() }

// Console is the master of the process's terminal, which is the caller's to serve and close; nil where there is none, or
// where it went to a console socket.
func (p *Process) Console() *os.File { return p.console }

// Signal sends a signal: ErrNotRunning once it has ended.
func (p *Process) Signal(sig syscall.Signal) error {
	err := p.child.Signal(sig)
	if errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("process %d: %w", p.Pid(), ErrNotRunning)
	}
	return err
}

// Wait waits for the end. When the context ends first its error is returned, and the process goes on.
func (p *Process) Wait(ctx context.Context) (ExitStatus, error) {
	if ctx.Done() == nil {
		return p.wait()
	}
	type result struct {
		status ExitStatus
		err    error
	}
	done := make(chan result, 1)
	go func() {
		status, err := p.wait()
		done <- result{status, err}
	}()
	select {
	case r := <-done:
		return r.status, r.err
	case <-ctx.Done():
		return ExitStatus{Unknown: true}, context.Cause(ctx)
	}
}

func (p *Process) wait() (ExitStatus, error) {
	ws, err := p.child.Wait()
	if err != nil {
		return ExitStatus{Unknown: true}, os.NewSyscallError("wait4", err)
	}
	p.ended.Do(func() { p.killed = p.memory.killed() }) // first: the count goes with the cgroup
	p.child.Close()
	if p.relay != nil {
		p.relay.Finish()
	}
	return exitStatus(ws).withReason(p.killed), nil
}

// close lets go of what a launch that failed left.
func (p *Process) close() {
	_ = p.memory.killed()
	p.child.Close()
	p.unlock()
	if p.console != nil {
		p.console.Close()
	}
}

func (p *Process) unlock() {
	if p.lock != nil {
		p.lock.Close()
	}
}

// ExecutableError is a program that cannot be executed. Its words are those that engines look for, to tell 126 from 127.
type ExecutableError struct {
	Name  string
	Errno syscall.Errno
}

func (e *ExecutableError) Error() string {
	switch {
	case e.Errno == unix.ENOENT && e.bare():
		return fmt.Sprintf("exec: %q: executable file not found in $PATH; %s", e.Name, e.Remedy())
	case e.Errno == unix.ENOENT:
		return fmt.Sprintf("exec: %q: stat %s: no such file or directory", e.Name, e.Name)
	}
	return fmt.Sprintf("exec: %q: %v", e.Name, e.Errno)
}

func (e *ExecutableError) bare() bool { return !strings.Contains(e.Name, "/") }

// Code tells what is not there from what may not be executed.
func (e *ExecutableError) Code() fault.Code { return execCode(e.Errno) }

// Remedy is the end of the sentence alone.
func (e *ExecutableError) Remedy() string {
	if e.Errno == unix.ENOENT && e.bare() {
		return "install it in the root file system, or set PATH"
	}
	return ""
}

// execCode is the code of an execve that failed. What is no program, and what is a directory, is of a wrong format.
func execCode(errno syscall.Errno) fault.Code {
	switch errno {
	case unix.ENOENT, unix.ENOTDIR:
		return fault.ExecNotFound
	case unix.EACCES, unix.EPERM:
		return fault.ExecPermission
	}
	return fault.ExecFormat
}

// Unwrap lets errors.Is find the errno.
func (e *ExecutableError) Unwrap() error { return e.Errno }

// inWords adds to a failed step what it was about, for which the program is compiled again: words take longer than all the
// rest, and most containers never need them.
func inWords(err error, compile func() (*launch.Program, error)) error {
	var step *launch.Error
	if !errors.As(err, &step) {
		return err
	}
	if p, err := compile(); err == nil {
		step.Describe(p)
	}
	if step.Path != "" && step.Label == "find "+step.Path {
		return &ExecutableError{Name: step.Path, Errno: step.Errno}
	}
	return err
}

// makeUserNamespace is the label of the step that does it where clone3 does not.
const makeUserNamespace = "make a user namespace"

// aboutUserNamespace says which switch of the machine forbids what a step was refused in a user namespace of our own: either
// to make it, or, where AppArmor takes the capabilities in it away, whatever takes one first.
func aboutUserNamespace(err error, u userns.Choice) error {
	var step *launch.Error
	switch {
	case u.Kind != userns.Create || !errors.As(err, &step):
		return err
	case step.Label == makeUserNamespace:
		return userns.CloneError(err)
	}
	return userns.StrippedError(err)
}
