package runtime

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// member is a process of a container, by pid and start time.
type member struct {
	pid   int
	start uint64
}

// signal sends to that very process: ESRCH if the pid was used again since.
func (m member) signal(sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(m.pid, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	st, err := readStat(m.pid)
	if err != nil || st.start != m.start {
		return unix.ESRCH
	}
	return unix.PidfdSendSignal(fd, sig, nil, 0)
}

// members finds the container's processes: those in its cgroup, where it has one of its own. Else a process belongs to it if it
//
//   - is the first process, or a descendant of one that belongs to it,
//   - is in the first process's pid namespace, where that is the container's own (who came by exec is no descendant), and else
//     in its user namespace likewise,
//   - is in the first process's session. Without a pid namespace of its own this is what holds together what outlived its
//     parent.
//
// The pid namespace is complete: who is in it can hide from us only by ending. Without one, a process that starts a session of
// its own and loses its parent is not found unless the user namespace gives it away.
func (c *Container) members() ([]member, error) {
	if g := c.group(); g != nil {
		defer g.Close()
		return membersOf(g)
	}
	return c.relatives()
}

// relatives are those that namespaces, session and descent give away.
func (c *Container) relatives() ([]member, error) {
	all, err := snapshot()
	if err != nil {
		return nil, err
	}
	return c.relativesAmong(all)
}

func (c *Container) relativesAmong(all map[int]stat) ([]member, error) {
	first := c.rec.process
	if past, err := first.isPast(); err != nil || past {
		return nil, err
	}
	leader, there := all[first.pid]
	alive := there && leader.start == first.start
	in := make(map[int]bool)
	if alive {
		in[first.pid] = true
	}
	namespaces := c.ownNamespaces(alive)
	for pid, st := range all {
		switch {
		case in[pid]:
		// The number of a session is not given to a process before the last of the session has gone: if another has it, the
		// session is that one's.
		case st.session == first.pid && (alive || !there && st.start >= first.start):
			in[pid] = true
		case namespaces.holds(pid):
			in[pid] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for pid, st := range all {
			if !in[pid] && in[st.ppid] {
				in[pid], grown = true, true
			}
		}
	}
	var list []member
	for pid := range in {
		if st := all[pid]; !st.dead() {
			list = append(list, member{pid, st.start})
		}
	}
	slices.SortFunc(list, func(a, b member) int { return cmp.Compare(a.pid, b.pid) })
	return list, nil
}

// namespaceSet are links such as "pid:[4026531836]" of namespaces that are the container's own.
type namespaceSet struct{ pid, user string }

// ownNamespaces asks the first process. When it has ended there is no pid namespace any more.
func (c *Container) ownNamespaces(alive bool) namespaceSet {
	var s namespaceSet
	if !alive {
		return s
	}
	// The user namespace only counts where there is nothing better: other containers may have joined it.
	switch {
	case c.rec.ownPids:
		s.pid = namespaceLink(c.rec.process.pid, "pid")
	case c.rec.ownUsers:
		s.user = namespaceLink(c.rec.process.pid, "user")
	}
	return s
}

func (s namespaceSet) holds(pid int) bool {
	return s.pid != "" && namespaceLink(pid, "pid") == s.pid || s.user != "" && namespaceLink(pid, "user") == s.user
}

// namespaceLink is "" where it cannot be read: the process has ended, or is none of ours.
func namespaceLink(pid int, kind string) string {
	link, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/" + kind)
	if err != nil {
		return ""
	}
	return link
}

// snapshot reads the stat of all processes.
func snapshot() (map[int]stat, error) {
	f, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	all := make(map[int]stat, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if st, err := readStat(pid); err == nil {
			all[pid] = st
		}
	}
	return all, nil
}
