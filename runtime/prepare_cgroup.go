package runtime

import (
	"context"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/fault"
)

// findCgroup finds out where the container can have a cgroup, and makes nothing yet. What cannot be had is no error here, unless the caller
// named a way to have it: policies decide.
func (j *job) findCgroup(ctx context.Context, l *specs.Linux, filter bool) (cgroupInput, error) {
	in := cgroupInput{filter: filter, lacking: map[string]string{}}
	settings, _ := cgroupv2.Convert(l.Resources)
	settings = slices.DeleteFunc(settings, usual)
	r := delegate.Request{
		ID: j.id, Mode: j.options.Cgroups, CgroupsPath: l.CgroupsPath, Systemd: j.options.SystemdCgroup, Lifetime: j.options.Lifetime,
		Controllers: settings.Controllers(), Needed: filter || len(settings) > 0, Annotations: j.spec.Annotations,
	}
	g, err := in.acquire(ctx, r)
	switch {
	case err != nil && (isUsage(err) || r.Mode != "" && r.Mode != delegate.Auto):
		return in, err
	case err != nil:
		in.refused = err.Error()
		return in, nil
	case g.Mode == delegate.None:
		in.refused = g.Why
		return in, nil
	}
	j.grant, in.notes = g, g.Notes
	in.grant = &Cgroup{Mode: g.Mode, Why: g.Why, Unit: g.Unit.Name, Bus: g.Unit.Bus, Slice: g.Slice}
	if g.Mode == delegate.Scope {
		return in, nil
	}
	in.grant.Parent, in.grant.Name, in.grant.Own = g.Dir.Name(), g.Name, l.CgroupsPath == "" || j.options.SystemdCgroup
	missing, err := cgroupv2.Check(g.Dir.Name(), settings)
	for _, m := range missing {
		in.lacking[m.File] = m.Text()
	}
	return in, err
}

// acquire asks for all controllers, and then without those that are missing: the limits that take them are judged one by one.
func (in *cgroupInput) acquire(ctx context.Context, r delegate.Request) (*delegate.Grant, error) {
	for {
		g, err := delegate.Acquire(ctx, r)
		lacks := lacking(err)
		if lacks == nil {
			return g, err
		}
		left := slices.DeleteFunc(slices.Clone(r.Controllers), func(c string) bool { return slices.Contains(lacks.Missing, c) })
		switch {
		case len(left) < len(r.Controllers):
		case in.filter && len(left) > 0: // there may be one that serves for the filter at least
			left = nil
		default:
			return nil, err
		}
		for _, c := range r.Controllers {
			if !slices.Contains(left, c) {
				in.lacking[c+"."] = lacks.Error()
			}
		}
		r.Controllers = left
	}
}

// lacking is what says of controllers that they are missing. The last one counts: where there is neither way, the second is a scope, for which the
// caller's own cgroup does not matter.
func lacking(err error) (found *delegate.NotDelegatedError) {
	fault.Walk(err, func(e error) bool {
		if e, ok := e.(*delegate.NotDelegatedError); ok && len(e.Missing) > 0 {
			found = e
		}
		return true
	})
	return found
}

// isUsage tells a request that makes no sense from one that cannot be granted here.
func isUsage(err error) bool {
	code := fault.Code(FailureOf(err).Code)
	return code == fault.Usage || code == fault.Config
}
