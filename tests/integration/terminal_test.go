package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func terminal(s *specs.Spec) { s.Process.Terminal = true }

func TestTerminal(t *testing.T) {
	s := newScreen(t, 40, 100)
	before := s.modes(t)
	wait := s.runs(t, command(t, "run", "--bundle", newBundle(t, with(terminal, sh("tty; stty size; ls -l /dev/console | cut -c1; test -t 0 && test -t 1 && test -t 2 && echo all three; exit 6"))), newID(t)))
	r := wait()
	s.shows(t, "/dev/pts/0\n40 100\nc\nall three\n")
	if r.Code != 6 {
		t.Errorf("%v: %s", r, s.text())
	}
	if s.modes(t) != before {
		t.Errorf("the caller's terminal was left in another mode:\n%+v\n%+v", s.modes(t), before)
	}
}

// A caller without a terminal, and a payload without one, on a caller's that is.
func TestNoTerminalOnTerminal(t *testing.T) {
	s := newScreen(t, 24, 80)
	r := s.runs(t, command(t, "run", "--bundle", newBundle(t, sh("echo $(cat) $(tty)")), newID(t)))
	s.types(t, "typed\n\x04")
	if got := r(); got.Code != 0 {
		t.Errorf("%v: %s", got, s.text())
	}
	s.shows(t, "typed\n")
}

func TestConsoleSize(t *testing.T) {
	path, master := consoleSocket(t)
	id := newID(t)
	must(t, "create", "--console-socket", path, "--bundle", newBundle(t, with(terminal, sh("stty size"), func(s *specs.Spec) {
		s.Process.ConsoleSize = &specs.Box{Height: 33, Width: 77}
	})), id)
	s := newScreenOn(t, <-master)
	must(t, "start", id)
	s.shows(t, "33 77\n")
	must(t, "delete", "--force", id)
}

func TestTerminalResize(t *testing.T) {
	s := newScreen(t, 24, 80)
	wait := s.runs(t, command(t, "run", "--bundle", newBundle(t, with(terminal, sh("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done"))), newID(t)))
	s.shows(t, "ready\n")
	s.resize(t, 50, 120)
	s.shows(t, "50 120\n")
	if r := wait(); r.Code != 0 {
		t.Error(r)
	}
}

// The last bytes before the exit are as good as any others.
func TestTerminalLosesNothing(t *testing.T) {
	for range 5 {
		s := newScreen(t, 24, 80)
		wait := s.runs(t, command(t, "run", "--bundle", newBundle(t, with(terminal, sh("seq 1 20000"))), newID(t)))
		if r := wait(); r.Code != 0 {
			t.Fatal(r)
		}
		s.shows(t, "\n20000\n")
		if got := len(lines(s.text())); got != 20000 {
			t.Fatalf("%d lines came through", got)
		}
	}
}

// ^C, ^Z, fg and jobs need a session, a controlling terminal, and foreground process groups.
func TestJobControl(t *testing.T) {
	s := newScreen(t, 24, 80)
	wait := s.runs(t, command(t, "run", "--bundle", newBundle(t, with(terminal, args("/bin/sh", "-i"), func(s *specs.Spec) {
		s.Process.Env = append(s.Process.Env, "PS1=ready# ")
	})), newID(t)))
	s.shows(t, "ready# ")
	s.types(t, "sleep 1000\n")
	s.shows(t, "sleep 1000\n")
	time.Sleep(200 * time.Millisecond) // no sign tells when the shell has given the terminal to the job
	s.types(t, "\x03")
	s.types(t, "echo after-$((1+1))-interrupt\n")
	s.shows(t, "after-2-interrupt\n")
	s.types(t, "sleep 1000\n")
	time.Sleep(200 * time.Millisecond)
	s.types(t, "\x1a")
	s.shows(t, "Stopped")
	s.types(t, "jobs; kill %1; fg; echo done-$((2+2))\n")
	s.shows(t, "done-4\n")
	s.types(t, "exit 3\n")
	if r := wait(); r.Code != 3 {
		t.Errorf("%v: %s", r, s.text())
	}
}

func TestExecTerminal(t *testing.T) {
	id := start(t, sh(sleeper))
	s := newScreen(t, 30, 90)
	before := s.modes(t)
	wait := s.runs(t, command(t, "exec", "-t", id, "/bin/sh", "-c", "stty size; test -t 0 && tty && trap 'stty size; exit 8' WINCH; echo ready; while :; do sleep 0.05; done"))
	s.shows(t, "30 90\n")
	s.shows(t, "/dev/pts/")
	s.shows(t, "ready\n")
	s.resize(t, 31, 91)
	s.shows(t, "31 91\n")
	if r := wait(); r.Code != 8 {
		t.Error(r)
	}
	if s.modes(t) != before {
		t.Errorf("the caller's terminal was left in another mode")
	}
	must(t, "delete", "--force", id)
}

