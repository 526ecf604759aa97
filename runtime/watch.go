package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
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
// Statistics come at once and then after each interval. One event is one call of see, never two at a time. OOM events need a
// cgroup with the memory controller: without one nobody tells whose want of memory it was.
func (c *Container) Watch(ctx context.Context, interval time.Duration, see func(Event) error) error {
	process, err := c.rec.process.open()
	if err != nil {
		return fmt.Errorf("container %s: %w", c.id, err)
	}
	defer unix.Close(process)
	wake, stop, err := wakeup(ctx)
	if err != nil {
		return err
	}
	defer stop()
	w := &watch{container: c, see: see, fds: []unix.PollFd{{Fd: int32(process), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}}
	w.watchOOM()
	defer w.close()
	for {
		if err := w.stats(); err != nil {
			return ended(err)
		}
		if err := w.until(ctx, time.Now().Add(interval)); err != nil {
			return ended(err)
		}
	}
}

// ended is the end that is none of ours.
func ended(err error) error {
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}

// watch is one call of Watch.
type watch struct {
	container *Container
	see       func(Event) error
	fds       []unix.PollFd // the process, the context, and what tells of OOM if there is such a thing
	oom       func() (kills int, err error)
	closeOOM  func()
}

func (w *watch) watchOOM() {}

func (w *watch) close() {
	if w.closeOOM != nil {
		w.closeOOM()
	}
}

func (w *watch) stats() error {
	s, err := w.container.Stats()
	if err != nil {
		return err
	}
	return w.see(Event{Type: EventStats, ID: w.container.id, Data: s})
}

// until tells of OOM kills until the deadline; ErrNotRunning when the container ends. A kill that ends the container is
// told of, too: the kernel counts it first.
func (w *watch) until(ctx context.Context, deadline time.Time) error {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return nil
		}
		// Rounded up: waking a moment early would turn round and round until it is time.
		_, err := unix.Poll(w.fds, int(min(left.Milliseconds()+1, 1<<30)))
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
		if err := w.kills(); err != nil {
			return err
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case w.fds[0].Revents != 0:
			return ErrNotRunning
		}
	}
}

func (w *watch) kills() error {
	if w.oom == nil {
		return nil
	}
	n, err := w.oom()
	for ; n > 0 && err == nil; n-- {
		err = w.see(Event{Type: EventOOM, ID: w.container.id})
	}
	return err
}

// wakeup makes a descriptor that can be read from when the context has ended: a poll knows no context.
func wakeup(ctx context.Context) (fd int, stop func(), err error) {
	fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1, nil, os.NewSyscallError("eventfd", err)
	}
	done := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		_, _ = unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 1})
		close(done)
	})
	return fd, func() {
		if !cancel() { // it runs, or has run: not into a descriptor that is another file by now
			<-done
		}
		unix.Close(fd)
	}, nil
}
