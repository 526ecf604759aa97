package delegate

import (
	"context"
	"errors"
	"fmt"

	"github.com/roost-run/roost/internal/dbus"
	"github.com/roost-run/roost/internal/fault"
)

// on connects to the unit's manager and does one thing. What is done is the same when done twice, so it is done again where the
// connection was lost in between: somebody may have started the bus or systemd anew.
func (u Unit) on(ctx context.Context, getenv func(string) string, do func(context.Context, *manager) error) error {
	ctx, cancel := context.WithTimeout(ctx, toFinish)
	defer cancel()
	c := Request{Getenv: getenv, caller: u.caller}.who()
	doors := c.doors(u.Bus)
	var err error
	for range attempts {
		var again bool
		if doors, again, err = u.once(ctx, c, doors, do); !again || ctx.Err() != nil {
			break
		}
	}
	if err == nil {
		return nil
	}
	if gone(err) {
		err = fmt.Errorf("%w: %w", ErrNoUnit, err)
	}
	return fault.Default(fault.Cgroup, fmt.Errorf("unit %s: %w", u.Name, err))
}

// attempts bounds how often a lost connection is made up for.
const attempts = 4

// once tells whether it may be tried again, and where first.
func (u Unit) once(ctx context.Context, c caller, doors []door, do func(context.Context, *manager) error) ([]door, bool, error) {
	m, err := first(ctx, c, doors)
	if err != nil {
		return nil, false, err
	}
	defer m.Close()
	err = do(ctx, m)
	return last(doors, m.door), err != nil && m.lost(err), err
}

// SetProperties changes a unit until it ends, and tells which properties this systemd does not know.
func (u Unit) SetProperties(ctx context.Context, getenv func(string) string, props []Property) (dropped []Property, err error) {
	left := append([]Property{}, props...)
	err = u.on(ctx, getenv, func(ctx context.Context, m *manager) error {
		for len(left) > 0 {
			list := make([]any, 0, len(left))
			for _, p := range left {
				list = append(list, p.wire())
			}
			_, err := m.call(ctx, method("SetUnitProperties", "sba(sv)", u.Name, true, list))
			var refused *dbus.Error
			i := -1
			if errors.As(err, &refused) {
				i = index(left, unknownProperty(refused))
			}
			if i < 0 {
				return err
			}
			dropped = append(dropped, left[i])
			left = append(left[:i], left[i+1:]...)
		}
		return nil
	})
	return dropped, err
}

func index(props []Property, name string) int {
	for i, p := range props {
		if p.Name == name && !p.essential {
			return i
		}
	}
	return -1
}

// Stop ends a unit with all that is in it, waits for that, and clears it away. One that is gone is no error.
func (u Unit) Stop(ctx context.Context, getenv func(string) string) error {
	err := u.on(ctx, getenv, func(ctx context.Context, m *manager) error {
		reply, err := m.call(ctx, method("StopUnit", "ss", u.Name, "replace"))
		if err == nil {
			err = m.await(ctx, reply, u)
		}
		var ended *JobError
		if errors.As(err, &ended) && (ended.Result == "canceled" || ended.Result == "collected") {
			err = nil // gone before anybody looked
		}
		if err != nil && !gone(err) {
			return err
		}
		if _, err := m.call(ctx, method("ResetFailedUnit", "s", u.Name)); err != nil && !gone(err) {
			return err
		}
		return nil
	})
	return err
}

// Attach moves processes into a unit, by way of its manager: the kernel lets nobody move one from a foreign session who may not
// write what the two cgroups have in common. below is the path of a cgroup below the unit's, or "".
func (u Unit) Attach(ctx context.Context, getenv func(string) string, below string, pids ...int) error {
	list := make([]uint32, 0, len(pids))
	for _, pid := range pids {
		list = append(list, uint32(pid))
	}
	return u.on(ctx, getenv, func(ctx context.Context, m *manager) error {
		_, err := m.call(ctx, method("AttachProcessesToUnit", "ssau", u.Name, below, list))
		return err
	})
}

// State is systemd's ActiveState of a unit; "inactive" is one that is not there, too.
func (u Unit) State(ctx context.Context, getenv func(string) string) (state string, err error) {
	err = u.on(ctx, getenv, func(ctx context.Context, m *manager) (err error) {
		state, err = m.state(ctx, u)
		return err
	})
	return state, err
}

// Buses asks all places where the caller's service manager could be reached, for those who want to know which answer.
func Buses(ctx context.Context, getenv func(string) string) []Tried {
	c := thisCaller(getenv)
	var all []Tried
	for _, d := range c.doors(c.which()) {
		m, err := enter(ctx, c, d)
		if err == nil {
			_, d.Version, err = m.systemdVersion(ctx)
			m.Close()
		}
		d.Err = err
		all = append(all, d.Tried)
	}
	return all
}
