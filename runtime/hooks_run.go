package runtime

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// hookRun is what the hooks of one point in a container's life have in common.
type hookRun struct {
	store *Store
	rec   *record
	state []byte
	pidfd int // of a process without which there is no point in going on, or -1
}

// runAll runs hooks on the host, one after the other, up to the first that fails.
func (r hookRun) runAll(ctx context.Context, list []Hook) error {
	for i := range list {
		if err := r.run(ctx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r hookRun) run(ctx context.Context, h *Hook) error {
	output, err := newHookOutput()
	if err != nil {
		return err
	}
	err = r.execute(ctx, h, output)
	said := output.stop()
	if err != nil {
		return &HookError{Hook: h.At, Path: h.Path, Output: said, Err: err}
	}
	r.store.log.Debug("hook done", "id", r.rec.id, "hook", h.At, "path", h.Path, "output", said)
	return nil
}

// execute returns when the hook has ended. What it left running in the background is its own business, unless it took too long.
func (r hookRun) execute(ctx context.Context, h *Hook, output *hookOutput) error {
	state, err := newStateFile()
	if err != nil {
		return err
	}
	defer state.Close()
	if err := fillState(state, r.state); err != nil {
		return err
	}
	program, err := h.program(r.rec.bundle)
	if err != nil {
		return err
	}
	child, err := launch.Start(program, launch.Options{Files: []launch.File{
		{File: state, To: 0, Inherit: true}, {File: output.w, To: 1, Inherit: true}, {File: output.w, To: 2, Inherit: true},
	}})
	if err != nil {
		return os.NewSyscallError("clone3", err)
	}
	defer child.Close()
	output.read()
	if err := child.Drive(ctx); err != nil {
		var step *launch.Error
		if errors.As(err, &step) && step.Errno != 0 {
			return step.Errno
		}
		return err
	}
	why := r.await(ctx, child, h.Timeout)
	if why != nil {
		_ = unix.Kill(-child.Pid(), unix.SIGKILL)
		child.Kill()
	}
	status, err := child.Wait()
	switch {
	case why != nil:
		return why
	case err != nil:
		return os.NewSyscallError("wait4", err)
	case status != 0:
		return hookEnd(status)
	}
	return nil
}

var errEndedMeanwhile = errors.New("killed, since the container's process ended meanwhile")

// await returns when the hook has ended, or why it is to end. A poll knows no context, so that is looked at from time to time.
func (r hookRun) await(ctx context.Context, child *launch.Child, timeout time.Duration) error {
	const look = 100 * time.Millisecond
	limit := time.Now().Add(timeout)
	for {
		wait := look
		if timeout > 0 {
			wait = max(0, min(wait, time.Until(limit)))
		}
		fds := []unix.PollFd{{Fd: int32(child.Pidfd()), Events: unix.POLLIN}, {Fd: int32(r.pidfd), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, int((wait+time.Millisecond-1)/time.Millisecond))
		switch {
		case err != nil && err != unix.EINTR:
			return os.NewSyscallError("poll", err)
		case fds[0].Revents != 0:
			return nil
		case fds[1].Revents != 0:
			return errEndedMeanwhile
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case timeout > 0 && time.Until(limit) <= 0:
			return hookTimeout(timeout)
		}
	}
}

// program is that of a hook on the host: like a container's process, it has no descriptor but those that it is given. It leads a
// process group, so that what it started can be ended with it.
func (h *Hook) program(dir string) (*launch.Program, error) {
	b := &launch.Builder{StatusFD: 3}
	elsewhere, there := b.Label(), b.Label()
	b.Call("lead a process group", unix.SYS_SETPGID, launch.Const(0), launch.Const(0))
	b.Call("enter the bundle", unix.SYS_CHDIR, b.String(dir)).On(elsewhere)
	b.Jump(there)
	b.Place(elsewhere) // it is gone, or was the container's own directory
	b.Call("enter /", unix.SYS_CHDIR, b.String("/"))
	b.Place(there)
	restoreFileLimit(b)
	b.ExecNext()
	h.exec(b)
	return b.Program()
}

// exec is the execve of a hook, wherever it is.
func (h *Hook) exec(b *launch.Builder) launch.StepRef {
	strings := func(list []string) launch.Arg {
		args := make([]launch.Arg, len(list))
		for i, s := range list {
			args[i] = b.String(s)
		}
		return b.Pointers(args)
	}
	return b.Call("execute "+h.At, unix.SYS_EXECVE, b.String(h.Path), strings(h.Args), strings(h.Env)).Path(h.Path)
}
