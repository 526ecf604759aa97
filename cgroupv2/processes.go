package cgroupv2

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNeverEnds is a container that makes cgroups faster than they can be looked into.
var ErrNeverEnds = errors.New("cgroups are made below it faster than they can be looked into; freeze or kill it first")

// Processes are the ids of the processes in the cgroup and below it, in the caller's pid namespace, in ascending order: those that a
// look found, none of which need be there any more. Those that another pid namespace hides are left out. A cgroup that is gone has none.
func (g *Group) Processes() ([]int, error) {
	var pids []int
	var failed error
	t := tree{
		budget: 1024 + 2*g.descendants(),
		inside: func(dir int) {
			b, err := read(dir, "cgroup.procs")
			switch err {
			case nil:
			case unix.EOPNOTSUPP, unix.ENODEV, unix.ENOENT: // threaded, so they are listed further up; gone
				return
			default:
				failed = err
			}
			for line := range strings.Lines(string(b)) {
				if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
		},
		left: func(int, string) {},
	}
	enough, err := t.walk(int(g.dir.Fd()))
	if err == unix.ENOENT || err == unix.ENODEV {
		err = nil
	}
	slices.Sort(pids)
	pids = slices.Compact(pids)
	switch {
	case err != nil:
		return pids, fmt.Errorf("%s: %w", g.dir.Name(), err)
	case failed != nil:
		return pids, fmt.Errorf("%s/cgroup.procs: %w", g.dir.Name(), failed)
	case !enough:
		return pids, fmt.Errorf("%s: %w", g.dir.Name(), ErrNeverEnds)
	}
	return pids, nil
}

// descendants is how many cgroups there are below.
func (g *Group) descendants() int {
	b, _ := g.read("cgroup.stat")
	for line := range strings.Lines(string(b)) {
		if n, ok := strings.CutPrefix(line, "nr_descendants "); ok {
			count, _ := strconv.Atoi(strings.TrimSpace(n))
			return count
		}
	}
	return 0
}
