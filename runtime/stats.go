package runtime

import (
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
	lacks, err := c.count(s)
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", c.id, err)
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

// count fills in what the container's cgroup counts.
func (c *Container) count(*Stats) (missing, error) {
	return missing{cpu: true, memory: true, pids: true, io: true}, nil
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
