package launch

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Error is a step of a program that failed.
type Error struct {
	Step      // which; Label says what was tried
	Index int // of the step in its program
	Errno syscall.Errno
}

func (e *Error) Error() string {
	s := e.Label
	if e.Path != "" && !strings.Contains(s, e.Path) {
		s += " " + e.Path
	}
	s += ": " + e.Errno.Error()
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Describe adds the words of a program that was built again in the same way, but not Bare.
func (e *Error) Describe(p *Program) {
	if e.Index < len(p.Steps) {
		e.Step = p.Steps[e.Index]
	}
}

// Unwrap lets errors.Is find the errno.
func (e *Error) Unwrap() error { return e.Errno }

// ErrDied is a child that ended in the middle of its program without a word: somebody killed it.
var ErrDied = errors.New("ended while it was set up")

// ErrDeadline is a child that did not get to its next sync point in time: somebody stopped it, or the machine is very busy.
var ErrDeadline = errors.New("took too long to set up")

// diedError says how.
func diedError(ws syscall.WaitStatus) error {
	if ws.Signaled() {
		return fmt.Errorf("process %w: killed by signal %d (%s)", ErrDied, ws.Signal(), ws.Signal())
	}
	return fmt.Errorf("process %w: status %d", ErrDied, ws.ExitStatus())
}
