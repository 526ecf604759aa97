package runtime

import (
	"context"

	"github.com/roost-run/roost/cgroupv2"
)

// OOMAnnotation is "true" in the state of a stopped container of which it is known that one of its processes was killed for want of memory.
const OOMAnnotation = "run.roost.oom"

// memoryWatch finds out whether processes in a cgroup are killed for want of memory. Whoever makes a scope takes the cgroup away as soon as it is empty,
// and with it the count: so that is looked at while there still is somebody.
type memoryWatch struct {
	stop  context.CancelFunc
	final *cgroupv2.Watch
	found chan bool
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
	m := &memoryWatch{stop, final, make(chan bool, 1)}
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

// killed ends the watch, and reports whether somebody was killed.
func (m *memoryWatch) killed() bool {
	if m == nil {
		return false
	}
	e, _ := m.final.Next(context.Background())
	m.final.Close()
	m.stop()
	return <-m.found || e.Memory.OOMKill > 0
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
