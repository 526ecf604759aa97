package runtime

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain fails when the tests leave a descriptor, a child, a process or a cgroup of a container, or a mount behind.
func TestMain(m *testing.M) {
	before := descriptors()
	code := m.Run()
	if left := leftovers(before); left != "" {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = max(code, 1)
	}
	for _, dir := range cgroupsLeft() { // this run has failed for them
		_ = os.Remove(dir)
	}
	os.Exit(code)
}

// mark is in the environment of every process, and the path of every directory, that tests make: so what is left behind is
// told from what others do on the same machine.
const mark = "roost-runtime-test"

// leftovers names what is there that was not there before. What was killed a moment ago may take a moment to go.
func leftovers(before map[string]bool) string {
	var left []string
	for range 200 {
		left = left[:0]
		for d := range descriptors() {
			if !before[d] {
				left = append(left, "descriptor "+d)
			}
		}
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
			left = append(left, fmt.Sprintf("a child (pid %d, %v)", pid, err))
		}
		left = append(left, marked()...)
		for _, dir := range cgroupsLeft() {
			left = append(left, "cgroup "+dir)
		}
		if len(left) == 0 {
			return ""
		}
		time.Sleep(10 * time.Millisecond)
	}
	return strings.Join(left, ", ")
}

// ownMark is the mark of this run alone: another may be under way.
func ownMark() string { return fmt.Sprintf("%s-%d-", mark, os.Getpid()) }

// marked finds the processes and mounts of this run.
func marked() []string {
	var found []string
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err == nil && strings.Contains(string(mounts), ownMark()) {
		found = append(found, "a mount: "+string(mounts))
	}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if env, err := os.ReadFile("/proc/" + e.Name() + "/environ"); err == nil && strings.Contains(string(env), "MARK="+ownMark()) {
			found = append(found, "process "+e.Name())
		}
	}
	return found
}

// descriptors lists what this process has open, "number → what". What the Go runtime opens for itself, once and at any time,
// is left out: the poller, and since Go 1.25 the files of our cgroup.
func descriptors() map[string]bool {
	list := make(map[string]bool)
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || strings.HasPrefix(to, "anon_inode:[event") || strings.HasPrefix(to, "/sys/fs/cgroup/") ||
			to == fmt.Sprintf("/proc/%d/fd", os.Getpid()) {
			continue
		}
		list[e.Name()+" → "+to] = true
	}
	return list
}
