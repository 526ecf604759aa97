package cgroupv2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFreeze(t *testing.T) {
	g, _ := group(t)
	file := t.TempDir() + "/ticks"
	start(t, g, "while :; do echo >>"+file+"; sleep 0.005; done")
	ticks := func() int {
		b, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return bytes.Count(b, []byte("\n"))
	}
	more := func() {
		t.Helper()
		for before, end := ticks(), time.Now().Add(20*time.Second); ticks() == before; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("it does not run")
			}
		}
	}
	more()
	for range 3 {
		if err := g.Freeze(patience(t)); err != nil {
			t.Fatal(err)
		}
		if frozen, err := g.Frozen(); err != nil || !frozen {
			t.Error(frozen, err)
		}
		before := ticks()
		time.Sleep(50 * time.Millisecond)
		if after := ticks(); after != before {
			t.Errorf("%d ticks while it was frozen", after-before)
		}
		if err := g.Thaw(patience(t)); err != nil {
			t.Fatal(err)
		}
		if frozen, err := g.Frozen(); err != nil || frozen {
			t.Error(frozen, err)
		}
		more()
	}
}

// A cgroup above is frozen, so this one cannot be thawed: the wait ends with the context, as it would for a process that
// cannot be frozen.
func TestTheWaitForAStateEnds(t *testing.T) {
	g, _ := group(t)
	inner, _, err := g.child("inner", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	start(t, inner, "exec sleep 60")
	if err := g.Freeze(patience(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if err := inner.Thaw(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := inner.Thaw(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Thawing from above wakes who waits.
	time.AfterFunc(20*time.Millisecond, func() { _ = g.write("cgroup.freeze", "0") })
	if err := inner.Thaw(patience(t)); err != nil {
		t.Error(err)
	}
}

// A process that sleeps in the kernel, here for a device that gives it two bytes a second, cannot be frozen: the cgroup goes on again.
func TestWhatCannotBeFrozen(t *testing.T) {
	g, _ := group(t, "io", "cpu")
	loop, major, minor := loopDevice(t)
	apply(t, g, `{"cpu":{"quota":10000},"blockIO":{"throttleReadBpsDevice":[{"major":`+major+`,"minor":`+minor+`,"rate":2}]}}`)
	reader := start(t, g, "exec dd if="+loop+" of=/dev/null bs=64k count=1 iflag=direct")
	asleep := 0 // for a while: it also waits for the disk that it comes from
	waitFor(t, func() bool {
		b, _ := os.ReadFile("/proc/" + itoa(reader.Process.Pid) + "/stat")
		if asleep++; !strings.Contains(string(b), "(dd) D ") {
			asleep = 0
		}
		return asleep > 200
	})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := g.Freeze(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), g.Path()) {
		t.Error(err)
	}
	has(t, g, "cgroup.freeze", "0")
	ctx, cancel = context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := Remove(ctx, g.Path()); !errors.Is(err, unix.EBUSY) {
		t.Error(err)
	}
	// Killing it takes the limits away that keep it from its end.
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	has(t, g, "io.max", "")
	has(t, g, "cpu.max", "max 100000")
	ended(t, g)
}

// The test's own cgroup, or one above it: whoever froze that would wait for ever.
func TestNobodyFreezesItself(t *testing.T) {
	mount, err := Mount()
	if err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	own, err := Own()
	if err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	for _, path := range []string{mount, mount + own} {
		g, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		if err := g.Freeze(patience(t)); !errors.Is(err, ErrOwn) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func BenchmarkLifeOfACgroup(b *testing.B) {
	mount, err := Mount()
	if err != nil || os.Getuid() != 0 {
		b.Skip("needs root and cgroup v2")
	}
	parent, err := Open(mount)
	if err != nil {
		b.Fatal(err)
	}
	defer parent.Close()
	settings := Settings{{File: "cgroup.max.depth", Value: "10"}, {File: "cgroup.max.descendants", Value: "10"}}
	path := fmt.Sprintf("roost-bench-%d", os.Getpid())
	for b.Loop() {
		g, err := Make(parent.Dir(), path, nil)
		if err == nil {
			err = g.Apply(settings)
		}
		if err == nil {
			g.Close()
			err = Remove(b.Context(), mount+"/"+path)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
