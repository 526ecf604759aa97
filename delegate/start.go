package delegate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/roost-run/roost/internal/cgroupfs"
	"github.com/roost-run/roost/internal/dbus"
	"github.com/roost-run/roost/internal/fault"
)

// knowsPIDFDs is the version of systemd from which on its own systemd-run sends them for scopes. To find out by trying would cost
// every older one a round trip.
const knowsPIDFDs = 255

// Start makes the scope with a process in it, which is to be a child that waits: it is moved before Start returns. With every
// other mode it does nothing. Properties that this systemd does not know are left out and listed in Dropped.
//
// After an error the unit may be there all the same; [Unit.Stop] ends it.
func (g *Grant) Start(ctx context.Context, pid int, pidfd *os.File, props []Property) error {
	if g.Mode != Scope {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, toFinish)
	defer cancel()
	s := &start{g: g, pid: pid, pidfd: pidfd, props: append(append([]Property{}, g.properties...), props...)}
	err := s.run(ctx)
	for range attempts - 1 {
		if err == nil || !g.manager.lost(err) || ctx.Err() != nil {
			break
		}
		err = s.again(ctx, err)
	}
	if err != nil {
		return fault.Default(fault.Cgroup, fmt.Errorf("unit %s: %w", g.Unit.Name, g.noSession(err)))
	}
	return g.arrived(pid)
}

// start is one StartTransientUnit, with what has been learnt while trying.
type start struct {
	g     *Grant
	pid   int
	pidfd *os.File
	props []Property
	byPID bool // no descriptors
	tries int  // to clear away a left-over unit of that name
}

// run tries until systemd takes the call, and waits for its job.
func (s *start) run(ctx context.Context) error {
	m := s.g.manager
	if version, _, err := m.systemdVersion(ctx); m.Broken() != nil {
		return err
	} else if version < knowsPIDFDs || s.pidfd == nil || !m.Files() {
		s.byPID = true
	}
	for {
		reply, err := m.call(ctx, s.call())
		if err == nil {
			return m.await(ctx, reply, s.g.Unit)
		}
		if err = s.learn(ctx, err); err != nil {
			return err
		}
	}
}

func (s *start) call() dbus.Call {
	list := make([]any, 0, len(s.props)+1)
	for _, p := range s.props {
		list = append(list, p.wire())
	}
	call := method("StartTransientUnit", "ssa(sv)a(sa(sv))", s.g.Unit.Name, "fail")
	if s.byPID {
		list = append(list, Property{Name: "PIDs", Signature: "au", Value: []uint32{uint32(s.pid)}}.wire())
	} else {
		list = append(list, Property{Name: "PIDFDs", Signature: "ah", Value: []uint32{0}}.wire())
		call.Files = []*os.File{s.pidfd}
	}
	call.Body = append(call.Body, list, []any{})
	return call
}

// learn turns an error into another attempt; what cannot be helped comes back.
func (s *start) learn(ctx context.Context, err error) error {
	var refused *dbus.Error
	if !errors.As(err, &refused) {
		return err
	}
	if refused.Name == systemd+".UnitExists" {
		return s.makeRoom(ctx)
	}
	name := unknownProperty(refused)
	if name == "PIDFDs" && !s.byPID {
		s.byPID = true
		return nil
	}
	if i := index(s.props, name); i >= 0 {
		s.g.Dropped = append(s.g.Dropped, s.props[i])
		s.props = append(s.props[:i], s.props[i+1:]...)
		return nil
	}
	return err
}

// unknownProperty is the one that systemd says it does not have: "Cannot set property X, or unknown property."
func unknownProperty(e *dbus.Error) string {
	const readOnly, unknown = "org.freedesktop.DBus.Error.PropertyReadOnly", "org.freedesktop.DBus.Error.UnknownProperty"
	if e.Name != readOnly && e.Name != unknown {
		return ""
	}
	words := strings.FieldsFunc(e.Message, func(r rune) bool { return r == ' ' || r == ',' || r == '.' || r == '\'' || r == '"' })
	for i, w := range words {
		if strings.EqualFold(w, "property") && i+1 < len(words) {
			return words[i+1]
		}
	}
	return ""
}

// again is for a connection that ended in mid-call, when nobody knows what systemd has done of it: the process tells, since
// it is in the scope or it is not.
func (s *start) again(ctx context.Context, lost error) error {
	deadline := time.Now().Add(time.Second)
	for time.Now().Before(deadline) {
		if s.g.in(s.pid) {
			s.g.Notes = append(s.g.Notes, fmt.Sprintf("%s was lost while the scope was made: %v", s.g.manager.door.From, lost))
			return nil
		}
		time.Sleep(5 * time.Millisecond)
		if ctx.Err() != nil {
			break
		}
	}
	c := s.g.request.who()
	m, err := first(ctx, c, last(c.doors(s.g.Unit.Bus), s.g.manager.door))
	if err != nil {
		return errors.Join(lost, err)
	}
	s.g.manager.Close()
	s.g.manager = m
	err = s.run(ctx)
	if errors.Is(err, ErrUnitExists) && s.g.in(s.pid) {
		return nil // the first call was heard after all
	}
	return err
}

// lost reports whether an error is the way to the manager being gone, rather than an answer.
func (m *manager) lost(err error) bool { return m.Broken() != nil || absent(err) }

// absent is a bus that answers, without systemd at it: one of dbus-run-session's, or systemd is about to connect to it.
func absent(err error) bool {
	var e *dbus.Error
	if !errors.As(err, &e) {
		return false
	}
	switch strings.TrimPrefix(e.Name, "org.freedesktop.DBus.Error.") {
	case "ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected", "Spawn.ChildExited", "Spawn.ServiceNotFound":
		return true
	}
	return false
}

// last puts the door that was no good at the end.
func last(doors []door, bad door) (sorted []door) {
	for _, d := range doors {
		if d.Address != bad.Address {
			sorted = append(sorted, d)
		}
	}
	return append(sorted, bad)
}

// in reports whether a process is in the scope.
func (g *Grant) in(pid int) bool {
	cgroup, err := cgroupfs.Of(pid)
	return err == nil && g.names(cgroup)
}

// names reports whether a cgroup is the scope's, see place.unitName.
func (g *Grant) names(cgroup string) bool {
	return strings.TrimPrefix(path.Base(cgroup), "_") == strings.TrimPrefix(g.Unit.Name, "_")
}

// arrived finds where systemd has put the process: it alone knows where its units are.
func (g *Grant) arrived(pid int) error {
	cgroup, err := cgroupfs.Of(pid)
	if err != nil {
		return fault.Mark(fault.Cgroup, err)
	}
	if !g.names(cgroup) {
		return fault.New(fault.Cgroup, "unit %s: started, but process %d is in %s", g.Unit.Name, pid, cgroup)
	}
	if cgroupfs.Outside(cgroup) {
		return fault.New(fault.Cgroup, "unit %s: its cgroup %s lies outside of this cgroup namespace", g.Unit.Name, cgroup).
			Remedy("start roost in the cgroup namespace of the service manager")
	}
	g.Path = path.Join(g.mount, cgroup)
	g.Controllers = controllers(g.Path, "cgroup.controllers")
	if missing := without(g.request.Controllers, g.Controllers); missing != nil {
		return fault.Mark(fault.Cgroup, &NotDelegatedError{Path: path.Join(g.Path, "cgroup.controllers"), Missing: missing, Remedy: remedyControllers})
	}
	return nil
}
