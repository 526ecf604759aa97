package delegate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/roost-run/roost/internal/dbus"
	"github.com/roost-run/roost/internal/fault"
)

// JobError is a job of systemd's that did not come to a good end.
type JobError struct {
	Unit   Unit
	Result string // failed, canceled, timeout, dependency, skipped, … (org.freedesktop.systemd1(5), JobRemoved)
}

func (e *JobError) Error() string {
	text, ok := map[string]string{
		"canceled":    "its job was canceled: somebody stopped the unit meanwhile",
		"timeout":     "its job took too long for systemd",
		"failed":      "its job failed: systemd could not move the process there",
		"dependency":  "its job failed because a unit that it depends on is not there",
		"skipped":     "its job was skipped, as not applicable to the unit's state",
		"invalid":     "its job was not applicable",
		"assert":      "its job failed at an assertion",
		"unsupported": "this systemd does not support such units",
		"collected":   "systemd has cleared its job away",
	}[e.Result]
	if !ok {
		text = "its job ended as " + e.Result
	}
	return text
}

// glance is how long a job's end is waited for before somebody asks: the signal may be lost when a bus or systemd itself starts anew.
const glance = time.Second

// await waits for the end of the job that a reply names.
func (m *manager) await(ctx context.Context, reply []any, unit Unit) error {
	job := ""
	if len(reply) == 1 {
		job, _ = reply[0].(string)
	}
	if job == "" {
		return errors.New("systemd's answer names no job")
	}
	for {
		s, err := m.Signal(ctx, glance, func(s *dbus.Message) bool { return s.Member == "JobRemoved" && len(s.Body) == 4 && s.Body[1] == job })
		if err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("its job %s does not end: %w", job, ctx.Err())
			}
			return err
		}
		result, over := "", false
		if s != nil {
			result, _ = s.Body[3].(string)
			over = true
		} else if result, over, err = m.glimpse(ctx, unit); err != nil {
			return err
		}
		if over {
			return unit.jobEnded(result)
		}
	}
}

func (u Unit) jobEnded(result string) error {
	if result == "done" {
		return nil
	}
	hint := "journalctl "
	if u.Bus == UserBus {
		hint += "--user "
	}
	return fault.Mark(fault.Cgroup, &JobError{u, result}).(*fault.Error).Remedy("see \"%s-u %s\"", hint, u.Name)
}

// glimpse tells a job's result from its unit's state, if it has ended.
func (m *manager) glimpse(ctx context.Context, unit Unit) (result string, over bool, err error) {
	state, err := m.state(ctx, unit)
	if err != nil {
		return "", false, err
	}
	body, err := m.call(ctx, get(unit.objectPath(), unitInterface, "Job"))
	if err != nil {
		return "", false, err
	}
	if pair, ok := variant(body).([]any); ok && len(pair) == 2 && pair[0] != uint32(0) {
		return "", false, nil
	}
	switch state {
	case "active":
		return "done", true, nil
	case "failed":
		return "failed", true, nil
	}
	return "canceled", true, nil
}

// state is ActiveState: active, reloading, inactive, failed, activating, deactivating. A unit that is not loaded is inactive.
func (m *manager) state(ctx context.Context, unit Unit) (string, error) {
	body, err := m.call(ctx, get(unit.objectPath(), unitInterface, "ActiveState"))
	if err != nil {
		return "", err
	}
	state, _ := variant(body).(string)
	return state, nil
}

// makeRoom is for a unit of that name that is there already: one that has ended is cleared away, one that ends is waited for.
func (s *start) makeRoom(ctx context.Context) error {
	m, unit := s.g.manager, s.g.Unit
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		state, err := m.state(ctx, unit)
		if err != nil {
			return err
		}
		switch {
		case state == "inactive" || state == "failed":
			if _, err := m.call(ctx, method("ResetFailedUnit", "s", unit.Name)); err != nil && !gone(err) {
				return err
			}
			if s.tries++; s.tries < 32 {
				return nil
			}
			return fmt.Errorf("%w, as %s, and cannot be cleared away", ErrUnitExists, state)
		case state != "deactivating":
			return fault.New(fault.ContainerExists, "%w, and is %s", ErrUnitExists, state).
				Remedy("stop it, or choose another ID or cgroupsPath")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w, and does not end: %w", ErrUnitExists, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// gone reports whether an error says that there is no such unit.
func gone(err error) bool {
	var e *dbus.Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Name == systemd+".NoSuchUnit" || e.Name == "org.freedesktop.DBus.Error.UnknownObject"
}
