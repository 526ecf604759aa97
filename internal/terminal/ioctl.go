package terminal

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// IsTerminal reports whether f is a terminal, either end. A nil or closed file is none.
func IsTerminal(f *os.File) bool {
	_, err := modes(f)
	return err == nil
}

// Size returns the size of the terminal f in characters; 0, 0 is a terminal that was never told its size.
// Source: TIOCGWINSZ, ioctl_tty(2).
func Size(f *os.File) (rows, cols uint16, err error) {
	err = withFd(f, func(fd int) error {
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil {
			rows, cols = size.Row, size.Col
		}
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("size of terminal: %w", err)
	}
	return rows, cols, nil
}

// SetSize sets the size of the terminal f, in characters. The kernel sends SIGWINCH to its foreground processes, if
// the size is another one than before. Source: TIOCSWINSZ, ioctl_tty(2).
func SetSize(f *os.File, rows, cols uint16) error {
	err := withFd(f, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: cols})
	})
	if err != nil {
		return fmt.Errorf("set size of terminal: %w", err)
	}
	return nil
}

func modes(f *os.File) (*unix.Termios, error) {
	var t *unix.Termios
	err := withFd(f, func(fd int) (err error) {
		t, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return t, err
}

// setModes changes them at once. Waiting for the output to be written first (TCSETSW) would hang on a terminal that
// nobody reads any more, at the very moment when roost wants to end.
func setModes(f *os.File, t *unix.Termios) error {
	return withFd(f, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, t) })
}

// withFd uses SyscallConn rather than Fd: it holds the descriptor while it is in use, and leaves its blocking mode alone.
func withFd(f *os.File, use func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var used error
	err = conn.Control(func(fd uintptr) {
		for used = use(int(fd)); used == unix.EINTR; used = use(int(fd)) {
		}
	})
	if err != nil {
		return err
	}
	return used
}
