package notify

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/roost-run/roost/internal/sys"
)

// Family are the processes of a container, by its first one: a child of ours, so its pid is its own until it has ended.
type Family struct {
	First int  // its pid as we see it
	Init  bool // it only stands above the process that counts
	next  time.Time
}

// scanEvery is how often all processes may be looked through: a container decides how often it asks.
const scanEvery = time.Second

// Outside finds the pid outside of a process that the sender, a process in the container, names as it sees it. For the process
// that counts it is our own: we stand for it outside, forward signals to it, and end as it does. A pid that is no process of
// the container's has none.
func (f *Family) Outside(sender, pid int) (int, bool) {
	counts := f.First
	if f.Init {
		counts = firstChild(f.First) // an init of ours is a copy of us that nobody may look into
	}
	found := f.find(counts, sender, pid)
	switch found {
	case 0:
		return 0, false
	case f.First, counts:
		return os.Getpid(), true
	}
	return found, true
}

// find looks for the process in the pid namespace of the one that counts.
func (f *Family) find(counts, sender, pid int) int {
	own := pidsOf(counts)
	if len(own) == 0 {
		return 0
	}
	if len(own) == 1 { // it is in our own pid namespace, where everybody can be named
		if descends(pid, f.First) {
			return pid
		}
		return 0
	}
	where := namespaceOf(counts)
	matches := func(candidate int) bool {
		pids := pidsOf(candidate)
		return len(pids) == len(own) && pids[len(pids)-1] == pid && (candidate == f.First || namespaceOf(candidate) == where)
	}
	if theirs := pidsOf(sender); len(theirs) > 0 && (len(theirs) != len(own) || namespaceOf(sender) != where) {
		return 0 // it names a process of a pid namespace below
	}
	for _, candidate := range []int{f.First, counts, sender} {
		if matches(candidate) {
			return candidate
		}
	}
	if now := time.Now(); now.Before(f.next) {
		return 0
	} else {
		f.next = now.Add(scanEvery)
	}
	return scan(matches)
}

// scan looks through all processes.
func scan(matches func(pid int) bool) int {
	dir, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && matches(pid) {
			return pid
		}
	}
	return 0
}

// pidsOf are the pids of a process in our pid namespace and in each below, down to its own (proc_pid_status(5)).
func pidsOf(pid int) (list []int) {
	for _, word := range strings.Fields(statusLine(pid, "NSpid:")) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}

func statusLine(pid int, key string) string {
	text, err := sys.ReadProc("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, key); ok {
			return value
		}
	}
	return ""
}

// namespaceOf is "" for a process that has ended, or that we may not look into.
func namespaceOf(pid int) string {
	link, _ := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/pid")
	return link
}

// descends reports whether a process is another, or comes from it.
func descends(pid, from int) bool {
	for depth := 0; pid > 1 && depth < 100; depth++ {
		if pid == from {
			return true
		}
		pid, _ = strconv.Atoi(strings.TrimSpace(statusLine(pid, "PPid:")))
	}
	return false
}

func firstChild(pid int) int {
	name := strconv.Itoa(pid)
	text, _ := sys.ReadProc("/proc/" + name + "/task/" + name + "/children")
	words := strings.Fields(string(text))
	if len(words) == 0 {
		return 0
	}
	child, _ := strconv.Atoi(words[0])
	return child
}
