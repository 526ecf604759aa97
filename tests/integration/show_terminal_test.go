package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostShell is an interactive shell of the host on a screen, with job control.
func hostShell(t testing.TB, s *screen) func() result {
	t.Helper()
	busybox, err := findBusybox()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(busybox, "sh", "-i")
	cmd.Dir = home.dir
	cmd.Env = append(os.Environ(), "PS1=host> ", "ENV=")
	wait := s.runs(t, cmd)
	s.shows(t, "host> ")
	return wait
}

// say is the command line of roost for a shell.
func say(t testing.TB, args ...string) string { return strings.Join(command(t, args...).Args, " ") }

// A container in the background leaves the terminal to the shell; in the foreground it has it, keys and all; and the shell
// finds it as it was.
func TestTerminalInBackground(t *testing.T) {
	needRoost(t)
	s := newScreen(t, 24, 80)
	wait := hostShell(t, s)
	before := s.modes(t)
	id := newID(t)
	bundle := newBundle(t, with(terminal, sh("echo payload-$((40+2)); trap 'echo int-$((1+1))' INT; while :; do read -r line && echo got-$line; done")))
	s.types(t, say(t, "run", "--bundle", bundle, id)+" &\n")
	eventually(t, "it runs", func() bool { return roost(t, "exec", id, "/bin/true").Code == 0 })
	s.types(t, "echo shell-$((50+5))\n")
	s.shows(t, "shell-55\n")
	s.types(t, "fg\n")
	s.shows(t, "payload-42\n")
	time.Sleep(300 * time.Millisecond)
	s.types(t, "hello\n")
	s.shows(t, "got-hello\n")
	s.types(t, "\x03")
	s.shows(t, "int-2\n")
	must(t, "kill", id, "KILL")
	eventually(t, "the container is gone", func() bool { return len(containers(stateRoot(t))) == 0 })
	time.Sleep(300 * time.Millisecond) // what is typed before the shell has the terminal again is the container's
	s.types(t, "echo status-$?\n")
	s.shows(t, "status-137\n")
	// The shell has its own ideas while it reads a line: compare when it has gone.
	s.types(t, "exit\n")
	wait()
	if after := s.modes(t); after.Lflag != before.Lflag && after.Lflag&(syscall.ECHO|syscall.ICANON|syscall.ISIG) != syscall.ECHO|syscall.ICANON|syscall.ISIG {
		t.Errorf("the terminal's modes are %x, were %x", after.Lflag, before.Lflag)
	}
	nothingLeft(t)
}

// exec -t: keys go to what runs inside, the size follows, and the container's own process hears nothing of either.
func TestExecTerminalKeys(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	id := start(t, with(sh("trap 'echo int >>/out/first' INT; trap 'echo winch >>/out/first' WINCH; trap 'exit 0' TERM; while :; do sleep 100 & wait; done"), bind(dir, "/out")))
	s := newScreen(t, 24, 80)
	wait := s.runs(t, command(t, "exec", "-t", "-e", "PS1=in> ", id, "/bin/sh", "-i"))
	s.shows(t, "in> ")
	s.types(t, "stty size\n")
	s.shows(t, "24 80\n")
	s.resize(t, 50, 132)
	eventually(t, "the size gets there", func() bool {
		s.types(t, "stty size\n")
		time.Sleep(50 * time.Millisecond)
		return strings.Contains(s.text(), "50 132\n")
	})
	s.types(t, "sleep 1000\n")
	time.Sleep(200 * time.Millisecond)
	s.types(t, "\x03")
	s.types(t, "echo after-$((1+2))\n")
	s.shows(t, "after-3\n")
	s.types(t, "sleep 1000\n")
	time.Sleep(200 * time.Millisecond)
	s.types(t, "\x1a")
	s.shows(t, "Stopped")
	s.types(t, "kill -9 %1; fg; exit 7\n")
	if r := wait(); r.Code != 7 {
		t.Errorf("%v: %s", r, s.text())
	}
	if exists(dir + "/first") {
		t.Errorf("the container's own process heard of the keys")
	}
	wantStatus(t, id, "running")
	must(t, "delete", "--force", id)
}

// The window is closed over an exec: its process goes, the container stays.
func TestExecTerminalHangUp(t *testing.T) {
	needRoost(t)
	id := start(t, sh(sleeper))
	s := newScreen(t, 24, 80)
	wait := s.runs(t, command(t, "exec", "-t", id, "/bin/sh", "-c", "echo ready; exec sleep 4321"))
	s.shows(t, "ready\n")
	s.slave.Close()
	s.master.Close()
	r := wait()
	t.Logf("exit %d", r.Code)
	wantStatus(t, id, "running")
	eventually(t, "the container has its own processes alone", func() bool {
		var pids []int
		if err := json.Unmarshal([]byte(must(t, "ps", "--format", "json", id).Stdout), &pids); err != nil {
			t.Fatal(err)
		}
		return !slices.ContainsFunc(pids, func(pid int) bool { return strings.Contains(describe(pid), "4321") })
	})
	must(t, "delete", "--force", id)
}

// With a terminal, what a reader that stalls has not read yet is waited for, but not for longer than until somebody says so.
func TestStalledReaderOfTerminal(t *testing.T) {
	needRoost(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	id := newID(t)
	cmd := command(t, "run", "--bundle", newBundle(t, with(terminal, sh("exec yes"))), id)
	cmd.Stdout = w
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	eventually(t, "it runs", func() bool { return roost(t, "state", id).Code == 0 })
	time.Sleep(200 * time.Millisecond)
	must(t, "delete", "--force", id)
	time.Sleep(100 * time.Millisecond)
	cmd.Process.Signal(syscall.SIGTERM)
	if got := collect(); got.Code != 137 && got.Code != 143 {
		t.Error(got)
	}
	nothingLeft(t)
}
