package terminal

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Interruptible gives a context that a signal ends which asks a program to end (SIGTERM, SIGINT, SIGHUP, SIGQUIT), with the cause
// [Interrupted]: for what may take long and leaves something behind when it is cut off. After stop the signals do what they
// did before.
func Interruptible(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	arrived, done := make(chan os.Signal, len(ending)), make(chan struct{})
	catchEnding(arrived)
	go func() {
		select {
		case sig := <-arrived:
			cancel(Interrupted{sig.(syscall.Signal)})
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(arrived)
		close(done)
		cancel(nil)
	}
}
