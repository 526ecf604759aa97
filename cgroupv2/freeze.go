package cgroupv2

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrOwn is a cgroup that the caller lives in: who freezes that never comes back to thaw it.
var ErrOwn = errors.New("this process is in the cgroup itself; do it from outside of the container")

func (g *Group) holdsUs() bool {
	mount, err := Mount()
	if err != nil {
		return false
	}
	own, err := Own()
	return err == nil && strings.HasPrefix(mount+own+"/", strings.TrimSuffix(g.dir.Name(), "/")+"/")
}

// Freeze stops every process in the cgroup and below, and waits until they have stopped. If the context ends before that, since one
// sleeps in the kernel and cannot be stopped, they go on again, and the error is the context's: nothing stays frozen by half. There is nothing that
// a container could do against it, other than such a sleep. ErrOwn if the caller is in it.
func (g *Group) Freeze(ctx context.Context) error {
	if g.holdsUs() {
		return fmt.Errorf("%s: %w", g.dir.Name(), ErrOwn)
	}
	if err := g.write("cgroup.freeze", "1"); err != nil {
		return err
	}
	err := g.await(ctx, func(events string) bool { return strings.Contains(events, "frozen 1") })
	if err == nil {
		return nil
	}
	if undo := g.write("cgroup.freeze", "0"); undo != nil {
		return fmt.Errorf("%w; and it may be frozen still: %w", err, undo)
	}
	return err
}

// Thaw has the processes go on, and waits until the kernel says so. One that was frozen by a cgroup above stays frozen: then the context ends
// the waiting. A cgroup that is frozen can be killed and removed, without thawing it.
func (g *Group) Thaw(ctx context.Context) error {
	if err := g.write("cgroup.freeze", "0"); err != nil {
		return err
	}
	return g.await(ctx, func(events string) bool { return strings.Contains(events, "frozen 0") })
}

// Frozen reports whether every process in the cgroup and below has stopped for being frozen, here or by a cgroup above.
func (g *Group) Frozen() (bool, error) {
	b, err := g.read("cgroup.events")
	return strings.Contains(string(b), "frozen 1"), err
}

// await waits until cgroup.events is as it should be.
func (g *Group) await(ctx context.Context, is func(events string) bool) error {
	f, err := g.watch("cgroup.events")
	if err != nil {
		return err
	}
	defer f.close()
	for pause := time.Millisecond; ; pause *= 2 {
		b, err := f.read()
		if err != nil {
			return err
		}
		if is(string(b)) {
			return nil
		}
		if err := f.wait(ctx, pause); err != nil {
			return fmt.Errorf("%s: waited for another state than %q: %w", f.path, strings.ReplaceAll(strings.TrimSpace(string(b)), "\n", ", "), err)
		}
	}
}
