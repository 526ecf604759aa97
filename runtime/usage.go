package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/roost-run/roost/cgroupv2"
)

// Usage is the few figures of a container that are cheap to read: what a table of all containers shows, every second.
type Usage struct {
	ID           string
	Status       Status
	At           time.Time
	CPU          uint64 // nanoseconds so far
	Memory       uint64 // bytes
	MemoryLimit  uint64 // bytes, or Unlimited
	Tasks        uint64 // threads count each
	TasksLimit   uint64 // 0 is none
	Pressure     *RecentPressure
	Approximated bool // no cgroup counted all of it: see [Stats]
}

// RecentPressure is the share of the last ten seconds, in percent, in which some task of the container stood still for want of the
// resource. Source: Documentation/accounting/psi.rst, "some avg10".
type RecentPressure struct{ CPU, Memory, IO float64 }

// Usages reads the figures of all containers that have not stopped, by their ids: of those that have a cgroup of their own from there, and of others from
// their processes. Memory is then what these have in memory, so what they share counts for each: adding up page tables every second would slow them
// down. What cannot be read is left out and told in problems, as with [Store.List].
func (s *Store) Usages(ctx context.Context) (list []Usage, problems []error, err error) {
	ids, err := s.ids()
	if err != nil {
		return nil, nil, err
	}
	r := round{store: s, processes: sync.OnceValues(snapshot)}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, nil, context.Cause(ctx)
		}
		u, err := r.usage(id)
		switch {
		case err == nil:
			list = append(list, u)
		case !errors.Is(err, ErrNotExist) && !errors.Is(err, ErrNotRunning):
			problems = append(problems, err)
		}
	}
	return list, problems, nil
}

// round is one look at all containers. It goes through /proc once, and only if it has to.
type round struct {
	store     *Store
	processes func() (map[int]stat, error)
}

func (r *round) usage(id string) (Usage, error) {
	d, err := r.store.openDirectory(id)
	if err != nil {
		return Usage{}, err
	}
	defer d.close()
	c, err := r.store.load(d)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{ID: id, MemoryLimit: Unlimited}
	if u.Status, err = c.status(d); err != nil {
		return u, err
	}
	if u.Status == Stopped {
		return u, ErrNotRunning
	}
	u.At = time.Now()
	if g, err := d.openGroup(); err == nil {
		defer g.Close()
		err = u.ask(g)
		return u, err
	}
	err = u.sum(missing{cpu: true, memory: true, pids: true}, func() ([]member, error) {
		all, err := r.processes()
		if err != nil {
			return nil, err
		}
		return c.relativesAmong(all)
	})
	return u, err
}

// ask reads what the cgroup counts.
func (u *Usage) ask(g *cgroupv2.Group) error {
	counted, err := g.Brief()
	if err = cleared(err); err != nil {
		return fmt.Errorf("container %s: %w", u.ID, err)
	}
	u.Pressure = recent(g)
	return u.sum(u.count(counted), func() ([]member, error) { return membersOf(g) })
}

// count is like that of Stats.
func (u *Usage) count(from *cgroupv2.Stats) missing {
	if from.CPU != nil {
		u.CPU = from.CPU.Usage * 1000
	}
	if from.Memory != nil {
		u.Memory, u.MemoryLimit = from.Memory.Current, from.Memory.Max
	}
	if from.PIDs != nil {
		u.Tasks, u.TasksLimit = from.PIDs.Current, from.PIDs.Max
		if u.TasksLimit == cgroupv2.Unlimited {
			u.TasksLimit = 0
		}
	}
	return missing{cpu: from.CPU == nil, memory: from.Memory == nil, pids: from.PIDs == nil}
}

// sum asks the processes for what is missing.
func (u *Usage) sum(lacks missing, processes func() ([]member, error)) error {
	if !lacks.any() {
		return nil
	}
	list, err := processes()
	if err != nil {
		return fmt.Errorf("container %s: %w", u.ID, err)
	}
	t := usageOf(list, false)
	if lacks.cpu {
		u.CPU = t.cpu
	}
	if lacks.memory {
		u.Memory = t.anon + t.file
	}
	if lacks.pids {
		u.Tasks = t.threads
	}
	u.Approximated = true
	return nil
}

// recent is nil where the kernel tells of no pressure (psi=0).
func recent(g *cgroupv2.Group) *RecentPressure {
	cpu, memory, io := g.Pressure("cpu"), g.Pressure("memory"), g.Pressure("io")
	if cpu == nil || memory == nil || io == nil {
		return nil
	}
	return &RecentPressure{cpu.Some.Avg10, memory.Some.Avg10, io.Some.Avg10}
}
