package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/userns"
)

// The annotations of features that tell what works for this user, here and now. Root has no need of them.
const (
	rootlessIDs         = "run.roost.rootless.ids"         // how many ids a container of --idmap auto has, "1" or more
	rootlessIDSource    = "run.roost.rootless.ids.source"  // who granted them
	rootlessCgroup      = "run.roost.rootless.cgroup"      // how a container with limits comes by its cgroup: --cgroups
	rootlessControllers = "run.roost.rootless.controllers" // of that cgroup, with spaces in between
	rootlessBus         = "run.roost.rootless.bus"         // of the service manager that makes it: "user"
)

// inTime is how long a directory service and the bus together may take. Engines ask for features when they start.
const inTime = time.Second

// addRootless tells what can be found out. What cannot is left out, which is "unknown", and no error: engines read standard error, too.
func addRootless(to map[string]string) {
	caller, err := userns.Self()
	if err != nil || caller.Privileged {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), inTime)
	defer cancel()
	addIDs(ctx, to, caller)
	addDelegation(ctx, to)
}

func addIDs(ctx context.Context, to map[string]string, caller userns.Caller) {
	choice, err := userns.Choose(ctx, caller, userns.Request{IDMap: "auto"})
	if err != nil {
		return
	}
	var ids uint64
	for _, m := range choice.Mapping.UIDs {
		ids += uint64(m.Size)
	}
	to[rootlessIDs] = strconv.FormatUint(ids, 10)
	if choice.Source != "" {
		to[rootlessIDSource] = choice.Source
	}
}

// addDelegation asks for a cgroup with everything, and then with what there is.
func addDelegation(ctx context.Context, to map[string]string) {
	r := delegate.Request{ID: "features", Needed: true, Controllers: []string{"cpu", "cpuset", "io", "memory", "pids", "hugetlb", "rdma"}}
	for {
		g, err := delegate.Acquire(ctx, r)
		if err == nil {
			defer g.Close()
			to[rootlessCgroup] = g.Mode
			to[rootlessControllers] = strings.Join(r.Controllers, " ")
			if g.Unit.Bus != "" {
				to[rootlessBus] = g.Unit.Bus
			}
			return
		}
		left := len(r.Controllers)
		fault.Walk(err, func(e error) bool {
			if lacks, ok := e.(*delegate.NotDelegatedError); ok {
				r.Controllers = slices.DeleteFunc(r.Controllers, func(c string) bool { return slices.Contains(lacks.Missing, c) })
			}
			return true
		})
		if len(r.Controllers) == left {
			to[rootlessCgroup] = delegate.None
			return
		}
	}
}
