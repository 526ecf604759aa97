package terminal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestHangUpOfTheOuterTerminal(t *testing.T) {
	master, slave := pty(t)
	outerMaster, outer := pty(t)
	restore, err := Raw(outer)
	if err != nil {
		t.Fatal(err)
	}
	r := mustStart(t, master, outer, outer, patience)
	// Far more than any buffer holds: it ends only if somebody goes on reading.
	_, wait := payload(t, slave, `echo ready; head -c 3000000 /dev/zero | tr '\0' x`)
	readUntil(t, outerMaster, "ready")
	outerMaster.Close()
	within(t, "the payload", wait)
	within(t, "Finish", func() {
		if err := r.Finish(context.Background()); err != nil {
			t.Error(err)
		}
	})
	restore()
}

// A hang-up is not the end of the input: a shell must not be told to exit.
func TestHangUpSendsNoEndOfFile(t *testing.T) {
	master, slave := pty(t)
	outerMaster, outer := pty(t)
	if restore, err := Raw(outer); err != nil {
		t.Fatal(err)
	} else {
		defer restore()
	}
	out := newSink(t)
	r := mustStart(t, master, outer, out.w, patience)
	cmd, wait := payload(t, slave, `echo ready; cat; echo ended`)
	out.waitFor(t, "ready")
	outerMaster.Close()
	time.Sleep(100 * time.Millisecond)
	if strings.Contains(out.text(), "ended") {
		t.Error("cat saw an end of file")
	}
	_ = cmd.Process.Kill()
	wait()
	if err := r.Finish(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestTerminalThatHungUpBeforeTheStart(t *testing.T) {
	master, slave := pty(t)
	outerMaster, outer := pty(t)
	outerMaster.Close()
	r := mustStart(t, master, outer, outer, patience)
	ended := make(chan struct{})
	cmd, wait := payload(t, slave, "cat")
	go func() { wait(); close(ended) }()
	select {
	case <-ended:
		t.Error("cat saw an end of file")
	case <-time.After(100 * time.Millisecond):
		_ = cmd.Process.Kill()
		<-ended
	}
	if err := r.Finish(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestClosedPipeAsOutput(t *testing.T) {
	master, slave := pty(t)
	reader, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	w = blocking(t, w)
	defer w.Close()
	r := mustStart(t, master, nil, w, patience)
	_, wait := payload(t, slave, "echo ready; read go; head -c 1000000 /dev/zero | tr '\\0' x")
	if got := readUntil(t, reader, "ready"); got == "" {
		t.Fatal("no output")
	}
	reader.Close()
	fmt.Fprintln(master, "go")
	within(t, "the payload", wait)
	if err := r.Finish(context.Background()); err != nil {
		t.Error(err)
	}
}

// A payload that closes its terminal and opens it again, as an init that starts gettys does.
func TestTerminalOpenedAgain(t *testing.T) {
	master, slave := pty(t)
	out := newSink(t)
	r := mustStart(t, master, nil, out.w, patience)
	_, wait := payload(t, slave, `tty=$(tty); echo first
		exec </dev/null >/dev/null 2>&1
		sleep 0.3
		echo second >"$tty"; sleep 0.1; echo third >"$tty"`)
	before := cpuTime(t)
	out.waitFor(t, "first\r\n")
	out.waitFor(t, "third\r\n")
	if used := cpuTime(t) - before; used > 200*time.Millisecond {
		t.Errorf("%v of CPU while nothing had the terminal open: a busy loop", used)
	}
	wait()
	if err := r.Finish(context.Background()); err != nil {
		t.Error(err)
	}
	if got := out.all(); got != "first\r\nsecond\r\nthird\r\n" {
		t.Errorf("output %q", got)
	}
}

func TestReaderStalls(t *testing.T) {
	pipe := func(t *testing.T) *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return blocking(t, w)
	}
	terminal := func(t *testing.T) *os.File {
		_, outer := pty(t)
		return outer
	}
	for name, open := range map[string]func(*testing.T) *os.File{"pipe": pipe, "terminal": terminal} {
		for _, blocks := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s blocking=%v", name, blocks), func(t *testing.T) {
				master, slave := pty(t)
				w := open(t)
				defer w.Close()
				setBlocking(t, w, blocks)
				r := mustStart(t, master, nil, w, 50*time.Millisecond)
				_, wait := payload(t, slave, "head -c 300000 /dev/zero | tr '\\0' x & sleep 0.2; kill $!")
				wait()
				before := cpuTime(t)
				var err error
				within(t, "Finish", func() { err = r.Finish(context.Background()) })
				if !errors.Is(err, ErrStalled) {
					t.Errorf("error %v, want ErrStalled", err)
				}
				if used := cpuTime(t) - before; used > 200*time.Millisecond {
					t.Errorf("%v of CPU for a wait", used)
				}
				if again := r.Finish(context.Background()); again != err {
					t.Errorf("a second Finish: %v, want %v", again, err)
				}
			})
		}
	}
}

func TestFinishEndsWithItsContext(t *testing.T) {
	master, slave := pty(t)
	reader, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	w = blocking(t, w)
	defer w.Close()
	r := mustStart(t, master, nil, w, patience)
	_, wait := payload(t, slave, "head -c 300000 /dev/zero | tr '\\0' x & sleep 0.2; kill $!")
	wait()
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := Interrupted{syscall.SIGTERM}
	cancel(cause)
	within(t, "Finish", func() { err = r.Finish(ctx) })
	if !errors.Is(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
}

// Slow is not stalled: every byte arrives though it takes many times the patience.
func TestSlowReader(t *testing.T) {
	master, slave := pty(t)
	reader, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	w = blocking(t, w)
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	r := mustStart(t, master, nil, w, 600*time.Millisecond) // 4 KiB, a chunk, take 200
	_, wait := payload(t, slave, "stty -opost; head -c 20000 /dev/zero | tr '\\0' x; printf end")
	got := make(chan string)
	go func() {
		var all []byte
		buf := make([]byte, 512)
		for {
			n, err := reader.Read(buf)
			all = append(all, buf[:n]...)
			if err != nil {
				got <- string(all)
				return
			}
			time.Sleep(25 * time.Millisecond)
		}
	}()
	wait()
	if err := r.Finish(context.Background()); err != nil {
		t.Error(err)
	}
	w.Close()
	if all := <-got; all != strings.Repeat("x", 20000)+"end" {
		t.Errorf("%d bytes, want 20003", len(all))
	}
}
