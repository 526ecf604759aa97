package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/check"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/sys"
	"github.com/roost-run/roost/runtime"
	"github.com/roost-run/roost/userns"
)

// bundle says what of a configuration works here, by the same compiling that a start does.
func (o *checkOptions) bundle(ctx context.Context, a *app, path string, place check.Place, host []check.Item) ([]check.Item, error) {
	create, err := o.createOptions(a, runtime.CreateOptions{Bundle: path})
	if err != nil {
		return nil, err
	}
	b := check.Bundle{Policies: create.Degrade}
	store, done, err := o.store(a, place)
	if err != nil {
		b.Err = err
		return b.Items(host), nil
	}
	defer done()
	plan, err := store.Plan(ctx, "check", create)
	var config *runtime.ConfigError
	if errors.As(err, &config) {
		b.Problems = config.Problems
		plan, err = o.lenient(ctx, store, create, config)
	}
	if b.Err = err; plan != nil {
		b.GivenUp, b.Mounts, b.Policies = plan.GivenUp, fileSystems(plan), plan.Policies
		b.Cgroup, b.Later = cgroupOf(plan), lowerScore(plan)
	}
	return b.Items(host), nil
}

// lenient is the plan without what was refused, where only policies refuse: so that the rest is known, too.
func (o *checkOptions) lenient(ctx context.Context, store *runtime.Store, create runtime.CreateOptions, refused *runtime.ConfigError) (*runtime.Plan, error) {
	for _, p := range refused.Problems {
		if p.Kind == "" {
			return nil, nil
		}
		if err := create.Degrade.Set(p.Kind + "=warn"); err != nil {
			return nil, err
		}
	}
	plan, err := store.Plan(ctx, "check", create)
	if errors.As(err, new(*runtime.ConfigError)) {
		return nil, nil // an annotation insists
	}
	return plan, err
}

// store is the state root's where there is one, since compiled filters are kept in it, and else one that goes again.
func (o *checkOptions) store(a *app, place check.Place) (*runtime.Store, func(), error) {
	if _, err := os.Stat(place.Path); err == nil && place.Err == nil {
		store, err := a.open(place.Path)
		return store, func() {}, err
	}
	dir, err := os.MkdirTemp("", "roost-check-")
	if err != nil {
		return nil, nil, err
	}
	store, err := a.open(dir)
	return store, func() { os.RemoveAll(dir) }, err
}

func fileSystems(p *runtime.Plan) (list []check.FileSystem) {
	for _, m := range p.Mounts {
		if m.Bind || m.Options.Remount || m.Type == "symlink" {
			continue
		}
		foreign := m.Type == "sysfs" && p.User.Kind == userns.Create && p.New&unix.CLONE_NEWNET == 0
		list = append(list, check.FileSystem{Index: m.Index, Type: m.Type, StandIn: m.Else != "" || m.ElseEmpty, Refused: foreign})
	}
	return list
}

// cgroupOf tells how the container would come by its cgroup.
func cgroupOf(p *runtime.Plan) string {
	switch c := p.Cgroup; {
	case c == nil:
		return ""
	case c.Unit != "":
		return "it gets a scope of systemd's in " + c.Slice + ", since " + c.Why
	default:
		return "it gets a cgroup in " + c.Parent + ", since " + c.Why
	}
}

// lowerScore is an oom_score_adj that only root of the machine may give, proc(5).
func lowerScore(p *runtime.Plan) []runtime.Problem {
	if p.Process.OOMScoreAdj == nil {
		return nil
	}
	text, err := sys.ReadProc("/proc/self/oom_score_adj")
	own, convErr := strconv.Atoi(strings.TrimSpace(string(text)))
	caller, callerErr := userns.Self()
	if err != nil || convErr != nil || callerErr != nil || *p.Process.OOMScoreAdj >= own || caller.Resource && caller.OnMachine() {
		return nil
	}
	return []runtime.Problem{{Path: "process.oomScoreAdj", Kind: string(degrade.OOM), Text: fmt.Sprintf("%d is lower than yours, %d, which stays", *p.Process.OOMScoreAdj, own)}}
}
