package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hang is when a test gives up on an event: a test that hangs should say where.
const hang = 60 * time.Second

// pty opens a pseudo-terminal. The master is in Go's poller.
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("missing: pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	var number uint32
	err = withFd(master, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetUint32(fd, unix.TIOCGPTN)
		}
		return err
	})
	if err != nil {
		t.Fatalf("unlock %s: %v", master.Name(), err)
	}
	fd, err := unix.Open("/dev/pts/"+strconv.Itoa(int(number)), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("missing: a devpts at /dev/pts that belongs to /dev/ptmx: %v", err)
	}
	slave = os.NewFile(uintptr(fd), "slave")
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// payload starts a shell script with slave as its controlling terminal, and closes slave here, as roost's process
// does not have it either. wait returns when it has exited.
func payload(t *testing.T, slave *os.File, script string) (cmd *exec.Cmd, wait func()) {
	t.Helper()
	cmd = exec.Command("sh", "-c", script)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var once sync.Once
	wait = func() { once.Do(func() { _ = cmd.Wait() }) }
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		wait()
	})
	return cmd, wait
}

// sink is a file that collects what is written to it.
type sink struct {
	w    *os.File
	mu   sync.Mutex
	got  bytes.Buffer
	more chan struct{}
	end  chan struct{}
}

func newSink(t *testing.T) *sink {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{w: blocking(t, w), more: make(chan struct{}, 1), end: make(chan struct{})}
	go func() {
		defer close(s.end)
		defer r.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := r.Read(buf)
			if err != nil {
				return
			}
			s.mu.Lock()
			s.got.Write(buf[:n])
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
		}
	}()
	t.Cleanup(func() { s.w.Close() })
	return s
}

// blocking is f as a child of a shell would have it: a blocking descriptor, unknown to Go's poller. It closes f.
func blocking(t *testing.T, f *os.File) *os.File {
	t.Helper()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		t.Fatal(err)
	}
	f.Close()
	return os.NewFile(uintptr(fd), f.Name())
}

func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

// all closes the file and returns everything that was written.
func (s *sink) all() string {
	s.w.Close()
	<-s.end
	return s.text()
}

func (s *sink) waitFor(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(hang)
	for !strings.Contains(s.text(), text) {
		select {
		case <-s.more:
		case <-timeout:
			t.Fatalf("no %q in %q", text, s.text())
		}
	}
}

func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(hang):
		t.Fatalf("%s hangs", what)
	}
}

func mustStart(t *testing.T, master, in, out *os.File, patience time.Duration) *Relay {
	t.Helper()
	r, err := start(master, in, out, patience)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func nonblocking(t *testing.T, f *os.File) bool {
	t.Helper()
	var flags int
	err := withFd(f, func(fd int) (err error) {
		flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_NONBLOCK != 0
}

func setBlocking(t *testing.T, f *os.File, on bool) {
	t.Helper()
	if err := withFd(f, func(fd int) error { return unix.SetNonblock(fd, !on) }); err != nil {
		t.Fatal(err)
	}
}

func openFiles(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("missing: /proc: %v", err)
	}
	var open []string
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, fmt.Sprintf("%s -> %s", e.Name(), to))
		}
	}
	return strings.Join(open, "\n")
}

func readUntil(t *testing.T, f *os.File, text string) string {
	t.Helper()
	_ = f.SetReadDeadline(time.Now().Add(hang))
	var got []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(got), text) {
		n, err := f.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("waiting for %q: %v; got %q", text, err, got)
		}
	}
	return string(got)
}

func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
