package clients

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Two processes, as in tests/integration: a subreaper, to whom every daemon of an engine falls, and the tests.
const reaperEnv = "ROOST_TEST_REAPER"

func TestMain(m *testing.M) {
	if os.Getenv(reaperEnv) == "" {
		os.Exit(reap())
	}
	os.Exit(tests(m))
}

func reap() int {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "become a subreaper:", err)
		return 1
	}
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
		switch {
		case err == syscall.EINTR:
		case err != nil:
			fmt.Fprintln(os.Stderr, "wait:", err)
			return 1
		case pid == p.Pid && status.Signaled():
			return 128 + int(status.Signal())
		case pid == p.Pid:
			return status.ExitStatus()
		}
	}
}

func tests(m *testing.M) int {
	if err := desk.setUp(); err != nil {
		fmt.Fprintln(os.Stderr, "set up:", err)
		return 1
	}
	mounts := mountpoints()
	code := m.Run()
	desk.shutDown()
	for _, leak := range []struct{ what, left string }{
		{"mounts", newLines(mounts, mountpoints())},
		{"processes", strings.Join(orphans(), "\n")},
		{"containers", strings.Join(desk.containers(), "\n")},
	} {
		if leak.left != "" {
			fmt.Printf("left %s:\n%s\n", leak.what, leak.left)
			code = 1
		}
	}
	if err := desk.remove(); err != nil {
		fmt.Println("clean up:", err)
		code = 1
	}
	return code
}

func mountpoints() string {
	raw, _ := os.ReadFile("/proc/self/mountinfo")
	var points []string
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) > 4 {
			points = append(points, fields[4])
		}
	}
	return strings.Join(points, "\n")
}

func newLines(before, after string) string {
	old := map[string]bool{}
	for line := range strings.SplitSeq(before, "\n") {
		old[line] = true
	}
	var left []string
	for line := range strings.SplitSeq(after, "\n") {
		if !old[line] {
			left = append(left, line)
		}
	}
	return strings.Join(left, "\n")
}

// orphans are the subreaper's children other than ourselves: daemons that nobody waits for any more. They are given a
// moment, and what is still there is ended, so that it does not outlive the tests.
func orphans() []string {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var left []string
		var pids []int
		for _, pid := range childrenOf(desk.reaper) {
			if pid != os.Getpid() {
				cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				left = append(left, fmt.Sprintf("%d %s", pid, strings.ReplaceAll(string(cmdline), "\x00", " ")))
				pids = append(pids, pid)
			}
		}
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			for _, pid := range pids {
				syscall.Kill(pid, syscall.SIGKILL)
			}
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
