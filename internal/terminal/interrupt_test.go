package terminal

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

func TestInterruptible(t *testing.T) {
	other := make(chan os.Signal, 1) // what is done with the signal elsewhere goes on
	signal.Notify(other, syscall.SIGHUP)
	defer signal.Stop(other)
	ctx, stop := Interruptible(t.Context())
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("a signal does not end the context")
	}
	if cause := context.Cause(ctx); !errors.Is(cause, Interrupted{syscall.SIGHUP}) {
		t.Error(cause)
	}
	<-other

	ctx, stop = Interruptible(t.Context())
	stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil { // the other one keeps it from ending us
		t.Fatal(err)
	}
	<-other
	if cause := context.Cause(ctx); cause != context.Canceled {
		t.Error(cause)
	}
}
