package cgroupv2

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Kill ends every process in the cgroup and below, however fast they fork and though they are frozen (cgroup.kill, Linux
// 5.14). It doesn't wait for their end, but lifts the limits that would put it off. A cgroup that is gone has none.
func (g *Group) Kill() error {
	err := g.write("cgroup.kill", "1")
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) && !g.alive() {
		return nil
	}
	if populated, _ := g.Populated(); err == nil && populated {
		g.unthrottle()
	}
	return err
}

// unthrottle takes cpu.max and io.max away, here and below. The end of a process takes time of the CPU, for its memory, and one that waits for
// a device ends when it has got what it waits for: with a low limit both may take hours.
func (g *Group) unthrottle() {
	t := tree{budget: 10000, left: func(int, string) {}}
	t.inside = func(dir int) {
		_ = write(dir, "cpu.max", "max")
		limits, _ := read(dir, "io.max")
		for line := range strings.Lines(string(limits)) {
			device, _, _ := strings.Cut(line, " ")
			_ = write(dir, "io.max", device+" rbps=max wbps=max riops=max wiops=max")
		}
	}
	_, _ = t.walk(int(g.dir.Fd()))
}

// Kill is [Group.Kill] for the cgroup at path. ENOENT if there is none.
func Kill(path string) error {
	g, err := Open(path)
	if err != nil {
		return err
	}
	defer g.Close()
	return g.Kill()
}

// slowest is the longest pause between two looks at a cgroup that is still busy.
const slowest = 20 * time.Millisecond

// Remove takes the cgroup at path away with those below it, which are the container's own. Processes that were killed leave
// it a moment later, so a busy one is tried again until the context ends. One that is gone is no error.
func Remove(ctx context.Context, path string) error {
	for pause := 200 * time.Microsecond; ; pause = min(2*pause, slowest) {
		err := remove(ctx, path)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return &os.PathError{Op: "rmdir", Path: path, Err: err}
		}
		select {
		case <-ctx.Done():
			return &os.PathError{Op: "rmdir", Path: path, Err: err}
		case <-time.After(pause):
		}
	}
}

// remove is one round: from the deepest up, whatever can be removed.
func remove(ctx context.Context, path string) error {
	err := unix.Rmdir(path)
	if err != unix.EBUSY {
		return err
	}
	top, err := unix.Open(path, openDir, 0)
	if err != nil {
		return err
	}
	defer unix.Close(top)
	var failed error
	t := tree{budget: math.MaxInt, inside: func(int) {}}
	t.left = func(parent int, name string) {
		err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
		if err != nil && err != unix.ENOENT && err != unix.EBUSY {
			failed = err
		}
		if ctx.Err() != nil { // somebody who isn't dead makes new ones all the time
			t.budget = 0
		}
	}
	if _, err := t.walk(top); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return unix.Rmdir(path)
}
