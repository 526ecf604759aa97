package cgroupv2

import (
	"context"
	"errors"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// Events is what the kernel tells changes of.
type Events struct {
	Populated bool // somebody lives in the cgroup or below it
	Frozen    bool
	Memory    MemoryEvents // of the cgroup and all below it; zero without the memory controller
	Local     MemoryEvents // of the cgroup itself: those of its own limits, and of the processes in it
}

// MemoryEvents is memory.events or memory.events.local: how often something happened.
type MemoryEvents struct {
	Low, High, Max uint64 // memory was taken though protected; memory.high, memory.max was reached
	OOM            uint64 // a limit was reached, and nothing more could be taken back
	OOMKill        uint64 // a process was killed for want of memory, for whichever limit, also that of the machine
	OOMGroupKill   uint64 // all of a cgroup were killed (memory.oom.group)
}

func memoryEvents(m map[string]uint64) MemoryEvents {
	return MemoryEvents{m["low"], m["high"], m["max"], m["oom"], m["oom_kill"], m["oom_group_kill"]}
}

// Events reads them as they are now. When the processes of a container have ended, Memory.OOMKill says whether any of them was
// killed for want of memory, and Memory.OOM whether that was for a limit of the container's: else it was one of a cgroup above, or
// there was no more on the machine. Read it before the cgroup is removed.
func (g *Group) Events() (Events, error) {
	b, err := g.read("cgroup.events")
	if err != nil {
		return Events{}, err
	}
	r := reader{g: g}
	e := events(string(b))
	e.Memory, e.Local = memoryEvents(r.flat("memory.events")), memoryEvents(r.flat("memory.events.local"))
	return e, r.err
}

func events(text string) Events {
	return Events{Populated: strings.Contains(text, "populated 1"), Frozen: strings.Contains(text, "frozen 1")}
}

// Watch follows the events of a cgroup.
type Watch struct {
	group *Group
	files []*watched
	last  *Events
}

// Watch begins to follow the events. It keeps descriptors, which Close gives back, and doesn't keep the cgroup from being
// removed. It isn't for several goroutines at once.
func (g *Group) Watch() (*Watch, error) {
	w := &Watch{group: g}
	for _, name := range []string{"cgroup.events", "memory.events", "memory.events.local"} {
		f, err := g.watch(name)
		if errors.Is(err, unix.ENOENT) && len(w.files) > 0 { // no memory controller
			break
		}
		if err != nil {
			w.Close()
			return nil, err
		}
		w.files = append(w.files, f)
	}
	return w, nil
}

// Close ends it.
func (w *Watch) Close() {
	for _, f := range w.files {
		f.close()
	}
}

// Next returns the events as they are, the first time at once and then when something has changed. io.EOF when the cgroup is
// gone; the context's error when that ends. The kernel tells at most a hundred changes a second, so several may come as one.
func (w *Watch) Next(ctx context.Context) (Events, error) {
	for {
		e, err := w.read()
		switch {
		case errors.Is(err, unix.ENODEV):
			return e, io.EOF
		case err != nil:
			return e, err
		case w.last == nil || *w.last != e:
			w.last = &e
			return e, nil
		}
		if err := w.files[0].wait(ctx, longest, w.files[1:]...); err != nil {
			return e, err
		}
	}
}

// read reads by the descriptors that are waited on: it is the reading that makes the next change one that is told.
func (w *Watch) read() (e Events, err error) {
	for i, f := range w.files {
		b, err := f.read()
		if err != nil {
			return e, err
		}
		switch i {
		case 0:
			e = events(string(b))
		case 1:
			e.Memory = memoryEvents(flat(string(b)))
		case 2:
			e.Local = memoryEvents(flat(string(b)))
		}
	}
	return e, nil
}
