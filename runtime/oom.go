package runtime

import (
	"context"
	"io"
	"path/filepath"

	"github.com/roost-run/roost/cgroupv2"
)

// OOMAnnotation is "true" in the state of a stopped container of which it is known that one of its processes was killed for want of memory.
const OOMAnnotation = "run.roost.oom"

// memoryWatch finds out whether processes in a cgroup are killed for want of memory. systemd takes the cgroup of a scope away as soon as it is empty,
// and with it the count. So that is looked at while there still is somebody; and who comes too late looks at what the cgroup above counts, to which
// its own belongs.
type memoryWatch struct {
	stop         context.CancelFunc
	final, above *cgroupv2.Watch
	before       uint64 // what above had counted
	found        chan bool
}

// watchMemory begins; nil where there is no memory controller.
func watchMemory(g *cgroupv2.Group) *memoryWatch {
	first, err := g.Watch()
	if err != nil {
		return nil
	}
	final, err := g.Watch()
	if err != nil {
		first.Close()
		return nil
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &memoryWatch{stop: stop, final: final, found: make(chan bool, 1)}
	m.look(filepath.Dir(g.Path()))
	go func() {
		defer first.Close()
		for {
			e, err := first.Next(ctx)
			if killed := e.Memory.OOMKill > 0; killed || err != nil {
				m.found <- killed
				return
			}
		}
	}()
	return m
}

// look begins with the cgroup above.
func (m *memoryWatch) look(dir string) {
	above, err := cgroupv2.Open(dir)
	if err != nil {
		return
	}
	defer above.Close()
	if e, err := above.Events(); err == nil {
		m.before = e.Memory.OOMKill
		m.above, _ = above.Watch()
	}
}

// killed ends the watch, and reports whether somebody was killed.
func (m *memoryWatch) killed() bool {
	if m == nil {
		return false
	}
	e, err := m.final.Next(context.Background())
	m.final.Close()
	m.stop()
	killed := <-m.found || e.Memory.OOMKill > 0
	if m.above != nil {
		if e, aboveErr := m.above.Next(context.Background()); aboveErr == nil && err == io.EOF {
			killed = killed || e.Memory.OOMKill > m.before
		}
		m.above.Close()
	}
	return killed
}

// withReason is a status with the reason, which only a SIGKILL can have; a shell hands on that of its child.
func (s ExitStatus) withReason(killed bool) ExitStatus {
	s.OOM = killed && s.Code == 128+9
	return s
}

// ranOut reports whether it is known that a stopped container lost a process for want of memory.
func (c *Container) ranOut(d *directory) bool {
	if c.recorded(d).OOM {
		return true
	}
	g, err := d.openGroup()
	if err != nil {
		return false
	}
	defer g.Close()
	e, err := g.Events()
	return err == nil && e.Memory.OOMKill > 0
}
