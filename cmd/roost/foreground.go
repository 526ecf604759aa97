package main

import (
	"context"
	"errors"
	"syscall"

	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/runtime"
)

// attached runs a process in the foreground: start begins it, signals are forwarded to it, its terminal, if it has
// one, is relayed to ours, and its status comes back. after is for what is to be done when the process is gone: its
// context ends when a signal says that we are to stop, too. start calls forked when there is a process that may not run yet.
func (a *app) attached(
	start func(ctx context.Context, forked func() func()) (*runtime.Process, error),
	after func(ctx context.Context, status runtime.ExitStatus, err error) error,
) (int, error) {
	ctx := context.Background()
	defer func() {
		if a.signals != nil {
			a.signals.Stop()
		}
	}()
	p, err := start(ctx, func() func() {
		// It takes a while, which passes beside the setting up. A signal before this ends us, and the process with us.
		a.signals = terminal.Catch()
		return a.signals.Ready
	})
	if err != nil {
		return 0, err
	}
	status, err := a.relayed(ctx, p)
	a.tellReason(status)
	if after != nil {
		err = after(a.signals.Gone(ctx), status, err)
	}
	return status.Code, err
}

// sender sends what is forwarded. A process that shares our terminal and process group gets the keys' signals from the kernel
// itself, and is not to get them twice.
func (a *app) sender(p *runtime.Process) func(syscall.Signal) error {
	if !a.sharesGroup || !terminal.IsTerminal(a.stdin) {
		return p.Signal
	}
	return func(sig syscall.Signal) error {
		switch sig {
		case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGWINCH:
			return nil
		}
		return p.Signal(sig)
	}
}

// relayed forwards signals and the terminal until the process is gone.
func (a *app) relayed(ctx context.Context, p *runtime.Process) (runtime.ExitStatus, error) {
	master := p.Console()
	if master == nil {
		a.signals.Forward(a.sender(p), nil)
		return p.Wait(ctx)
	}
	defer master.Close()
	if terminal.IsTerminal(a.stdin) {
		if err := a.signals.Raw(a.stdin); err != nil {
			a.log.slog().Warn("the terminal stays in its mode: " + err.Error())
		}
	}
	relay, err := terminal.Start(master, a.stdin, a.stdout)
	if err != nil {
		// Nobody would read what it writes: it would block for ever, and we with it.
		_ = p.Signal(syscall.SIGKILL)
		status, waitErr := p.Wait(ctx)
		return status, errors.Join(err, waitErr)
	}
	a.signals.Forward(p.Signal, relay.Resize)
	status, err := p.Wait(ctx)
	return status, errors.Join(err, relay.Finish(a.signals.Gone(ctx)))
}

// tellReason says why a process was killed, where that is known.
func (a *app) tellReason(status runtime.ExitStatus) {
	if status.OOM {
		a.log.slog().Warn("out of memory: the kernel killed the process for want of memory, see memory.max of its cgroup")
	}
}
