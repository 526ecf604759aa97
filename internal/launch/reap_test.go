package launch

import (
	"bufio"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// reaper is a program with a minimal pid 1 above a shell. Signals are blocked before the fork, and not in the shell.
func reaper(t *testing.T, flags uint64, script string) *Program {
	return compile(t, flags, func(b *Builder) {
		pid, parent := b.Slot(), b.Label()
		b.BlockSignals("block signals", true)
		b.Spawn("fork", 0, pid, parent)
		b.BlockSignals("unblock signals", false)
		execute(b, "/bin/sh", "-c", script)
		b.Place(parent)
		b.Call("close the socket", unix.SYS_CLOSE, Const(9))
		b.Reap("be pid 1", pid.Arg())
	})
}

func TestReapStatus(t *testing.T) {
	for _, c := range []struct {
		script string
		want   int
	}{
		{"exit 0", 0},
		{"exit 7", 7},
		{"kill -KILL $$", 128 + 9},
		{"kill -TERM $$", 128 + 15},
		{"(exit 3) & (exit 4) & wait; exit 5", 5},
	} {
		for _, flags := range []uint64{0, unix.CLONE_NEWUSER | unix.CLONE_NEWPID} {
			_, ws := output(t, reaper(t, flags, c.script))
			if !ws.Exited() || ws.ExitStatus() != c.want {
				t.Errorf("%q with namespaces %#x: %v, not status %d", c.script, flags, ws, c.want)
			}
		}
	}
}

// TestReapOrphans: what the shell leaves becomes a child of pid 1, which must wait for it.
func TestReapOrphans(t *testing.T) {
	const script = `(sh -c 'echo $$ >&3' &) ; read pid <&4
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do kill -0 $pid 2>/dev/null || { echo reaped; exit; }; sleep 0.05; done`
	r, w := pipe(t)
	text, _ := output(t, reaper(t, unix.CLONE_NEWUSER|unix.CLONE_NEWPID, script), File{w, 3, true}, File{r, 4, true})
	if text != "reaped\n" {
		t.Errorf("%q: an orphan is still a zombie", text)
	}
}

func TestReapForwards(t *testing.T) {
	const script = `trap 'echo INT' INT; trap 'echo USR1' USR1; trap 'echo TERM; exit 9' TERM; echo ready; while :; do sleep 0.02; done`
	for _, flags := range []uint64{0, unix.CLONE_NEWUSER | unix.CLONE_NEWPID} {
		r, w := pipe(t)
		c, err := start(t, reaper(t, flags, script), File{w, 1, true})
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		lines := bufio.NewReader(r)
		for _, s := range []struct {
			sig  syscall.Signal
			want string
		}{{0, "ready"}, {syscall.SIGINT, "INT"}, {syscall.SIGUSR1, "USR1"}, {syscall.SIGTERM, "TERM"}} {
			if err := c.Signal(s.sig); err != nil {
				t.Fatal(err)
			}
			if line, _ := lines.ReadString('\n'); line != s.want+"\n" {
				t.Errorf("signal %d: %q", s.sig, line)
			}
		}
		if ws, _ := c.Wait(); ws.ExitStatus() != 9 {
			t.Errorf("%v, not the status of the one child", ws)
		}
	}
}

// TestReapNobody: a pid that is no child would otherwise be waited for for ever.
func TestReapNobody(t *testing.T) {
	p := compile(t, 0, func(b *Builder) { b.Reap("reap", Const(1<<30)) })
	if ws := finish(t, p); ws.ExitStatus() != 255 {
		t.Error(ws)
	}
}

// TestWaitsForItsOwnOnly: children of this process that others made are left for them.
func TestWaitsForItsOwnOnly(t *testing.T) {
	other, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	waitForZombie(t, other.Pid)
	for range 20 {
		finish(t, compile(t, 0, func(b *Builder) { b.Stop(0) }))
		finish(t, compile(t, 0, func(b *Builder) { b.Fork("again", unix.CLONE_PARENT); b.ExecNext(); b.Stop(0) }))
		_, _ = start(t, compile(t, 0, func(b *Builder) { b.Fork("again", unix.CLONE_PARENT); b.Call("fail", unix.SYS_CLOSE, Const(-1)) }))
		_, _ = start(t, compile(t, 0, func(b *Builder) { b.Call("fail", unix.SYS_CLOSE, Const(-1)); b.Fork("again", unix.CLONE_PARENT) }))
	}
	if state, err := other.Wait(); err != nil || !state.Success() {
		t.Errorf("somebody else's child: %v, %v", state, err)
	}
}

func waitForZombie(t *testing.T, pid int) {
	t.Helper()
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
}

// TestPayloadSignals: the payload finds no signal blocked, and none ignored but what our caller ignores, whatever the Go
// runtime had set up for itself.
func TestPayloadSignals(t *testing.T) {
	signal.Ignore(syscall.SIGUSR2)
	defer signal.Reset(syscall.SIGUSR2)
	text, _ := output(t, compile(t, 0, func(b *Builder) { execute(b, "/bin/cat", "/proc/self/status") }))
	own, _ := os.ReadFile("/proc/self/status")
	if got := statusField(t, text, "SigBlk"); got != 0 {
		t.Errorf("blocked: %#x", got)
	}
	if got, ours := statusField(t, text, "SigIgn"), statusField(t, string(own), "SigIgn"); got != ours {
		t.Errorf("ignored: %#x, not %#x", got, ours)
	}
	if statusField(t, text, "SigIgn")&(1<<(syscall.SIGUSR2-1)) == 0 {
		t.Error("what we ignore should be ignored")
	}
	if got := statusField(t, text, "SigCgt"); got != 0 {
		t.Errorf("caught: %#x", got)
	}
}

func statusField(t *testing.T, text, name string) uint64 {
	t.Helper()
	_, rest, ok := strings.Cut(text, name+":\t")
	word, _, _ := strings.Cut(rest, "\n")
	v, err := strconv.ParseUint(word, 16, 64)
	if !ok || err != nil {
		t.Fatalf("no %s in %q", name, text)
	}
	return v
}
