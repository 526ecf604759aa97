package integration

import (
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The units of contrib/systemd, each by what it is for.

// Ready when the container says so, its limit in force, and stopped by the watchdog when the container is silent.
func TestUnitNotify(t *testing.T) {
	needBus(t)
	dir := tempDir(t)
	change := with(playing(t, "notify", "file", "/gate/ready", "say", `READY=1\nSTATUS=at work`, "beat", "/gate/silent"), bind(dir, "/gate"))
	id := newID(t)
	name := unit(t, id, "roost-notify@.service", change, "WatchdogSec=30", "WatchdogSec=3", "Restart=on-failure", "Restart=no")
	systemctl(t, "start", "--no-block", name)
	entered(t, id)
	if got := property(t, name, "ActiveState"); got != "activating" {
		t.Errorf("before READY=1: %s", got)
	}
	touch(t, dir+"/ready")
	eventually(t, "it is ready", func() bool { return property(t, name, "ActiveState") == "active" })
	if got := property(t, name, "StatusText"); got != "at work" {
		t.Errorf("StatusText is %q", got)
	}
	within(t, state(t, id).Pid, name)
	if hasController(t, "memory") {
		if b, err := os.ReadFile(cgroupMount(t) + property(t, name, "ControlGroup") + "/memory.max"); err != nil || oneLine(b) != strconv.Itoa(256<<20) {
			t.Errorf("memory.max is %q, %v", b, err)
		}
	}
	time.Sleep(4 * time.Second) // longer than the watchdog's
	if got := property(t, name, "ActiveState"); got != "active" {
		t.Fatalf("with a heart that beats: %s", got)
	}
	touch(t, dir+"/silent")
	eventually(t, "the watchdog", func() bool { return property(t, name, "ActiveState") == "failed" })
	if got := property(t, name, "Result"); got != "watchdog" {
		t.Errorf("Result is %s", got)
	}
}

// The first process of the container is the unit's main process, and what it leaves is cleared.
func TestUnitForking(t *testing.T) {
	needBus(t)
	id := newID(t)
	name := unit(t, id, "roost-forking@.service", sh(sleeper))
	systemctl(t, "start", name)
	pid := state(t, id).Pid
	if got := mainPID(t, name); got != pid {
		t.Errorf("the main process is %d, the container's first %d", got, pid)
	}
	within(t, pid, name)
	systemctl(t, "stop", name)
	if got := property(t, name, "Result"); got != "success" {
		t.Errorf("Result is %s", got)
	}
	if left := containers(stateRoot(t)); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	_, runtime := unitDirs()
	if exists(runtime + "/roost-" + id + ".pid") {
		t.Error("the file of the pid is left")
	}
}

// Killed twice, roost itself and then the container's first process, it comes back.
func TestUnitRestart(t *testing.T) {
	needBus(t)
	id := newID(t)
	name := unit(t, id, "roost-restart@.service", sh(sleeper))
	systemctl(t, "start", name)
	running := func() bool {
		return property(t, name, "SubState") == "running" && roost(t, "exec", id, "/bin/true").Code == 0
	}
	eventually(t, "it runs", running)
	for i, victim := range []func() int{
		func() int { return mainPID(t, name) },
		func() int { return state(t, id).Pid },
	} {
		was := mainPID(t, name)
		if err := syscall.Kill(victim(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is started again", func() bool { pid := mainPID(t, name); return pid != 0 && pid != was && running() })
		if got := property(t, name, "NRestarts"); got != strconv.Itoa(i+1) {
			t.Errorf("NRestarts is %s", got)
		}
	}
	systemctl(t, "stop", name)
	if left := containers(stateRoot(t)); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// The first connection starts the container, which has the socket.
func TestUnitSockets(t *testing.T) {
	needBus(t)
	id := newID(t)
	service := unit(t, id, "roost-socket@.service", playing(t, "listen"))
	socket := unit(t, id, "roost-socket@.socket", nil)
	systemctl(t, "start", socket)
	if got := property(t, service, "ActiveState"); got != "inactive" {
		t.Errorf("before a connection: %s", got)
	}
	_, runtime := unitDirs()
	c, err := net.Dial("unix", runtime+"/roost-"+id+".socket")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "descriptor 3" {
		t.Errorf("%q, %v", got, err)
	}
	eventually(t, "it has ended", func() bool { return property(t, service, "ActiveState") == "inactive" })
	if got := property(t, service, "Result"); got != "success" {
		t.Errorf("Result is %s", got)
	}
}

// Without Delegate= the container stays in the unit, whose limits hold for it.
func TestUnitLimited(t *testing.T) {
	needBus(t)
	needController(t, "cpu")
	needController(t, "memory")
	id := newID(t)
	name := unit(t, id, "roost-limited@.service", sh("trap '(head -c 300m /dev/zero | tail -c 300m >/dev/null) & wait' TERM; while :; do :; done"))
	systemctl(t, "start", name)
	entered(t, id)
	pid := state(t, id).Pid
	within(t, pid, name)
	group := cgroupMount(t) + property(t, name, "ControlGroup")
	if share := usedShare(t, group, 4*time.Second); share > 0.6 {
		t.Errorf("half a CPU is its limit, and it used %.2f", share)
	}
	catches(t, state(t, id).Pid, syscall.SIGTERM)
	must(t, "kill", id, "TERM")
	eventually(t, "the limit of memory", func() bool { return property(t, name, "ActiveState") == "failed" })
	if got := property(t, name, "Result"); got != "oom-kill" {
		t.Errorf("Result is %s", got)
	}
}

// within holds a process to be in the cgroup of a unit, or below it: root's containers have one of their own, for its devices.
func within(t testing.TB, pid int, unit string) {
	t.Helper()
	if got := cgroupOf(pid); !strings.Contains(got+"/", "/"+unit+"/") {
		t.Errorf("the container is in %s, not in %s", got, unit)
	}
}

// entered waits until the container takes in a process from the session of the tests.
func entered(t testing.TB, id string) {
	t.Helper()
	var r result
	defer func() {
		if r.Code != 0 {
			t.Logf("exec: %v", r)
		}
	}()
	eventually(t, "the container runs", func() bool { r = roost(t, "exec", id, "/bin/true"); return r.Code == 0 })
}

func touch(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}
