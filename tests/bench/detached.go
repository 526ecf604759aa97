package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// detached is a set of containers that sleep while others are measured.
type detached struct {
	contender contender
	use       string
	count     int
	usable    bool
	pid       int // the floor's container, which has no name
}

func detachedID(i int) string { return "sleeper-" + strconv.Itoa(i) }

// becomeSubreaper makes every process that a runtime leaves behind a child of ours, where it can be counted and ended.
func becomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("child subreaper: %w", err)
	}
	return nil
}

// startDetached starts count containers once and says whether they are there.
func (b *run) startDetached(c contender, use string, count int) bool {
	for _, d := range b.targets {
		if d.contender.name == c.name && d.use == use {
			return d.usable
		}
	}
	d := detached{contender: c, use: use, count: count, usable: true}
	before := len(descendants())
	for i := range count {
		// A session keyring for each would spend the user's quota of 200 (kernel.keys.maxkeys) on three runtimes.
		cmd := b.oci(c, use, "run", "-d", "--no-new-keyring", "-b", b.bundles.sleeping, detachedID(i))
		if err := b.quietly(cmd); err != nil {
			b.notes = append(b.notes, fmt.Sprintf("%s: run -d: %v", c.name, err))
			d.usable = false
			break
		}
	}
	b.targets = append(b.targets, d)
	if d.usable {
		b.countLeft(c, before, count)
	}
	return d.usable
}

// countLeft counts the processes that are there besides the payloads, after a moment in which helpers may end.
func (b *run) countLeft(c contender, before, count int) {
	left := 0
	for range 20 {
		if left = len(descendants()) - before - count; left <= 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.left[c.name] = max(b.left[c.name], float64(left)/float64(count))
}

// floorTarget is the pid of a sleeping container that the floor made; 0 when there is none.
func (b *run) floorTarget(c contender) int {
	for _, d := range b.targets {
		if d.contender.name == c.name {
			return d.pid
		}
	}
	d := detached{contender: c, use: "one"}
	if parent, err := os.StartProcess(c.path, []string{c.path, "plain", b.bundles.rootfs, "/bin/sleep", "1000000"},
		&os.ProcAttr{Env: environment(b.opts.state), Files: []*os.File{nil, nil, nil}}); err == nil {
		d.pid = sleeperOf(parent.Pid)
	}
	b.targets = append(b.targets, d)
	return d.pid
}

// sleeperOf waits until the only child of parent has executed its payload: before that it cannot be joined.
func sleeperOf(parent int) int {
	for range 100 {
		for _, p := range descendants() {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p.pid))
			if p.parent == parent && strings.TrimSpace(string(name)) == "sleep" {
				return p.pid
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return 0
}

// stopDetached ends every container and whatever else is left of what we started, and reaps it.
func (b *run) stopDetached() {
	for _, d := range b.targets {
		for i := 0; d.contender.oci() && i < d.count; i++ {
			_ = b.quietly(b.oci(d.contender, d.use, "delete", "--force", detachedID(i))) // what it leaves is killed below
			reap()
		}
	}
	for range 100 {
		rest := descendants()
		if len(rest) == 0 {
			break
		}
		for _, p := range rest {
			_ = unix.Kill(p.pid, unix.SIGKILL)
		}
		reap()
		time.Sleep(10 * time.Millisecond)
	}
	reap()
}

// reap collects every child that has ended. Only for moments without a command of our own under way.
func reap() {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 && err != unix.EINTR {
			return
		}
	}
}

type process struct{ pid, parent int }

// descendants are all living processes below this one; zombies are reaped or not counted.
func descendants() (found []process) {
	reap()
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended
		}
		// The name is in parentheses and may hold anything: read from the last one (proc(5)).
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if err != nil || len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		if parents[pid], err = strconv.Atoi(fields[1]); err != nil {
			delete(parents, pid)
		}
	}
	self := os.Getpid()
	for pid, parent := range parents {
		for up := parent; up != 0; up = parents[up] { // we may be 1 ourselves: run.sh starts us in a pid namespace
			if up == self {
				found = append(found, process{pid, parent})
				break
			}
		}
	}
	return found
}

// quietly runs a command to its end. Its output goes to a file: a container that holds a pipe would keep us waiting.
func (b *run) quietly(c command) error {
	log, err := os.Create(filepath.Join(b.opts.work, "stderr"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(c[0], c[1:]...)
	cmd.Env = environment(b.opts.state)
	cmd.Stderr = log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, firstLine(log.Name()))
	}
	return nil
}

func firstLine(path string) string {
	text, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return line[:min(len(line), 200)]
}
