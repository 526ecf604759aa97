package integration

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Two processes: a reaper, which every orphan of the tests falls to since it is a subreaper, and the tests, its child.
// The tests must not reap by themselves (wait4(-1) would take the children of os/exec), and whatever the reaper still
// has when the tests are done has leaked.
const reaperEnv = "ROOST_TEST_REAPER"

// house is what the whole run shares.
type house struct {
	roost  string // the runtime under test
	dir    string // scratch, short: socket paths have 108 bytes
	rootfs string // busybox, shared and never written to
	reaper int    // pid
	ids    issued
}

var home house

func TestMain(m *testing.M) {
	if child := os.Getenv(helperEnv); child != "" {
		os.Exit(helper(child))
	}
	if os.Getenv(reaperEnv) == "" {
		os.Exit(reap())
	}
	os.Exit(tests(m))
}

// reap runs the tests as a child and waits for everybody.
func reap() int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "become a subreaper:", err)
		return 1
	}
	// Not ignored: what is ignored stays so in everything that is started from here, payloads included.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	env := append(os.Environ(), fmt.Sprintf("%s=%d", reaperEnv, os.Getpid()))
	p, err := os.StartProcess(self, os.Args, &os.ProcAttr{Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "wait:", err)
			return 1
		}
		if pid == p.Pid {
			if status.Signaled() {
				return 128 + int(status.Signal())
			}
			return status.ExitStatus()
		}
	}
}

func tests(m *testing.M) int {
	if err := setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	fds, mounts := descriptors(), mountpoints()
	code := m.Run()
	for _, leak := range []struct{ what, before, after string }{
		{"descriptors", fds, descriptors()},
		{"mounts", mounts, mountpoints()},
		{"processes", "", strings.Join(orphans(), "\n")},
		{"files", "", strings.Join(strays(), "\n")},
		{"cgroups", "", strings.Join(home.ids.cgroups(), "\n")},
	} {
		if leak.before != leak.after {
			fmt.Printf("leaked %s:\nbefore:\n%s\nafter:\n%s\n", leak.what, leak.before, leak.after)
			code = 1
		}
	}
	if err := os.RemoveAll(home.dir); err != nil {
		fmt.Println("clean up:", err)
		code = 1
	}
	return code
}

func setUp() error {
	if _, err := fmt.Sscan(os.Getenv(reaperEnv), &home.reaper); err != nil {
		return err
	}
	home.roost = os.Getenv("ROOST")
	if home.roost == "" {
		home.roost = "../../bin/roost"
	}
	abs, err := filepath.Abs(home.roost)
	if err != nil {
		return err
	}
	home.roost = abs
	if _, err := os.Stat(home.roost); err != nil {
		return fmt.Errorf("no runtime to test (`make build`, or set ROOST): %w", err)
	}
	if home.dir, err = os.MkdirTemp("/tmp", "roost-it-"); err != nil {
		return err
	}
	// Readable for the sub-ids of the container's users, whom the directories above a rootfs concern.
	if err := os.Chmod(home.dir, 0o755); err != nil {
		return err
	}
	home.rootfs = filepath.Join(home.dir, "rootfs")
	if err := makeRootfs(home.rootfs); err != nil {
		return err
	}
	// Terminal tests come and go with the poller: have its descriptors open before they are counted.
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	w.Close()
	return exec.Command("/bin/true").Run()
}

// descriptors lists what is open, but for the runtime's own: epoll, eventfd, the pidfd of a check, the cgroup's cpu.max.
func descriptors() string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var open []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(target, "anon_inode:") && !strings.Contains(target, "/cpu.") &&
			!strings.HasPrefix(target, "/proc/") {
			open = append(open, target)
		}
	}
	return strings.Join(open, "\n")
}

func mountpoints() string {
	var points []string
	for _, m := range mountinfo("self") {
		if m.point == "/run/user/1000" && isRoot() { // of a visitor: logind keeps it for ten seconds
			continue
		}
		points = append(points, m.point+" "+m.fstype)
	}
	return strings.Join(points, "\n")
}

// strays are state directories that a test left in the default places, and what lies about in our scratch directory.
func strays() []string {
	var left []string
	for _, pattern := range []string{home.dir + "/*/*/state.json", home.dir + "/*/*/start"} {
		found, _ := filepath.Glob(pattern)
		left = append(left, found...)
	}
	return left
}

// orphans are the reaper's children other than ourselves, as "pid command": processes that nobody waits for any more.
// A process that is just being torn down is given a moment.
func orphans() []string {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var left []string
		for _, pid := range childrenOf(home.reaper) {
			if pid != os.Getpid() {
				left = append(left, fmt.Sprintf("%d %s", pid, describe(pid)))
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

func childrenOf(pid int) (pids []int) {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, field := range strings.Fields(string(raw)) {
		var child int
		if _, err := fmt.Sscan(field, &child); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

func describe(pid int) string {
	cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if i := strings.LastIndexByte(string(stat), ')'); i > 0 && len(stat) > i+3 {
		stat = stat[:i+3]
	}
	return strings.ReplaceAll(strings.TrimRight(string(cmdline), "\x00"), "\x00", " ") + " [" + string(stat) + "]"
}
