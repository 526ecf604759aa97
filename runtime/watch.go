package runtime

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
)

// Event is something that happened in a container. Its JSON is a line of runc's `events`.
type Event struct {
	Type string `json:"type"` // EventStats or EventOOM
	ID   string `json:"id"`
	Data *Stats `json:"data,omitempty"`
}

// The types of events.
const (
	EventStats = "stats"
	EventOOM   = "oom" // the kernel ended a process of the container's for want of memory
)

// Watch tells of the container's events until it ends, which is nil, or see returns an error, or the context ends, whose cause it returns.
// Statistics come at once and then after each interval, an OOM event for each process that is killed. One event is one call of see, never
// two at a time. OOM events need a cgroup with the memory controller: without one nobody tells whose want of memory it was.
func (c *Container) Watch(ctx context.Context, interval time.Duration, see func(Event) error) error {
	process, err := c.rec.process.open()
	if err != nil {
		return fmt.Errorf("container %s: %w", c.id, err)
	}
	defer unix.Close(process)
	w := &watch{container: c, see: see, more: make(chan struct{}, 1)}
	inner, cancel := context.WithCancel(ctx)
	defer w.running.Wait()
	defer cancel()
	ended := w.awaitEnd(inner, process)
	if g := c.group(); g != nil {
		defer g.Close()
		w.follow(inner, g)
	}
	err = w.until(ctx, ended, interval)
	last := w.last.killed()
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	return w.end(last)
}

// watch is one call of Watch.
type watch struct {
	container *Container
	see       func(Event) error
	running   sync.WaitGroup

	group   *cgroupv2.Group // nil where nobody tells of OOM
	counted atomic.Uint64   // kills
	told    uint64          // of them
	more    chan struct{}   // there are some to tell of
	last    *memoryWatch    // of whom it may be all that is left
}

// until returns ErrNotRunning when the container has ended.
func (w *watch) until(ctx context.Context, ended <-chan struct{}, interval time.Duration) error {
	if err := w.stats(); err != nil {
		return err
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ended:
			return ErrNotRunning
		case <-w.more:
			err = w.kills(w.counted.Load())
		case <-tick.C:
			err = w.stats()
		}
		if err != nil {
			return err
		}
	}
}

func (w *watch) stats() error {
	s, err := w.container.Stats()
	if err != nil {
		return err
	}
	return w.see(Event{Type: EventStats, ID: w.container.id, Data: s})
}

// follow counts from now on: what happened before was somebody else's to tell.
func (w *watch) follow(ctx context.Context, g *cgroupv2.Group) {
	events, err := g.Watch()
	if err != nil {
		return
	}
	first, err := events.Next(ctx)
	if err != nil {
		events.Close()
		return
	}
	w.group, w.told = g, first.Memory.OOMKill
	w.counted.Store(w.told)
	if w.told == 0 {
		w.last = watchMemory(g)
	}
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		defer events.Close()
		for {
			e, err := events.Next(ctx)
			if err != nil {
				return
			}
			w.counted.Store(e.Memory.OOMKill)
			select {
			case w.more <- struct{}{}:
			default:
			}
		}
	}()
}

// kills tells of those that have not been told of.
func (w *watch) kills(counted uint64) error {
	for ; w.told < counted; w.told++ {
		if err := w.see(Event{Type: EventOOM, ID: w.container.id}); err != nil {
			return err
		}
	}
	return nil
}

// end tells of the kill that ended the container, too: the kernel tells of changes a moment after they happened, so it is asked once more. If
// the cgroup is gone by then, and nobody was killed before, all that can be known is that there was one.
func (w *watch) end(killed bool) error {
	if w.group == nil {
		return nil
	}
	counted := w.counted.Load()
	e, err := w.group.Events()
	switch {
	case err == nil:
		counted = max(counted, e.Memory.OOMKill)
	case killed:
		counted = max(counted, 1)
	}
	return w.kills(counted)
}

// awaitEnd gives a channel that is closed when the process has ended.
func (w *watch) awaitEnd(ctx context.Context, pidfd int) <-chan struct{} {
	ended := make(chan struct{})
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		if pollPidfd(ctx, pidfd, unix.POLLIN) == nil {
			close(ended)
		}
	}()
	return ended
}
