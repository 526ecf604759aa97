package delegate

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/roost-run/roost/internal/fault"
)

// Acquire decides which cgroup a container may have. It makes nothing; with a scope, it has a bus that answers. What was asked for
// and cannot be had is an error: [NotDelegatedError] and [NoBusError] say what is missing. A caller that can do without then asks
// for None.
//
// With Auto: below the caller's own cgroup, if that was delegated to it; else a scope, if anything asks for a cgroup; else None.
func Acquire(ctx context.Context, r Request) (*Grant, error) {
	if !slices.Contains([]string{"", Auto, Inherit, Split, Scope, None}, r.Mode) {
		return nil, fault.New(fault.Usage, "%q is no way to get a cgroup", r.Mode).Remedy("use auto, inherit, split, scope or none")
	}
	if r.Lifetime != "" && r.Lifetime != User && r.Lifetime != Session {
		return nil, fault.New(fault.Usage, "%q is no lifetime", r.Lifetime).Remedy("use user or session")
	}
	if r.Mode == None {
		return &Grant{Mode: None, Why: "none was asked for", request: r}, nil
	}
	if r.Mode == Scope {
		return scope(ctx, r, "it was asked for")
	}
	p, err := look()
	if err != nil {
		if r.Mode == "" || r.Mode == Auto {
			return r.nowhere(err)
		}
		return nil, fault.Mark(fault.Cgroup, err)
	}
	if r.Mode == Inherit || r.Mode == Split {
		if r.Systemd && r.CgroupsPath != "" {
			return nil, fault.New(fault.Usage, "linux.cgroupsPath: %q names a scope, where %s was asked for", r.CgroupsPath, r.Mode)
		}
		return r.below(ctx, p, r.Mode)
	}
	return r.auto(ctx, p)
}

func (r Request) auto(ctx context.Context, p place) (*Grant, error) {
	if r.Systemd && r.CgroupsPath != "" {
		return scope(ctx, r, "linux.cgroupsPath names a scope")
	}
	below, err := r.below(ctx, p, Auto)
	if err == nil {
		return below, nil
	}
	if !r.wanted() {
		return &Grant{Mode: None, Why: "nothing asks for a cgroup, and " + err.Error(), request: r}, nil
	}
	if p.service() && r.CgroupsPath == "" && !r.Systemd {
		// Whoever wrote the unit relies on its limits, which a scope would leave behind.
		return nil, err
	}
	g, noBus := scope(ctx, r, "limits, a cgroupsPath or --systemd-cgroup ask for a cgroup")
	if noBus != nil {
		if r.Systemd {
			return nil, noBus
		}
		return nil, fmt.Errorf("%w; and %w", err, noBus)
	}
	if r.CgroupsPath != "" && !r.Systemd {
		g.Notes = append(g.Notes, fmt.Sprintf("linux.cgroupsPath %q is not used: %v", r.CgroupsPath, err))
	}
	return g, nil
}

// nowhere is for machines without cgroup v2, where systemd could not delegate anything either.
func (r Request) nowhere(err error) (*Grant, error) {
	if r.wanted() {
		return nil, fault.Mark(fault.Cgroup, err)
	}
	return &Grant{Mode: None, Why: err.Error(), request: r}, nil
}

// below is Inherit, Split or Path.
func (r Request) below(ctx context.Context, p place, mode string) (*Grant, error) {
	if r.CgroupsPath != "" && !r.Systemd {
		return r.path(p)
	}
	base, refused := p.delegated(func() bool { return r.given(ctx, p, mode) })
	switch {
	case refused == nil:
		return r.inside(p, base, mode, base+" is delegated to this caller")
	case r.filterOnly(p):
		return r.inside(p, p.own, Inherit, "the limits of "+path.Base(p.unit)+" hold, and no controller is needed")
	}
	return nil, fault.Mark(fault.Cgroup, refused)
}

// filterOnly is a caller in a service that may write everything, and needs a cgroup to hang a device filter on, but no controller.
// It has one below the service's own: systemd minds only who meddles with controllers there.
func (r Request) filterOnly(p place) bool {
	return r.Needed && len(r.Controllers) == 0 && p.service() && holds(p.dir(p.own)) && unwritable(p.dir(p.own), "", "cgroup.procs") == nil
}

// inside is a new cgroup below one that is the caller's.
func (r Request) inside(p place, base, mode, why string) (*Grant, error) {
	dir := p.dir(base)
	on := controllers(dir, "cgroup.subtree_control")
	there := controllers(dir, "cgroup.controllers")
	if missing := without(r.Controllers, there); missing != nil {
		return nil, fault.Mark(fault.Cgroup, &NotDelegatedError{
			Path: path.Join(dir, "cgroup.controllers"), Missing: missing,
			Remedy: remedyFor(p.unit),
		})
	}
	g := &Grant{Mode: Inherit, Why: why, mount: p.mount, request: r, Name: "roost-" + r.ID, Controllers: there}
	g.Enable = without(r.Controllers, on)
	crowded := base == p.own && exists(path.Join(dir, "cgroup.type")) // the machine's root has no type, and takes both
	switch {
	case mode == Split && crowded:
		g.Mode = Split
	case crowded && len(g.Enable) > 0 && mode == Auto:
		g.Mode, g.Why = Split, g.Why+", and controllers cannot be enabled there while it has processes"
	case crowded && len(g.Enable) > 0:
		return nil, fault.Mark(fault.Cgroup, &NotDelegatedError{
			Path: path.Join(dir, "cgroup.subtree_control"), Missing: g.Enable,
			Text:   "controllers cannot be enabled while the cgroup has processes: " + strings.Join(g.Enable, ", "),
			Remedy: "use --cgroups split, which moves them to " + supervisor + "/",
		})
	case crowded:
		g.Controllers = on
	}
	return g.open(dir)
}

func remedyFor(unit string) string {
	if unit == "" {
		return "ask whoever started this container for these controllers in its cgroup.subtree_control"
	}
	if strings.Contains(unit, "/user@") {
		return remedyControllers
	}
	return remedyService + " (it may list controllers)"
}
