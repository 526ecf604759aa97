package launch

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCancel ends the context at each sync point, and at any time.
func TestCancel(t *testing.T) {
	cause := errors.New("enough")
	for point := range 2 {
		ctx, cancel := context.WithCancelCause(context.Background())
		p := compile(t, 0, func(b *Builder) {
			act := func(n int) Action {
				return func(*Child, []*os.File) ([]byte, error) {
					if n == point {
						cancel(cause)
					}
					return nil, nil
				}
			}
			b.Sync("before", 0, nil, Arg{}, 0, act(0))
			b.Fork("fork", unix.CLONE_PARENT)
			b.Sync("after", 0, nil, Arg{}, 0, act(1))
			execute(b, "/bin/sleep", "1000")
		})
		endsWith(t, p, ctx, cause)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	endsWith(t, compile(t, 0, func(b *Builder) { execute(b, "/bin/sleep", "1000") }), ctx, cause)
}

func endsWith(t *testing.T, p *Program, ctx context.Context, want error) {
	t.Helper()
	w := newWitness(t)
	c, err := Start(p, Options{Files: []File{w.file()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Drive(ctx); !errors.Is(err, want) {
		t.Errorf("%v, not %v", err, want)
	}
	c.Close()
	w.gone(t)
	noChildren(t)
}

// TestCancelAnyTime has the moments that no step has: around the fork above all.
func TestCancelAnyTime(t *testing.T) {
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	before := len(descriptors())
	p := compile(t, 0, func(b *Builder) {
		b.Fork("fork", unix.CLONE_PARENT)
		execute(b, "/bin/true")
	})
	cancelled := 0
	for i := range rounds {
		c, err := Start(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%100)*10*time.Microsecond)
		switch err := c.Drive(ctx); {
		case errors.Is(err, context.DeadlineExceeded):
			cancelled++
		case err != nil:
			t.Fatal(err)
		}
		cancel()
		if _, err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		c.Close()
		noChildren(t)
	}
	t.Logf("%d of %d were cancelled", cancelled, rounds)
	if after := len(descriptors()); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestKillAnyTime: a kill holds, also for the second process when it was sent to the first.
func TestKillAnyTime(t *testing.T) {
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	p := compile(t, 0, func(b *Builder) {
		b.Fork("fork", unix.CLONE_PARENT)
		execute(b, "/bin/sleep", "1000")
	})
	for i := range rounds {
		c, err := Start(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		killed := make(chan struct{})
		go func() {
			time.Sleep(time.Duration(i%100) * 10 * time.Microsecond)
			c.Kill()
			close(killed)
		}()
		if err := c.Drive(t.Context()); err != nil && !errors.Is(err, ErrDied) {
			t.Fatal(err)
		}
		if ws, err := c.Wait(); err != nil || ws.Signal() != syscall.SIGKILL {
			t.Fatal(ws, err)
		}
		<-killed
		c.Close()
		noChildren(t)
	}
}

// TestCancelWhileStopped: a child that does not listen.
func TestCancelWhileStopped(t *testing.T) {
	for _, fork := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		endsWith(t, compile(t, 0, func(b *Builder) {
			stopItself(b)
			if fork {
				b.Fork("fork", unix.CLONE_PARENT)
			}
			execute(b, "/bin/true")
		}), ctx, context.DeadlineExceeded)
		cancel()
	}
}
