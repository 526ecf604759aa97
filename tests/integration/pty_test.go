package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen is the far side of a terminal: what a person sees, and types into.
type screen struct {
	master, slave *os.File
	mu            sync.Mutex
	seen          []byte
	ended         chan struct{}
}

// newScreen opens a terminal of the host, or rather of the devpts that this suite runs in.
func newScreen(t testing.TB, rows, cols uint16) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := newScreenOn(t, master)
	var number int
	control(t, master, func(fd int) error {
		var err error
		if number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); err != nil {
			return err
		}
		return unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	})
	s.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.slave.Close() })
	s.resize(t, rows, cols)
	return s
}

// newScreenOn watches a master that somebody else opened.
func newScreenOn(t testing.TB, master *os.File) *screen {
	t.Helper()
	s := &screen{master: master, ended: make(chan struct{})}
	go s.watch()
	t.Cleanup(func() {
		master.Close()
		<-s.ended
	})
	return s
}

func (s *screen) watch() {
	defer close(s.ended)
	buf := make([]byte, 64<<10)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.seen = append(s.seen, buf[:n]...)
		s.mu.Unlock()
		// EIO: nobody has the other side open just now. Between two programs that is no end.
		if errors.Is(err, syscall.EIO) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			return
		}
	}
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(string(s.seen), "\r\n", "\n")
}

func (s *screen) shows(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.text(), text); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the screen never shows %q but %q", text, s.text())
		}
	}
}

func (s *screen) types(t testing.TB, text string) {
	t.Helper()
	if _, err := io.WriteString(s.master, text); err != nil {
		t.Fatal(err)
	}
}

func (s *screen) resize(t testing.TB, rows, cols uint16) {
	t.Helper()
	control(t, s.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
}

// modes is what raw mode changes.
func (s *screen) modes(t testing.TB) (m unix.Termios) {
	t.Helper()
	control(t, s.slave, func(fd int) error {
		got, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil {
			m = *got
		}
		return err
	})
	return m
}

// runs starts cmd on this terminal, as a login would: a session of its own with the terminal in control.
func (s *screen) runs(t testing.TB, cmd *exec.Cmd) func() result {
	t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.slave, s.slave, s.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return collect
}

func control(t testing.TB, f *os.File, do func(fd int) error) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := conn.Control(func(fd uintptr) { failed = do(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}
