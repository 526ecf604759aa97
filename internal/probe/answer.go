package probe

import (
	"errors"
	"syscall"
)

// Verdict is what a probe found.
type Verdict uint8

// The verdicts.
const (
	Unknown Verdict = iota // it could not be told: something else refused first
	No
	Yes
)

func (v Verdict) String() string { return [...]string{"unknown", "no", "yes"}[v] }

// Answer is a verdict, and what the kernel said where it was not yes.
type Answer struct {
	Verdict Verdict
	Err     error
}

// answer reads the errno of a call: nil is yes, one of these is no, and anything else tells nothing.
func answer(err error, no ...syscall.Errno) Answer {
	if err == nil {
		return Answer{Verdict: Yes}
	}
	for _, errno := range no {
		if errors.Is(err, errno) {
			return Answer{No, err}
		}
	}
	return Answer{Unknown, err}
}

// except takes the errnos with which a kernel that knows the call answers our nonsense.
func except(err error, known ...syscall.Errno) error {
	for _, errno := range known {
		if errors.Is(err, errno) {
			return nil
		}
	}
	return err
}
