package delegate

import (
	"context"
	"errors"
	"strings"

	"github.com/roost-run/roost/internal/fault"
)

// Sentinels, for errors.Is.
const (
	ErrNoBus        = fault.Words("no service manager answers")
	ErrNotDelegated = fault.Words("not delegated")
	ErrUnitExists   = fault.Words("the unit exists already")
	ErrNoUnit       = fault.Words("there is no such unit")
	ErrLifetime     = fault.Words("no session to end with")
)

// NotDelegatedError is a cgroup, or controllers in it, that this caller may not have.
type NotDelegatedError struct {
	Path    string   // the cgroup
	Missing []string // controllers, or files that may not be written
	Text    string   // what is wrong with it
	Remedy  string
}

func (e *NotDelegatedError) Error() string {
	s := e.Path + ": "
	if e.Text != "" {
		s += e.Text
	} else {
		s += "not delegated: " + strings.Join(e.Missing, ", ")
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Is makes errors.Is(err, ErrNotDelegated) true.
func (e *NotDelegatedError) Is(target error) bool { return target == ErrNotDelegated }

// NoBusError is that none of the places where a service manager could be has one that answers.
type NoBusError struct {
	Tried  []Tried
	Remedy string
}

func (e *NoBusError) Error() string {
	s := "no service manager answers"
	for i, t := range e.Tried {
		s += map[bool]string{true: ": ", false: "; "}[i == 0] + t.From + ": " + t.Err.Error()
	}
	return s + "; " + e.Remedy
}

// Is makes errors.Is(err, ErrNoBus) true, and that the context has ended where it has: what else went wrong at a place is not the
// caller's failure.
func (e *NoBusError) Is(target error) bool {
	if target == ErrNoBus {
		return true
	}
	if len(e.Tried) == 0 {
		return false
	}
	last := e.Tried[len(e.Tried)-1].Err
	return (target == context.DeadlineExceeded || target == context.Canceled) && errors.Is(last, target)
}

// The lines that an administrator adds.
const (
	remedyControllers = `ask an administrator for /etc/systemd/system/user@.service.d/delegate.conf with the lines "[Service]" and ` +
		`"Delegate=cpu cpuset io memory pids", then "systemctl daemon-reload" and a new login`
	remedyKernel  = "the kernel lacks them, or its command line keeps them from cgroup v2 (cgroup_no_v1=, cgroup_disable=); in a container, whoever started it does not give them out"
	remedyService = `add "Delegate=yes" to the [Service] section of the unit`
)
