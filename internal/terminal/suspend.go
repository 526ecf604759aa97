package terminal

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// suspend stops this process as SIGTSTP would have, had we not caught it. It returns when we are continued.
//
// The signal is SIGTTOU, which has the same effect and is never caught here. Not SIGTSTP: Go leaves its handler in place
// after signal.Reset, and would ignore it. Not SIGSTOP either: that stops processes whose process group
// is orphaned, too, which nobody would ever continue; the kernel spares them from the three of the terminal.
// It is sent to this very thread, so it has happened when the system call returns.
func (s *Signals) suspend() {
	m := s.rawTerminal()
	if m != nil {
		m.leave()
	}
	runtime.LockOSThread()
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), syscall.SIGTTOU)
	runtime.UnlockOSThread()
	if m != nil {
		m.reenter() // SIGCONT does this too, but there is none if we did not stop
	}
}

// resume comes before SIGCONT is sent on: the terminal has the mode and the size that the payload expects, whatever
// a shell did to it meanwhile.
func (s *Signals) resume(to target) {
	if m := s.rawTerminal(); m != nil {
		m.reenter()
	}
	if to.onWinch != nil {
		to.onWinch()
	}
}

func (s *Signals) rawTerminal() *mode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}
