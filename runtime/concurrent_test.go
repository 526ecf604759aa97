package runtime

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	goruntime "runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestConcurrent: fifty goroutines make, start, enter, kill and delete containers in one process, beside garbage collection and
// os/exec.
func TestConcurrent(t *testing.T) {
	b := newBox(t)
	var others sync.WaitGroup
	stop := make(chan struct{})
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			goruntime.GC()
			var exit *exec.ExitError
			if err := exec.Command("/bin/sh", "-c", "exit 9").Run(); !errors.As(err, &exit) || exit.ExitCode() != 9 {
				t.Errorf("a child of others: %v", err)
			}
		}
	})
	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range rounds {
				if err := b.whole(fmt.Sprintf("c%d", i), i); err != nil {
					t.Errorf("c%d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	others.Wait()
	b.nothingLeft("after all")
}

// whole is a container's life. Errors are returned: it runs in a goroutine.
func (b *box) whole(id string, i int) error {
	ctx := context.Background()
	c, p, err := b.store.Create(ctx, id, b.options(b.script(fmt.Sprintf("trap 'exit %d' TERM; while :; do sleep 0.02; done", i))))
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	e, err := c.Exec(ctx, ExecOptions{Process: b.process("sh", "-c", fmt.Sprintf("exit %d", i))})
	if err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	if status, err := e.Wait(ctx); err != nil || status.Code != i {
		return fmt.Errorf("exec: %v, %w", status, err)
	}
	want := 137
	if i%2 == 0 {
		if err := p.Signal(syscall.SIGKILL); err != nil {
			return err
		}
		if status, err := p.Wait(ctx); err != nil || status.Code != want {
			return fmt.Errorf("run: %v, %w", status, err)
		}
		return c.Destroy(ctx, false)
	}
	if err := c.Destroy(ctx, true); err != nil {
		return err
	}
	if status, err := p.Wait(ctx); err != nil || status.Code != want {
		return fmt.Errorf("run: %v, %w", status, err)
	}
	return nil
}

// TestOneID: of many who want the same id at the same time one gets it, and many may take it away.
func TestOneID(t *testing.T) {
	b := newBox(t)
	for range 5 {
		var made atomic.Int32
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				_, p, err := b.store.Create(t.Context(), "same", b.options(b.spec("true")))
				if err == nil {
					made.Add(1)
					go func() { _, _ = p.Wait(context.Background()) }()
				} else if !errors.Is(err, ErrExist) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 {
			t.Errorf("%d were made", made.Load())
		}
		var gone atomic.Int32
		for range 10 {
			wg.Go(func() {
				if err := b.store.Delete(t.Context(), "same", true); err == nil {
					gone.Add(1)
				} else if !errors.Is(err, ErrNotExist) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if gone.Load() != 1 {
			t.Errorf("%d took it away", gone.Load())
		}
		b.nothingLeft("after all deletes")
	}
}

// TestCancel: whenever the context ends, Create and Run return, and what was begun is gone.
func TestCancel(t *testing.T) {
	b := newBox(t)
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	c, p, err := b.store.Create(t.Context(), "warm", b.options(b.spec("true"))) // opens what is opened once, and tells how long it takes
	if err != nil {
		t.Fatal(err)
	}
	b.destroy(c, p)
	begin := time.Now()
	c, p, err = b.store.Create(t.Context(), "warm", b.options(b.spec("true")))
	if err != nil {
		t.Fatal(err)
	}
	usual := time.Since(begin)
	b.destroy(c, p)
	before := descriptors()
	cause, cancelled := errors.New("enough"), 0
	for i := range rounds {
		ctx, cancel := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(time.Duration(rand.Int64N(int64(usual*5/4))), func() { cancel(cause) })
		do := b.store.Create
		if i%2 == 0 {
			do = b.store.Run
		}
		switch c, p, err := do(ctx, "cancelled", b.options(b.spec("sleep", "1000"))); {
		case err == nil:
			b.destroy(c, p)
		case errors.Is(err, cause), errors.Is(err, context.Canceled):
			cancelled++
		default:
			t.Error(err)
		}
		timer.Stop()
		cancel(nil)
		b.nothingLeft(fmt.Sprintf("round %d", i))
	}
	t.Logf("%d of %d were cancelled", cancelled, rounds)
	if cancelled == 0 {
		t.Error("none was cancelled")
	}
	if after := descriptors(); len(after) != len(before) {
		t.Errorf("descriptors before: %v\nafter: %v", before, after)
	}
}

// TestCancelledBefore: a context that has ended already begins nothing.
func TestCancelledBefore(t *testing.T) {
	b := newBox(t)
	cause := errors.New("never")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, _, err := b.store.Create(ctx, "never", b.options(b.spec("true"))); !errors.Is(err, cause) && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	c, _ := b.run("there", b.spec("sleep", "1000"))
	if _, err := c.Exec(ctx, ExecOptions{Process: b.process("true")}); !errors.Is(err, cause) {
		t.Error(err)
	}
	if _, _, err := b.store.List(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := b.store.Clear(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCancelExec likewise: the container is not concerned.
func TestCancelExec(t *testing.T) {
	b := newBox(t)
	c, p := b.run("exec", b.spec("sleep", "1000"))
	for i := range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.Int64N(int64(3*time.Millisecond))))
		e, err := c.Exec(ctx, ExecOptions{Process: b.process("true"), ExtraFiles: []*os.File{b.w}})
		if err == nil {
			b.wait(e)
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("round %d: %v", i, err)
		}
		cancel()
	}
	if pids, err := c.Processes(); err != nil || len(pids) != 1 || pids[0] != p.Pid() {
		t.Errorf("%v, %v", pids, err)
	}
	b.destroy(c, p)
	b.nothingLeft("after all")
}
