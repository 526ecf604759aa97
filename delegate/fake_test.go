package delegate

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/roost-run/roost/internal/dbus/bustest"
)

// fake is a service manager for what the real one does not do on demand, behind a real bus. It is older than PIDFDs, and moves no process: a start that has
// come to its good end says so in the error of [accepted].
type fake struct {
	bus     *bustest.Daemon
	conn    *godbus.Conn
	version string

	mu     sync.Mutex
	calls  []string
	starts []map[string]godbus.Variant
	states []string // what ActiveState says, one after the other; the last one stays
	job    uint32
	start  func(f *fake, props map[string]godbus.Variant) (result string, err *godbus.Error)
}

type unitProperty struct {
	Name  string
	Value godbus.Variant
}

type auxiliary struct {
	Name       string
	Properties []unitProperty
}

const fakeJob = godbus.ObjectPath("/org/freedesktop/systemd1/job/7")

// newFake starts a bus with a manager, which answers starts with the function: "" is no JobRemoved, "soon: done" one before the reply.
func newFake(t *testing.T, start func(*fake, map[string]godbus.Variant) (string, *godbus.Error)) *fake {
	t.Helper()
	f := &fake{bus: bustest.Start(t), version: "252.1-1", states: []string{"active"}, start: start}
	var err error
	if f.conn, err = godbus.Connect("unix:path=" + f.bus.Path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.conn.Close() })
	for _, e := range []error{
		f.conn.Export(f, systemdPath, managerInterface),
		f.conn.ExportMethodTable(map[string]any{"Get": f.get}, systemdPath, properties),
		f.conn.ExportSubtreeMethodTable(map[string]any{"Get": f.get}, systemdPath+"/unit", properties),
	} {
		if e != nil {
			t.Fatal(e)
		}
	}
	if _, err := f.conn.RequestName(systemd, 0); err != nil {
		t.Fatal(err)
	}
	return f
}

// set changes what it answers, beside a bus that may be asking.
func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// lastStart is what the last scope was asked for with.
func (f *fake) lastStart() map[string]godbus.Variant {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.starts[len(f.starts)-1]
}

func (f *fake) called(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, name)
}

func (f *fake) get(_, name string) (godbus.Variant, *godbus.Error) {
	f.called("Get " + name)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch name {
	case "Version":
		return godbus.MakeVariant(f.version), nil
	case "Job":
		return godbus.MakeVariant(struct {
			ID   uint32
			Path godbus.ObjectPath
		}{f.job, fakeJob}), nil
	}
	state := f.states[0]
	if len(f.states) > 1 {
		f.states = f.states[1:]
	}
	return godbus.MakeVariant(state), nil
}

func (f *fake) StartTransientUnit(unit, mode string, props []unitProperty, _ []auxiliary) (godbus.ObjectPath, *godbus.Error) {
	f.called("StartTransientUnit")
	all := map[string]godbus.Variant{}
	for _, p := range props {
		all[p.Name] = p.Value
	}
	f.mu.Lock()
	f.starts = append(f.starts, all)
	f.mu.Unlock()
	result, err := f.start(f, all)
	if err != nil {
		return "", err
	}
	result, soon := strings.CutPrefix(result, "soon: ")
	removed := func() {
		_ = f.conn.Emit(systemdPath, managerInterface+".JobRemoved", uint32(6), fakeJob+"6", "other.service", "failed")
		_ = f.conn.Emit(systemdPath, managerInterface+".JobRemoved", uint32(7), fakeJob, unit, result)
	}
	if soon {
		removed()
	} else if result != "" {
		time.AfterFunc(30*time.Millisecond, removed)
	}
	return fakeJob, nil
}

func (f *fake) StopUnit(unit, mode string) (godbus.ObjectPath, *godbus.Error) {
	f.called("StopUnit")
	return "", godbus.NewError(systemd+".NoSuchUnit", []any{"Unit " + unit + " not loaded."})
}

func (f *fake) ResetFailedUnit(unit string) *godbus.Error {
	f.called("ResetFailedUnit")
	return nil
}

func (f *fake) SetUnitProperties(unit string, runtime bool, props []unitProperty) *godbus.Error {
	f.called("SetUnitProperties")
	return nil
}

func (f *fake) AttachProcessesToUnit(unit, below string, pids []uint32) *godbus.Error {
	f.called(fmt.Sprintf("AttachProcessesToUnit %s %q %d", unit, below, len(pids)))
	return nil
}

func (f *fake) count(name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == name {
			n++
		}
	}
	return n
}

func (f *fake) door() door {
	return door{Tried: Tried{Bus: UserBus, From: "the test", Address: f.bus.Path}}
}

// by is a caller that looks at these doors alone.
func by(doors ...door) *caller {
	return &caller{getenv: os.Getenv, euid: os.Geteuid(), host: fmt.Sprint(os.Geteuid()), places: doors}
}

// attempt is a start of a sleeper's scope.
func attempt(ctx context.Context, t *testing.T, c *caller, props ...Property) (*Grant, error) {
	t.Helper()
	g, err := Acquire(ctx, Request{ID: "x", Mode: Scope, caller: c})
	if err != nil {
		return nil, err
	}
	t.Cleanup(g.Close)
	cmd, pidfd := sleeper(t)
	return g, g.Start(ctx, cmd.Process.Pid, pidfd, props)
}

// accepted reports whether a fake's job has ended well: all that is wrong then is where the process is.
func accepted(g *Grant, err error) bool {
	return g != nil && err != nil && strings.Contains(err.Error(), "unit "+g.Unit.Name+": started, but process") && path.Base(g.Path) != g.Unit.Name
}

func done(*fake, map[string]godbus.Variant) (string, *godbus.Error) { return "done", nil }
