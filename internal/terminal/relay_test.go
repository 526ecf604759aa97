package terminal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestLastOutputIsNeverLost(t *testing.T) {
	for i := range 100 {
		master, slave := pty(t)
		out := newSink(t)
		r := mustStart(t, master, nil, out.w, patience)
		_, wait := payload(t, slave, "i=0; while [ $i -lt 200 ]; do echo line $i of some length; i=$((i+1)); done; printf end")
		wait()
		if err := r.Finish(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := out.all(); !strings.HasSuffix(got, "line 199 of some length\r\nend") || strings.Count(got, "\n") != 200 {
			t.Fatalf("run %d: %d lines, ends in %q", i, strings.Count(got, "\n"), got[max(0, len(got)-60):])
		}
	}
}

// Somebody still has the terminal open: the master never says that it is closed.
func TestProcessesLeftBehind(t *testing.T) {
	for name, script := range map[string]string{
		"idle":   "trap '' HUP; sleep 1000 & echo last",
		"babble": "trap '' HUP; while :; do echo babble; done & echo last",
	} {
		t.Run(name, func(t *testing.T) {
			master, slave := pty(t)
			out := newSink(t)
			r := mustStart(t, master, nil, out.w, patience)
			_, wait := payload(t, slave, script)
			wait()
			within(t, "Finish", func() {
				if err := r.Finish(context.Background()); err != nil {
					t.Error(err)
				}
			})
			if got := out.all(); !strings.Contains(got, "last\r\n") {
				t.Errorf("output %q", got)
			}
		})
	}
}

func TestKeysReachThePayload(t *testing.T) {
	master, slave := pty(t)
	outerMaster, outer := pty(t)
	restore, err := Raw(outer)
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	r := mustStart(t, master, outer, outer, patience)
	_, wait := payload(t, slave, `trap 'echo interrupted; exit' INT; echo ready; while :; do sleep 0.01; done`)
	if got := readUntil(t, outerMaster, "ready"); !strings.Contains(got, "ready\r\n") {
		t.Errorf("%q: the container's terminal ends lines with \\r\\n, as any", got)
	}
	fmt.Fprint(outerMaster, "\x03") // ^C, which a raw terminal does not turn into a signal for us
	readUntil(t, outerMaster, "interrupted")
	wait()
	if err := r.Finish(context.Background()); err != nil {
		t.Error(err)
	}
	for name, f := range map[string]*os.File{"in and out": outer} {
		if nonblocking(t, f) {
			t.Errorf("%s was made non-blocking, which the shell would feel", name)
		}
	}
}

func TestEndOfInput(t *testing.T) {
	for _, c := range []struct{ name, in, script, want string }{
		{"empty", "", "cat; echo done", "done"},
		{"lines", "one\ntwo\n", "stty -echo; cat; echo done", "done"},
		{"unfinished line", "one\ntw", "cat; echo; echo done", "done"},
		{"raw payload", "x", "stty raw -echo; dd bs=1 count=2 2>/dev/null | od -An -c; echo done", "x 004"},
		{"no such character", "", "stty eof undef; echo ready; sleep 0.1; echo done", "done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			master, slave := pty(t)
			in, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			out := newSink(t)
			r := mustStart(t, master, in, out.w, patience)
			_, wait := payload(t, slave, "echo ready; read go; "+c.script)
			fmt.Fprintln(w, "go")
			if c.name == "raw payload" {
				time.Sleep(200 * time.Millisecond) // let it set the mode first
			}
			fmt.Fprint(w, c.in)
			w.Close()
			within(t, "the payload", wait)
			if err := r.Finish(context.Background()); err != nil {
				t.Error(err)
			}
			if got := strings.Join(strings.Fields(out.all()), " "); !strings.Contains(got, c.want) {
				t.Errorf("output %q", got)
			}
		})
	}
}

func TestResize(t *testing.T) {
	master, slave := pty(t)
	_, outer := pty(t)
	if err := SetSize(outer, 30, 100); err != nil {
		t.Fatal(err)
	}
	out := newSink(t)
	r := mustStart(t, master, outer, out.w, patience)
	_, wait := payload(t, slave, `trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.01; done`)
	out.waitFor(t, "30 100\r\n")
	if err := SetSize(outer, 31, 101); err != nil {
		t.Fatal(err)
	}
	r.Resize()
	out.waitFor(t, "31 101\r\n")
	wait()
	if err := r.Finish(context.Background()); err != nil {
		t.Error(err)
	}
	r.Resize() // late, harmless
}

func TestTerminalWithoutASizeLeavesTheConfiguredOne(t *testing.T) {
	master, slave := pty(t)
	_, outer := pty(t) // 0, 0
	if err := SetSize(master, 50, 60); err != nil {
		t.Fatal(err)
	}
	r := mustStart(t, master, outer, nil, patience)
	if rows, cols, err := Size(slave); err != nil || rows != 50 || cols != 60 {
		t.Errorf("size %d, %d, %v, want 50, 60", rows, cols, err)
	}
	r.Finish(context.Background())
}

// A payload that reads nothing must not hold Finish up, nor one that is flooded lose a byte.
func TestInput(t *testing.T) {
	t.Run("unread", func(t *testing.T) {
		master, slave := pty(t)
		zero, err := os.Open("/dev/zero")
		if err != nil {
			t.Fatal(err)
		}
		defer zero.Close()
		r := mustStart(t, master, zero, nil, patience)
		_, wait := payload(t, slave, "stty raw -echo; sleep 0.2")
		wait()
		within(t, "Finish", func() { r.Finish(context.Background()) })
	})
	t.Run("flood", func(t *testing.T) {
		master, slave := pty(t)
		in, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out := newSink(t)
		r := mustStart(t, master, in, out.w, patience)
		_, wait := payload(t, slave, "stty raw -echo; echo ready; head -c 1000000 | cksum")
		out.waitFor(t, "ready")
		want := bytes.Repeat([]byte("0123456789"), 100000)
		if _, err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		within(t, "the payload", wait)
		w.Close()
		if err := r.Finish(context.Background()); err != nil {
			t.Error(err)
		}
		cksum := exec.Command("cksum")
		cksum.Stdin = bytes.NewReader(want)
		sum, err := cksum.Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := out.all(); !strings.Contains(got, strings.TrimSpace(string(sum))) {
			t.Errorf("output %q, want %q", got, sum)
		}
	})
}

func TestRelayLeavesNoDescriptor(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	master, slave := pty(t)
	_, outer := pty(t)
	before := openFiles(t)
	r := mustStart(t, master, outer, outer, patience)
	slave.WriteString("x")
	if err := r.Finish(context.Background()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(hang); openFiles(t) != before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("open now:\n%s\nbefore:\n%s", openFiles(t), before)
		}
	}
}

func TestStartWithoutATerminal(t *testing.T) {
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	before := openFiles(t)
	if _, err := Start(closed, nil, nil); err == nil {
		t.Error("no error")
	}
	if now := openFiles(t); now != before {
		t.Errorf("open now:\n%s\nbefore:\n%s", now, before)
	}
}
