package idmap

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	e, err := run(context.Background(), "/bin/sh", []string{"-c", "echo out; echo err >&2; pwd; env; exit 3"})
	if err != nil || e.code != 3 {
		t.Fatalf("got %+v, %v", e, err)
	}
	for _, want := range []string{"out\n", "err\n", "\n/\n", "LC_ALL=C\n"} {
		if !strings.Contains(e.output, want) {
			t.Errorf("output has no %q: %q", want, e.output)
		}
	}
	if strings.Contains(e.output, "HOME=") {
		t.Errorf("the environment of the test went along: %q", e.output)
	}
	if _, err := run(context.Background(), "/nonexistent", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// A program that hangs ends by the deadline, and so does one that left a
// process behind that holds the pipe.
func TestRunDeadline(t *testing.T) {
	for _, script := range []string{"exec sleep 1000", "sleep 2 & exit 0", "exec >&- 2>&-; exec sleep 1000"} {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		_, err := run(ctx, "/bin/sh", []string{"-c", script})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", script, err)
		}
	}
}

func TestRunLimitsOutput(t *testing.T) {
	e, err := run(context.Background(), "/bin/sh", []string{"-c", "exec cat /dev/zero"})
	if err != nil || len(e.output) != maxOutput || e.signal == 0 {
		t.Errorf("%d bytes, %v, %v", len(e.output), e.signal, err)
	}
}

// None of its descriptors stays open, whatever came of it.
func TestRunLeavesNoDescriptor(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	run(context.Background(), "/bin/true", nil) // the poller's own come with the first
	before := count()
	for range 20 {
		run(context.Background(), "/bin/true", nil)
		run(context.Background(), "/nonexistent", nil)
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
