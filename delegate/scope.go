package delegate

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/roost-run/roost/internal/cgroupfs"
	"github.com/roost-run/roost/internal/fault"
)

// scope finds a service manager that answers, and says what it will be asked for.
func scope(ctx context.Context, r Request, why string) (*Grant, error) {
	c := r.who()
	bus := c.which()
	slice, unit, err := r.names(bus == SystemBus)
	if err != nil {
		return nil, err
	}
	mount, err := cgroupfs.Mount()
	if err != nil {
		return nil, fault.Mark(fault.Cgroup, err)
	}
	if err := r.controllersOf(c, mount); err != nil {
		return nil, fault.Mark(fault.Cgroup, err)
	}
	g := &Grant{Mode: Scope, Why: why, Unit: Unit{bus, unit, r.caller}, Slice: slice, request: r, mount: mount}
	if err := g.describe(c); err != nil {
		return nil, err
	}
	g.manager, err = connect(ctx, c, bus)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// controllersOf checks what a manager has to give, which is known without asking it: a user's has what the system's delegates to
// user@UID.service. Where that cannot be seen, Start finds out.
func (r Request) controllersOf(c caller, mount string) error {
	// What the kernel lacks nobody can delegate.
	if file := path.Join(mount, "cgroup.controllers"); exists(file) {
		if missing := without(r.Controllers, controllers(mount, "cgroup.controllers")); missing != nil {
			return &NotDelegatedError{Path: file, Missing: missing, Remedy: remedyKernel}
		}
	}
	if c.root {
		return nil
	}
	dir := path.Join(mount, "user.slice", "user-"+c.host+".slice", "user@"+c.host+".service")
	if file := path.Join(dir, "cgroup.controllers"); exists(file) {
		if missing := without(r.Controllers, controllers(dir, "cgroup.controllers")); missing != nil {
			return &NotDelegatedError{Path: file, Missing: missing, Remedy: remedyControllers}
		}
	}
	return nil
}

// describe is what every scope of ours is.
func (g *Grant) describe(c caller) error {
	r := g.request
	if r.Description == "" {
		r.Description = "roost container " + r.ID
	}
	g.properties = []Property{
		{Name: "Description", Signature: "s", Value: r.Description, essential: true},
		{Name: "Slice", Signature: "s", Value: g.Slice, essential: true},
		{Name: "Delegate", Signature: "b", Value: true, essential: true},
		// Otherwise a scope whose processes were killed for want of memory stays as failed, and its name is taken.
		{Name: "CollectMode", Signature: "s", Value: "inactive-or-failed", Since: 236},
	}
	if r.Systemd {
		// Engines stop containers themselves when the machine goes down, in their own order.
		g.properties = append(g.properties, Property{Name: "DefaultDependencies", Signature: "b", Value: false})
	}
	session, err := g.lifetime(c)
	if err != nil {
		return err
	}
	annotated, errs := Annotations(r.Annotations)
	if errs != nil {
		return fault.Mark(fault.Config, errors.Join(errs...))
	}
	for _, p := range annotated {
		if g.Unit.Bus == UserBus && strings.HasPrefix(p.Name, "Device") {
			g.Dropped = append(g.Dropped, p) // a user's manager takes it and has no way to enforce it
			continue
		}
		// Of properties of one name the last one counts to systemd, so ours come after these.
		g.properties = append(g.properties, p)
	}
	g.properties = append(g.properties, session...)
	return nil
}
