package runtime

import (
	"context"
	"errors"
	"time"
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

// Usages reads the figures of all containers that have not stopped, by their ids. Memory of one without a cgroup is what its processes have in
// memory, so what they share counts for each: adding up page tables every second would slow them down. What cannot
// be read is left out and told in problems, as with [Store.List].
func (s *Store) Usages(ctx context.Context) (list []Usage, problems []error, err error) {
	ids, err := s.ids()
	if err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return nil, nil, context.Cause(ctx)
		}
		u, err := s.usage(id)
		switch {
		case err == nil:
			list = append(list, u)
		case !errors.Is(err, ErrNotExist) && !errors.Is(err, ErrNotRunning):
			problems = append(problems, err)
		}
	}
	return list, problems, nil
}

func (s *Store) usage(id string) (Usage, error) {
	d, err := s.openDirectory(id)
	if err != nil {
		return Usage{}, err
	}
	defer d.close()
	c, err := s.load(d)
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
	list, err := c.members()
	if err != nil {
		return u, err
	}
	t := usageOf(list, false)
	u.CPU, u.Memory, u.Tasks, u.Approximated = t.cpu, t.anon+t.file, t.threads, true
	return u, nil
}
