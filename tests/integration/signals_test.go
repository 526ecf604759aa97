package integration

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// pending are the signals that wait for a process, proc_pid_status(5).
func pending(t testing.TB, pid int) uint64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines(string(raw)) {
		if set, ok := strings.CutPrefix(l, "ShdPnd:"); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			if err != nil {
				t.Fatal(l)
			}
			return n
		}
	}
	t.Fatal("no ShdPnd")
	return 0
}

// ignored are the signals that we, and so all that we start, ignore.
func ignored(t testing.TB) (list []int) {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines(string(raw)) {
		if set, ok := strings.CutPrefix(l, "SigIgn:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			if err != nil {
				t.Fatal(l)
			}
			for n := 1; n <= 64; n++ {
				if bits&(1<<(n-1)) != 0 {
					list = append(list, n)
				}
			}
		}
	}
	return list
}

// stoppedContainer is one whose process is stopped, so that signals wait for it; and not pid 1 of a namespace, whom signals without a handler
// do not reach.
func stoppedContainer(t testing.TB) (id string, pid int) {
	t.Helper()
	id = start(t, func(s *specs.Spec) {
		s.Process.Args = []string{"/bin/sleep", "1000"}
		s.Linux.Namespaces = without(s.Linux.Namespaces, specs.PIDNamespace)
	})
	pid = state(t, id).Pid
	must(t, "kill", id, "STOP")
	eventually(t, "it stops", func() bool {
		raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err == nil && strings.Contains(string(raw), ") T ")
	})
	return id, pid
}

// Every signal, by its number and by its names: those of the kernel, real-time ones, and the two of these that glibc has for itself.
func TestKillEverySignal(t *testing.T) {
	names := map[int][]string{
		6: {"ABRT", "SIGABRT"}, 29: {"IO", "SIGIO"}, 31: {"SYS"}, 34: {"RTMIN", "SIGRTMIN"}, 49: {"RTMIN+15", "SIGRTMAX-15"}, 64: {"RTMAX", "sigrtmin+30"},
	}
	for n := 1; n <= 31; n++ {
		if name := unix.SignalName(unix.Signal(n)); name != "" {
			names[n] = append(names[n], name, strings.TrimPrefix(name, "SIG"), strings.ToLower(name))
		}
	}
	if isThisRoost() {
		for n, more := range map[int][]string{6: {"IOT"}, 29: {"POLL"}, 31: {"UNUSED"}} {
			names[n] = append(names[n], more...)
		}
	}
	// What ends or continues it, and what a process without a handler never hears of.
	special := []int{int(unix.SIGKILL), int(unix.SIGSTOP), int(unix.SIGCONT), int(unix.SIGCHLD), int(unix.SIGURG), int(unix.SIGWINCH)}
	special = append(special, ignored(t)...) // a process that is born with it never hears of them either
	id, pid := stoppedContainer(t)
	for n := 1; n <= 64; n++ {
		if n == int(unix.SIGKILL) || n == int(unix.SIGCONT) {
			continue
		}
		if (n == 32 || n == 33) && !isThisRoost() {
			continue
		}
		must(t, "kill", id, strconv.Itoa(n))
		if !slices.Contains(special, n) && pending(t, pid)&(1<<(n-1)) == 0 {
			t.Errorf("signal %d did not arrive", n)
		}
	}
	must(t, "kill", id, "0")
	must(t, "kill", id, "9")
	stopped(t, id)
	must(t, "delete", id)

	most := 0
	for _, list := range names {
		most = max(most, len(list))
	}
	for i := range most { // a signal that waits already says nothing more
		id, pid := stoppedContainer(t)
		for n, list := range names {
			if i >= len(list) || slices.Contains(special, n) {
				continue
			}
			must(t, "kill", id, list[i])
			if pending(t, pid)&(1<<(n-1)) == 0 {
				t.Errorf("%s did not arrive as %d", list[i], n)
			}
		}
		must(t, "kill", id, []string{"CONT", "SIGCONT", "KILL", "kill"}[i%4]) // all that waits ends it
		stopped(t, id)
		must(t, "delete", id)
	}
	id = start(t, sh(sleeper))
	for _, word := range []string{"65", "-1", "RTMIN+31", "RTMAX+1", "NOSUCH", "SIG", ""} {
		refuse(t, nil, "kill", id, word)
	}
	must(t, "delete", "--force", id)
}
