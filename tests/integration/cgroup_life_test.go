package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// startGrouped starts a container in a cgroup of its own.
func startGrouped(t testing.TB, mutate func(*specs.Spec)) string {
	t.Helper()
	id := newID(t)
	must(t, slices.Concat([]string{"run", "--detach", "--bundle", newBundle(t, mutate)}, ownGroup(t), []string{id})...)
	return id
}

func TestPauseAndResume(t *testing.T) {
	needRoost(t)
	id := startGrouped(t, sh(sleeper))
	catches(t, state(t, id).Pid, syscall.SIGTERM)
	refuse(t, []string{"container not paused"}, "resume", id)
	must(t, "pause", id)
	wantStatus(t, id, "paused")
	if got := inFile(t, groupOf(t, id), "cgroup.events"); !strings.Contains(got, "frozen 1") {
		t.Errorf("it runs on: %s", got)
	}
	refuse(t, []string{"container paused"}, "pause", id)
	refuse(t, []string{"cannot exec in a paused container (use --ignore-paused to override)"}, "exec", id, "true")
	refuse(t, []string{"that is not stopped: paused"}, "delete", id)
	late := command(t, "exec", "--ignore-paused", id, "echo", "late")
	wait := capture(t, late)
	if err := late.Start(); err != nil {
		t.Fatal(err)
	}
	must(t, "kill", id, "TERM")
	time.Sleep(100 * time.Millisecond)
	wantStatus(t, id, "paused")
	must(t, "resume", id)
	wait() // as soon as it may, or ended with the container
	stopped(t, id)
	refuse(t, []string{"container not running"}, "pause", id)
}

func TestEndOfPausedContainers(t *testing.T) {
	needRoost(t)
	for _, end := range [][]string{{"kill", "ID", "KILL"}, {"kill", "--all", "ID", "KILL"}, {"delete", "--force", "ID"}} {
		id := startGrouped(t, sh(sleeper))
		must(t, "pause", id)
		words := slices.Clone(end)
		words[slices.Index(words, "ID")] = id
		must(t, words...)
		if end[0] == "kill" {
			stopped(t, id)
			must(t, "delete", id)
		}
	}
	id := newID(t)
	must(t, slices.Concat([]string{"create", "--bundle", newBundle(t, sh(sleeper))}, ownGroup(t), []string{id})...)
	must(t, "pause", id)
	wantStatus(t, id, "paused")
	refuse(t, []string{"cannot start a paused container"}, "start", id)
	must(t, "resume", id)
	wantStatus(t, id, "created")
	must(t, "start", id)
	wantStatus(t, id, "running")
}

// TestPauseTakesACgroup: without one the error says how to have one.
func TestPauseTakesACgroup(t *testing.T) {
	needRoost(t)
	needUser(t)
	id := newID(t)
	must(t, "run", "-d", "--cgroups", "none", "--bundle", newBundle(t, sh(sleeper)), id)
	refuse(t, []string{"no cgroup of its own", "--cgroups scope"}, "pause", id)
	refuse(t, []string{"linux.resources.pids.limit", "no cgroup of its own"}, "update", "--pids-limit", "5", id)
}

// TestProcessesByCgroup: without a pid namespace, who has left session and parents is still found and ended.
func TestProcessesByCgroup(t *testing.T) {
	needRoost(t)
	hostPids := func(s *specs.Spec) {
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.PIDNamespace })
		s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Type == "proc" })
	}
	id := startGrouped(t, with(sh("(setsid sh -c '(sleep 1001 &) ; sleep 1002 &' &); exec sleep 1003"), hostPids))
	dir := groupOf(t, id)
	eventually(t, "all three are listed", func() bool {
		text := must(t, "ps", "--format", "json", id).Stdout
		return strings.Count(text, ",") == 2 && strings.Count(inFile(t, dir, "cgroup.procs"), "\n") == 2
	})
	must(t, "kill", "--all", id, "KILL")
	stopped(t, id)
	eventually(t, "nobody is left", func() bool {
		return !exists(dir) || strings.Contains(inFile(t, dir, "cgroup.events"), "populated 0")
	})
	must(t, "delete", id)
	if exists(dir) {
		t.Errorf("%s is left", dir)
	}
}

