package runtime

import (
	"errors"
	"fmt"
	"testing"

	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/fault"
)

// A caller in a session of root's, whose own systemd was not given one of the controllers: that is what is missing, not the session's cgroup.
func TestLacking(t *testing.T) {
	session := &delegate.NotDelegatedError{Path: "/session-1.scope", Text: "no Delegate=yes"}
	manager := &delegate.NotDelegatedError{Path: "/user@1000.service", Missing: []string{"cpuset"}}
	for _, c := range []struct {
		err  error
		want *delegate.NotDelegatedError
	}{
		{nil, nil}, {errors.New("else"), nil}, {session, nil}, {manager, manager},
		{fmt.Errorf("%w; and %w", fault.Mark(fault.Cgroup, session), fault.Mark(fault.Cgroup, manager)), manager},
		{fmt.Errorf("%w; and %w", manager, &delegate.NoBusError{}), manager},
	} {
		if got := lacking(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
