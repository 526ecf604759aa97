package delegate

import (
	"errors"
	"path"
	"strings"

	"github.com/roost-run/roost/internal/cgroupfs"
	"github.com/roost-run/roost/internal/fault"
)

// lifetime ties the scope to a session, where Session was asked for.
//
// The system's manager has the login session as a unit. A user's manager does not: all that it knows of sessions is
// graphical-session.target, where a desktop uses it. Requisite makes the start fail where it is not active, instead of starting it.
func (g *Grant) lifetime(c caller) ([]Property, error) {
	if g.request.Lifetime != Session {
		return nil, nil
	}
	list := func(name, unit string) Property {
		return Property{Name: name, Signature: "as", Value: []string{unit}, essential: true}
	}
	if g.Unit.Bus == SystemBus {
		session := c.session()
		if session == "" {
			return nil, fault.New(fault.Usage, "lifetime session: %w: this process is in no login session", ErrLifetime).Remedy("leave --lifetime out")
		}
		return []Property{list("BindsTo", session), list("After", session)}, nil
	}
	const desktop = "graphical-session.target"
	return []Property{list("Requisite", desktop), list("PartOf", desktop), list("After", desktop)}, nil
}

// noSession puts the failure of such a start into words.
func (g *Grant) noSession(err error) error {
	var job *JobError
	if g.request.Lifetime != Session || !errors.As(err, &job) || job.Result != "dependency" && job.Result != "failed" {
		return err
	}
	if g.Unit.Bus == SystemBus {
		return fault.New(fault.Usage, "lifetime session: %w: the session of $XDG_SESSION_ID is over: %w", ErrLifetime, job).Remedy("leave --lifetime out")
	}
	return fault.New(fault.Usage, "lifetime session: %w: to a user's service manager, only a graphical session is one: %w", ErrLifetime, job).
		Remedy("leave --lifetime out: without lingering the container ends with the last session anyway")
}

// session is the unit of the login session that this process is in, or that it says it belongs to.
func (c caller) session() string {
	own, _ := cgroupfs.Of(0)
	for p := own; len(p) > 1; p = path.Dir(p) {
		if name := path.Base(p); strings.HasPrefix(name, "session-") && strings.HasSuffix(name, ".scope") {
			return name
		}
	}
	if id := c.getenv("XDG_SESSION_ID"); id != "" && escape(id) == id {
		return "session-" + id + ".scope"
	}
	return ""
}