// TestExecCgroup: an exec may be born below the container's cgroup, and nowhere else.
func TestExecCgroup(t *testing.T) {
	needRoost(t)
	id := startGrouped(t, sh(sleeper))
	dir := groupOf(t, id)
	if err := os.Mkdir(filepath.Join(dir, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"inner", "/inner", "pids:inner"} {
		if got := must(t, "exec", "--cgroup", word, id, "cat", "/proc/self/cgroup").Stdout; !strings.HasSuffix(strings.TrimSpace(got), "/inner") {
			t.Errorf("--cgroup %s: %s", word, got)
		}
	}
	for _, word := range []string{"..", "../x", "/inner/../../x"} {
		refuse(t, []string{"outside of the container's"}, "exec", "--cgroup", word, id, "true")
	}
	refuse(t, []string{"no such file"}, "exec", "--cgroup", "nope", id, "true")
}

// TestNestedOwner: who has its cgroup mounted to be written may make others in it, and exec follows the processes that have moved.
func TestNestedOwner(t *testing.T) {
	needRoost(t)
	rw := func(s *specs.Spec) {
		for i := range s.Mounts {
			if s.Mounts[i].Destination == "/sys/fs/cgroup" {
				s.Mounts[i].Options = []string{"rw", "nosuid", "noexec", "nodev"}
			}
		}
	}
	id := startGrouped(t, with(rw, sh("mkdir /sys/fs/cgroup/init && echo 1 >/sys/fs/cgroup/init/cgroup.procs && sleep 1000")))
	dir := groupOf(t, id)
	eventually(t, "it has moved", func() bool { return exists(dir+"/init") && inFile(t, dir, "init/cgroup.procs") != "" })
	controllers := strings.Fields(inFile(t, dir, "cgroup.controllers"))
	if slices.Contains(controllers, "pids") {
		must(t, "exec", "--cgroup", "init", id, "sh", "-c", "echo +pids >/sys/fs/cgroup/cgroup.subtree_control")
		if got := must(t, "exec", id, "cat", "/proc/self/cgroup").Stdout; strings.TrimSpace(got) != "0::/init" {
			t.Errorf("exec is in %s", got)
		}
	}
	must(t, "delete", "--force", id)
	if exists(dir) {
		t.Errorf("%s is left", dir)
	}
}

// TestLimitsWithoutABus: an error names each limit and what to do; --degrade lets it run, listed.
func TestLimitsWithoutABus(t *testing.T) {
	needRoost(t)
	needUser(t)
	bundle := newBundle(t, with(sh("echo ran"), memoryOf(64<<20), pidsOf(20)))
	run := func(flags ...string) result {
		cmd := command(t, slices.Concat([]string{"run", "--bundle", bundle}, flags, []string{newID(t)})...)
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "DBUS_") || strings.HasPrefix(e, "XDG_") }),
			"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "XDG_RUNTIME_DIR="+home.dir)
		return finish(t, cmd)
	}
	if exists("/run/user/" + strconv.Itoa(os.Getuid()) + "/bus") {
		t.Skip("this machine has a bus that is found anyway")
	}
	r := run()
	for _, word := range []string{"linux.resources.memory.limit", "linux.resources.pids.limit", "--degrade memory=warn"} {
		if r.Code == 0 || !strings.Contains(r.Stderr, word) {
			t.Errorf("no %q: %v", word, r)
		}
	}
	if r := run("--degrade", "memory=warn,pids=ignore"); r.Code != 0 || r.Stdout != "ran\n" || !strings.Contains(r.Stderr, "linux.resources.memory.limit") {
		t.Error(r)
	}
	if r := run("--cgroups", "scope"); r.Code == 0 {
		t.Error(r)
	}
}
