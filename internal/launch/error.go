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
	// Status is how a child ended that was to end well, see [Builder.Finish]; Errno is 0 then.
	Status syscall.WaitStatus
	// About is the number that the program gave with [Builder.About], for who does not have the program.
	About int
}

// failure is the error of a message.
func failure(m message) *Error {
	return &Error{Index: int(m.step), Errno: syscall.Errno(m.errno), Status: syscall.WaitStatus(uint32(m.value)), About: int(m.about)}
}

func (e *Error) Error() string {
	s := e.Label
	if e.Path != "" && !strings.Contains(s, e.Path) {
		s += " " + e.Path
	}
	s += ": " + e.Reason()
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Reason is how a step failed, without what it was.
func (e *Error) Reason() string {
	switch ws := e.Status; {
	case ws.Signaled():
		return fmt.Sprintf("killed by signal %d (%s)", ws.Signal(), ws.Signal())
	case ws != 0:
		return fmt.Sprintf("exit status %d", ws.ExitStatus())
	}
	return e.Errno.Error()
}

// Describe adds the words of a program that was built again in the same way, but not Bare.
func (e *Error) Describe(p *Program) {
	if e.Index < len(p.Steps) {
		e.Step = p.Steps[e.Index]
	}
}

// Unwrap lets errors.Is find the errno.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

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
