package terminal

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Raw puts the terminal f into raw mode: every key goes through untouched, ^C and ^Z as well, and output is not
// edited either. It is the container's terminal that does these things. restore gives f the mode back that it had; it
// may be called often, by anybody, and after f has hung up. It is never nil.
//
// From the background Raw stops the caller, as with any program that changes its terminal there (SIGTTOU); restore does
// nothing there, since the terminal is in somebody else's hands.
func Raw(f *os.File) (restore func(), err error) {
	m := &mode{file: f}
	if err := m.enter(); err != nil {
		return func() {}, fmt.Errorf("raw mode of terminal: %w", err)
	}
	return m.leave, nil
}

// mode is a terminal that is raw now and then: not while we are suspended.
type mode struct {
	file   *os.File
	mu     sync.Mutex
	before *unix.Termios // nil while it is not ours
}

// enter may be called when it is raw already: a shell that continues us may have changed the mode meanwhile, but what we
// give back in the end stays what we found at first.
func (m *mode) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, err := modes(m.file)
	if err != nil {
		return err
	}
	if err := setModes(m.file, raw(*now)); err != nil {
		return err
	}
	if m.before == nil {
		m.before = now
	}
	return nil
}

func (m *mode) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.before == nil {
		return
	}
	// A shell that took the terminal has set the modes that it wants, and setting them from here would stop us.
	if !inBackground(m.file) {
		_ = setModes(m.file, m.before) // EIO: it hung up, and there is nothing to give back
	}
	m.before = nil
}

// reenter is enter for a process that was just continued. "bg" continues us in the background, where changing the
// modes would stop us again; "fg" will send another SIGCONT.
func (m *mode) reenter() {
	if !inBackground(m.file) {
		_ = m.enter()
	}
}

// Foreground reports whether this process may write to the terminal f without writing over what somebody else has there.
func Foreground(f *os.File) bool { return !inBackground(f) }

// inBackground is false for a terminal that does not control us: job control does not concern us there.
func inBackground(f *os.File) bool {
	var foreground uint32
	err := withFd(f, func(fd int) (err error) {
		foreground, err = unix.IoctlGetUint32(fd, unix.TIOCGPGRP)
		return err
	})
	return err == nil && int(foreground) != unix.Getpgrp()
}

// raw is what termios(3) says of cfmakeraw. That includes OPOST: with newlines edited on both terminals, a program that
// turned it off on its own one (an editor, ssh) would still get its line feeds changed.
func raw(t unix.Termios) *unix.Termios {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8
	t.Cc[unix.VMIN] = 1
	t.Cc[unix.VTIME] = 0
	return &t
}
