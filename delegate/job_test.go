package delegate

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/roost-run/roost/internal/dbus"
)

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestJobsEndEarlyOrLate(t *testing.T) {
	t.Parallel()
	for _, result := range []string{"done", "soon: done"} {
		f := newFake(t, func(*fake, map[string]godbus.Variant) (string, *godbus.Error) { return result, nil })
		if g, err := attempt(bounded(t), t, by(f.door())); !accepted(g, err) {
			t.Error(result, err)
		}
	}
}

func TestEveryResultOfAJobIsAClearError(t *testing.T) {
	t.Parallel()
	var next atomic.Value
	f := newFake(t, func(*fake, map[string]godbus.Variant) (string, *godbus.Error) { return next.Load().(string), nil })
	for _, result := range []string{"canceled", "timeout", "failed", "dependency", "skipped", "soon: failed", "new"} {
		next.Store(result)
		_, err := attempt(bounded(t), t, by(f.door()))
		var job *JobError
		if !errors.As(err, &job) || job.Result != strings.TrimPrefix(result, "soon: ") || !strings.Contains(err.Error(), "journalctl --user -u roost-x.scope") {
			t.Errorf("%s: %v", result, err)
		}
	}
}

func TestASignalThatIsLostIsMadeUpFor(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(*fake, map[string]godbus.Variant) (string, *godbus.Error) { return "", nil })
	if g, err := attempt(bounded(t), t, by(f.door())); !accepted(g, err) {
		t.Error(err)
	}
	f.set(func() { f.states = []string{"failed"} })
	_, err := attempt(bounded(t), t, by(f.door()))
	var job *JobError
	if !errors.As(err, &job) || job.Result != "failed" {
		t.Error(err)
	}
}

func TestAJobThatDoesNotEndIsLeft(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(*fake, map[string]godbus.Variant) (string, *godbus.Error) { return "", nil })
	f.set(func() { f.job, f.states = 7, []string{"activating"} })
	ctx, cancel := context.WithTimeout(context.Background(), 1500*time.Millisecond)
	defer cancel()
	if _, err := attempt(ctx, t, by(f.door())); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not end") {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := attempt(ctx, t, by(f.door())); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func unitExists(*fake, map[string]godbus.Variant) (string, *godbus.Error) {
	return "", godbus.NewError(systemd+".UnitExists", []any{"Unit roost-x.scope was already loaded or has a fragment file."})
}

func TestAUnitThatIsThere(t *testing.T) {
	t.Parallel()
	f := newFake(t, unitExists)
	if _, err := attempt(bounded(t), t, by(f.door())); !errors.Is(err, ErrUnitExists) || f.count("ResetFailedUnit") != 0 {
		t.Error("a living one:", err)
	}
	f.set(func() { f.states = []string{"failed"} })
	if _, err := attempt(bounded(t), t, by(f.door())); !errors.Is(err, ErrUnitExists) || f.count("ResetFailedUnit") != 32 {
		t.Error("one that cannot be cleared away:", err, f.count("ResetFailedUnit"))
	}
	for _, states := range [][]string{{"failed"}, {"inactive"}, {"deactivating", "deactivating", "inactive"}} {
		f = newFake(t, func(f *fake, props map[string]godbus.Variant) (string, *godbus.Error) {
			if f.count("ResetFailedUnit") == 0 {
				return unitExists(f, props)
			}
			return "done", nil
		})
		f.set(func() { f.states = states })
		if g, err := attempt(bounded(t), t, by(f.door())); !accepted(g, err) || f.count("ResetFailedUnit") != 1 {
			t.Error(states, err)
		}
	}
	f = newFake(t, unitExists)
	f.set(func() { f.states = []string{"deactivating"} })
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := attempt(ctx, t, by(f.door())); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("one that does not end:", err)
	}
}

// lacks is a manager of an older version, with the words of that time.
func lacks(names ...string) func(*fake, map[string]godbus.Variant) (string, *godbus.Error) {
	return func(_ *fake, props map[string]godbus.Variant) (string, *godbus.Error) {
		for _, n := range names {
			if _, ok := props[n]; ok {
				return "", godbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{"Cannot set property " + n + ", or unknown property."})
			}
		}
		return "done", nil
	}
}

func TestAnOldVersion(t *testing.T) {
	f := newFake(t, lacks("MemoryZSwapMax", "OOMPolicy", "CollectMode"))
	f.set(func() { f.version = "v235" })
	props, _ := Properties([]File{{"memory.zswap.max", "0", "linux.resources.unified"}, {"memory.oom.group", "1", "x"}, {"memory.max", "4096", "y"}})
	g, err := attempt(bounded(t), t, by(f.door()), props...)
	if !accepted(g, err) || len(g.Dropped) != 3 || f.count("StartTransientUnit") != 4 {
		t.Fatal(err, g.Dropped, f.count("StartTransientUnit"))
	}
	last := f.lastStart()
	if _, ok := last["MemoryMax"]; !ok || last["PIDs"].Value() == nil {
		t.Error(last)
	}
	f = newFake(t, lacks("Delegate"))
	if _, err := attempt(bounded(t), t, by(f.door())); err == nil || accepted(nil, err) || f.count("StartTransientUnit") != 1 {
		t.Error("without Delegate:", err)
	}
}

// That PIDFDs arrive is for the real one to show (godbus cannot read arrays of descriptors); here is what follows when they don't.
func TestWithoutPIDFDs(t *testing.T) {
	f := newFake(t, done)
	f.set(func() { f.version = "254" })
	if g, err := attempt(bounded(t), t, by(f.door())); !accepted(g, err) || f.count("StartTransientUnit") != 1 || f.lastStart()["PIDs"].Value() == nil {
		t.Error(err)
	}
	s := &start{g: &Grant{}}
	unknown := &dbus.Error{Name: "org.freedesktop.DBus.Error.PropertyReadOnly", Message: "Cannot set property PIDFDs, or unknown property."}
	if err := s.learn(bounded(t), unknown); err != nil || !s.byPID || len(s.g.Dropped) != 0 {
		t.Error(err, s)
	}
	if err := s.learn(bounded(t), unknown); err == nil {
		t.Error("learnt twice")
	}
}

func TestUnknownProperty(t *testing.T) {
	const prefix = "org.freedesktop.DBus.Error."
	for _, c := range []struct{ name, message, want string }{
		{prefix + "PropertyReadOnly", "Cannot set property OOMPolicy, or unknown property.", "OOMPolicy"},
		{prefix + "UnknownProperty", "Unknown property 'A'", "A"},
		{prefix + "UnknownProperty", "Cannot find property", ""},
		{prefix + "InvalidArgs", "MemoryMax= is out of range, property B", ""},
	} {
		if got := unknownProperty(&dbus.Error{Name: c.name, Message: c.message}); got != c.want {
			t.Errorf("%s: %q", c.message, got)
		}
	}
}
