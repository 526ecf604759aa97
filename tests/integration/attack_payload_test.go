package integration

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// attackEnv makes the test binary, as a container's process, do what no shell can.
const attackEnv = "ROOST_TEST_ATTACK"

//nolint:gochecknoinits // only here we are on the process's first thread for sure
func init() {
	switch os.Getenv(attackEnv) {
	case "headless":
		// Ends the first thread alone; the runtime's others, and so the process, go on. From outside it is a zombie.
		go func() {
			for {
				time.Sleep(time.Second)
			}
		}()
		runtime.Gosched()
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
}

// attacker makes the container's process this test binary, in the part of that name.
func attacker(t testing.TB, part string) func(*specs.Spec) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return with(bind(self, "/bin/attack", "ro"), args("/bin/attack"), func(s *specs.Spec) {
		s.Process.Env = append(s.Process.Env, attackEnv+"="+part)
	})
}

// A process whose first thread has ended looks like a zombie, and is none: it must be neither forgotten nor spared.
func TestHeadlessPayload(t *testing.T) {
	needRoost(t)
	headless := func(t *testing.T, changes ...func(*specs.Spec)) (string, int) {
		id := start(t, with(append(changes, attacker(t, "headless"))...))
		pid := state(t, id).Pid
		eventually(t, "the first thread ends", func() bool { return strings.Contains(describe(pid), ") Z") })
		return id, pid
	}
	alive := func(pid int) bool {
		tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		return len(tasks) > 1
	}
	t.Run("is running", func(t *testing.T) {
		id, pid := headless(t)
		if got := wantStatus(t, id, "running").Pid; got != pid {
			t.Errorf("pid %d, want %d", got, pid)
		}
		if got := must(t, "ps", "--format", "json", id).Stdout; strings.TrimSpace(got) != "["+strconv.Itoa(pid)+"]" {
			t.Errorf("ps: %s", got)
		}
		refuse(t, []string{"running"}, "delete", id)
		must(t, "kill", id, "KILL")
		eventually(t, "it dies", func() bool { return !alive(pid) })
		stopped(t, id)
		must(t, "delete", id)
	})
	for name, changes := range map[string][]func(*specs.Spec){
		"delete": nil, "delete without a pid namespace": {dropNamespace(specs.PIDNamespace), hostProc},
	} {
		t.Run(name, func(t *testing.T) {
			id, pid := headless(t, changes...)
			must(t, "delete", "--force", id)
			if alive(pid) {
				t.Errorf("it outlives its container")
				syscall.Kill(pid, syscall.SIGKILL)
			}
		})
	}
}

// A container that another one shares its user namespace with is not that one.
func TestSharedUserNamespaceIsNotShared(t *testing.T) {
	needRoost(t)
	users := func(s *specs.Spec) {
		if isRoot() {
			// The host's own ids, so that the shared root file system is readable as it is.
			mapped([]specs.LinuxIDMapping{{ContainerID: 0, HostID: 0, Size: 65536}}, []specs.LinuxIDMapping{{ContainerID: 0, HostID: 0, Size: 65536}})(s)
		}
	}
	first := start(t, with(sh("exec sleep 1000"), users))
	pid := state(t, first).Pid
	second := start(t, with(sh("exec sleep 2000"), func(s *specs.Spec) {
		users(s)
		namespace(specs.UserNamespace, fmt.Sprintf("/proc/%d/ns/user", pid))(s)
		s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
	}))
	if got := strings.TrimSpace(must(t, "ps", "--format", "json", first).Stdout); got != fmt.Sprintf("[%d]", pid) {
		t.Errorf("ps of the first: %s, want [%d]", got, pid)
	}
	must(t, "kill", "--all", first, "KILL")
	must(t, "delete", "--force", first)
	wantStatus(t, second, "running")
	must(t, "delete", "--force", second)
}

// A file is masked with the host's own null device. Its mode is no business of the container's.
func TestMaskIsNotTheHostsToChange(t *testing.T) {
	inode := func() string {
		var st syscall.Stat_t
		if err := syscall.Stat("/dev/null", &st); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%o %d:%d", st.Mode, st.Uid, st.Gid)
	}
	before := inode()
	output(t, `for f in /proc/kcore /proc/keys /proc/timer_list; do chmod 600 $f; chown 1:1 $f; done 2>/dev/null; echo x >/dev/null; cat /proc/keys`)
	if after := inode(); after != before {
		os.Chmod("/dev/null", 0o666)
		os.Chown("/dev/null", 0, 0)
		t.Errorf("the host's /dev/null was %s and is %s", before, after)
	}
}