func TestConsoleSocket(t *testing.T) {
	path, master := consoleSocket(t)
	id := newID(t)
	must(t, "create", "--console-socket", path, "--bundle", newBundle(t, with(terminal, sh("tty; read line; echo got $line"))), id)
	s := newScreenOn(t, <-master)
	must(t, "start", id)
	s.types(t, "hello\n")
	s.shows(t, "got hello\n")
	stopped(t, id)
	must(t, "delete", id)

	// run -d and exec -d -t take one too.
	id = newID(t)
	path, master = consoleSocket(t)
	must(t, "run", "-d", "--console-socket", path, "--bundle", newBundle(t, with(terminal, sh(sleeper))), id)
	newScreenOn(t, <-master)
	path, master = consoleSocket(t)
	must(t, "exec", "-d", "-t", "--console-socket", path, id, "/bin/sh", "-c", "echo second terminal; sleep 1000")
	newScreenOn(t, <-master).shows(t, "second terminal\n")
	must(t, "delete", "--force", id)
}

// A socket's name may be longer than what fits an address.
func TestConsoleSocketLongPath(t *testing.T) {
	needRoost(t)
	dir := filepath.Join(tempDir(t), strings.Repeat("long-", 30))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path, master := consoleSocket(t)
	if err := os.Rename(path, dir+"/socket"); err != nil {
		t.Fatal(err)
	}
	id := newID(t)
	must(t, "run", "-d", "--console-socket", dir+"/socket", "--bundle", newBundle(t, with(terminal, sh("echo here; sleep 1000"))), id)
	newScreenOn(t, <-master).shows(t, "here\n")
	must(t, "delete", "--force", id)
}

func TestConsoleSocketErrors(t *testing.T) {
	dir := tempDir(t)
	if err := os.WriteFile(dir+"/file", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir + "/missing", dir + "/file"} {
		refuse(t, []string{path}, "create", "--console-socket", path, "--bundle", newBundle(t, terminal), newID(t))
	}
}

// consoleSocket listens where a runtime sends the terminal's master.
func consoleSocket(t testing.TB) (path string, master chan *os.File) {
	t.Helper()
	path = filepath.Join(tempDir(t), "console")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	master = make(chan *os.File, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.AcceptUnix()
		if err != nil {
			return
		}
		defer conn.Close()
		oob := make([]byte, unix.CmsgSpace(4))
		_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 4096), oob)
		if err != nil {
			return
		}
		messages, err := unix.ParseSocketControlMessage(oob[:n])
		if err != nil || len(messages) != 1 {
			return
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		if err != nil || len(fds) != 1 {
			return
		}
		unix.SetNonblock(fds[0], true)
		master <- os.NewFile(uintptr(fds[0]), "console")
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return path, master
}

// When the window is closed, the payload hears of it, as it would without a container, and nothing is left.
func TestTerminalHangUp(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"payload goes", "trap 'echo hup >/out/said; exit 0' HUP; echo ready; while :; do sleep 0.05; done"},
		// A payload that stays and writes must not block on a terminal that nobody reads any more.
		{"payload stays", "trap '' HUP; echo ready; sleep 0.3; seq 1 20000; echo done >/out/said"},
	} {
		t.Run(c.name, func(t *testing.T) {
			needRoost(t)
			dir := tempDir(t)
			s := newScreen(t, 24, 80)
			wait := s.runs(t, command(t, "run", "--bundle", newBundle(t, with(terminal, sh(c.script), bind(dir, "/out"))), newID(t)))
			s.shows(t, "ready\n")
			s.slave.Close()
			s.master.Close()
			r := wait()
			t.Logf("exit %d", r.Code)
			if !exists(dir + "/said") {
				t.Errorf("the payload did not get to its end")
			}
			if left := orphans(); len(left) > 0 {
				t.Errorf("left processes: %q", left)
			}
		})
	}
}

// A detached container's terminal outlives the caller; closing its master hangs it up.
func TestConsoleHangUp(t *testing.T) {
	path, master := consoleSocket(t)
	id := newID(t)
	must(t, "run", "-d", "--console-socket", path, "--bundle", newBundle(t, with(terminal, args("/bin/cat"))), id)
	m := <-master
	wantStatus(t, id, "running")
	m.Close()
	stopped(t, id)
	must(t, "delete", id)
}

// The host's terminals and nodes are as they were: the runtime must never have had them in hand by name.
func TestHostNodesUntouched(t *testing.T) {
	var st syscall.Stat_t
	before := nodes(t)
	s := newScreen(t, 24, 80)
	wait := s.runs(t, command(t, "run", "--bundle", newBundle(t, with(terminal, rootfs(ownRootfs(t), false), dropMount("/dev"), dropMount("/dev/pts"), dropMount("/dev/shm"), dropMount("/dev/mqueue"),
		mounted(specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance", "ptmxmode=0666", "mode=0620"}}))), newID(t)))
	r := wait()
	t.Logf("exit %d: %s", r.Code, s.text())
	if after := nodes(t); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if err := syscall.Stat("/dev/null", &st); err != nil || uint64(st.Rdev) != unix.Mkdev(1, 3) { //nolint:unconvert // it has 32 bits on mips
		t.Errorf("/dev/null: %v, %+v", err, st)
	}
}

func nodes(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"} {
		var st syscall.Stat_t
		err := syscall.Lstat("/dev/"+name, &st)
		fmt.Fprintf(&b, "%s %v %o %d:%d %x\n", name, err, st.Mode, st.Uid, st.Gid, st.Rdev)
	}
	return b.String()
}
