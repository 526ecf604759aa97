package runtime

import (
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// Stats asks what the container uses now: its cgroup, and about what that does not count, or without one, its processes.
// ErrNotRunning when the first process has ended.
func (c *Container) Stats() (*Stats, error) {
	fd, err := c.rec.process.open()
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", c.id, err)
	}
	defer unix.Close(fd)
	s := &Stats{Hugetlb: map[string]HugetlbStats{}}
	lacks := missing{cpu: true, memory: true, pids: true, io: true}
	if g := c.group(); g != nil {
		defer g.Close()
		counted, err := g.Stats()
		if err = cleared(err); err != nil {
			return nil, fmt.Errorf("container %s: %w", c.id, err)
		}
		lacks = s.count(counted)
		// The kernel tells of pressure without the controllers, too.
		if lacks.memory {
			s.Memory.Pressure = pressure(g.Pressure("memory"))
		}
		if lacks.io {
			s.IO.Pressure = pressure(g.Pressure("io"))
		}
	}
	if lacks.any() {
		list, err := c.members()
		if err != nil {
			return nil, fmt.Errorf("container %s: %w", c.id, err)
		}
		s.approximate(lacks, usageOf(list, true))
	}
	s.Interfaces = interfacesOf(c.rec.process.pid)
	return s, nil
}

// cleared is ErrNotRunning for what the kernel answers about a cgroup that was removed meanwhile.
func cleared(err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) {
		return ErrNotRunning
	}
	return err
}

// interfacesOf is nil for a process in our own network namespace: what the whole machine sends is not its traffic.
func interfacesOf(pid int) []InterfaceStats {
	theirs := namespaceLink(pid, "net")
	if theirs == "" || theirs == namespaceLink(unix.Getpid(), "net") {
		return nil
	}
	text, err := readText("/proc/" + strconv.Itoa(pid) + "/net/dev")
	if err != nil {
		return nil // the kernel's figures are all or none
	}
	return parseInterfaces(text)
}
