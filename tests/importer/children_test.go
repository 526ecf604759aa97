package importer

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/roost-run/roost/runtime"
)

// The library waits for its own children and for nobody else's: os/exec goes on working beside it.
func TestForeignChildrenAreLeftAlone(t *testing.T) {
	store, rootfs, done, err := scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			var exit *exec.ExitError
			if err := exec.Command("/bin/sh", "-c", "exit 9").Run(); !errors.As(err, &exit) || exit.ExitCode() != 9 {
				t.Errorf("a child of ours: %v", err)
			}
		}
	})
	for range 20 {
		c, p, err := store.Run(t.Context(), "one", runtime.CreateOptions{Spec: small(rootfs, "sh", "-c", "exit 4")})
		if err != nil {
			t.Fatal(err)
		}
		if status, err := p.Wait(t.Context()); err != nil || status.Code != 4 {
			t.Fatalf("%+v, %v", status, err)
		}
		if err := c.Destroy(t.Context(), false); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

// Several containers at once, from one process, in two stores that know nothing of one another.
func TestNoGlobalState(t *testing.T) {
	var wg sync.WaitGroup
	for range 2 {
		store, rootfs, done, err := scratch()
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		for _, id := range []string{"a", "b", "c", "d"} {
			wg.Go(func() {
				c, p, err := store.Run(t.Context(), id, runtime.CreateOptions{Spec: small(rootfs, "sh", "-c", "exit 5")})
				if err != nil {
					t.Error(err)
					return
				}
				if status, err := p.Wait(t.Context()); err != nil || status.Code != 5 {
					t.Errorf("%+v, %v", status, err)
				}
				if err := c.Destroy(t.Context(), false); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
}

// A context that ends ends the waiting, not the container.
func TestContext(t *testing.T) {
	store, rootfs, done, err := scratch()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	c, p, err := store.Run(t.Context(), "long", runtime.CreateOptions{Spec: small(rootfs, "sleep", "1000")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait: %v", err)
	}
	if s, err := c.State(); err != nil || s.Status != "running" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := c.Destroy(t.Context(), true); err != nil {
		t.Error(err)
	}
	if status, err := p.Wait(t.Context()); err != nil || status.Code != 137 {
		t.Errorf("%+v, %v", status, err)
	}
}
