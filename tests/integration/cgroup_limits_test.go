package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func scopeOf(t testing.TB, id string) string {
	t.Helper()
	var s struct {
		Scope string `json:"systemd-scope"`
	}
	if err := json.Unmarshal([]byte(must(t, "state", id).Stdout), &s); err != nil {
		t.Fatal(err)
	}
	return s.Scope
}

// TestLimitsAreInForce: from the first process on, in a cgroup that goes with the container.
func TestLimitsAreInForce(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory", "cpu", "pids")
	quota, period := int64(30000), uint64(100000)
	id := start(t, with(sh("cat /proc/self/cgroup; "+sleeper), memoryOf(64<<20), pidsOf(20), resources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Quota: &quota, Period: &period}
		r.Unified = map[string]string{"memory.high": "60000000"}
	})))
	dir := groupOf(t, id)
	for file, want := range map[string]string{"memory.max": "67108864", "memory.swap.max": "0", "pids.max": "20", "cpu.max": "30000 100000", "memory.high": "59998208"} {
		if file == "memory.swap.max" && !exists(filepath.Join(dir, file)) {
			continue // a kernel without swap
		}
		if got := inFile(t, dir, file); got != want {
			t.Errorf("%s is %s, want %s", file, got, want)
		}
	}
	unit := scopeOf(t, id)
	if unit != "roost-"+id+".scope" || filepath.Base(dir) != unit {
		t.Errorf("unit %q, cgroup %s", unit, dir)
	}
	if got := must(t, "exec", id, "cat", "/proc/self/cgroup").Stdout; strings.TrimSpace(got) != "0::/" {
		t.Errorf("the root of the cgroup namespace is not the container's cgroup: %s", got)
	}
	must(t, "delete", "--force", id)
	if exists(dir) || unitKnown(unit) {
		t.Errorf("left: cgroup %v, unit %v", exists(dir), unitKnown(unit))
	}
}

// TestLimitsHold: what a container may not have, it does not get.
func TestLimitsHold(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory", "pids")
	r := runOnce(t, with(sh("exec tail /dev/zero"), memoryOf(32<<20)))
	if r.Code != 137 || !strings.Contains(r.Stderr, "out of memory") {
		t.Errorf("killed for want of memory: %v", r)
	}
	r = runOnce(t, with(sh("for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo done"), pidsOf(5)))
	if !strings.Contains(r.Stderr, "can't fork") {
		t.Errorf("pids: %v", r)
	}
}

// TestExitForWantOfMemoryIsKept: wait tells the reason, too.
func TestExitForWantOfMemoryIsKept(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory")
	id := newID(t)
	r := roost(t, "run", "--keep", "--bundle", newBundle(t, with(sh("exec tail /dev/zero"), memoryOf(32<<20))), id)
	if r.Code != 137 || !strings.Contains(r.Stderr, "out of memory") {
		t.Errorf("run: %v", r)
	}
	if r := roost(t, "wait", id); r.Code != 137 || !strings.Contains(r.Stderr, "out of memory") {
		t.Errorf("wait: %v", r)
	}
}

// TestUpdate changes each limit of a container that runs, and keeps what it was told.
func TestUpdate(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory", "cpu", "pids")
	id := start(t, with(sh(sleeper), memoryOf(64<<20), pidsOf(20)))
	dir := groupOf(t, id)
	want := func(file, value string) {
		t.Helper()
		if got := inFile(t, dir, file); got != value {
			t.Errorf("%s is %s, want %s", file, got, value)
		}
	}
	must(t, "update", "--memory", "96m", "--memory-swap", "96m", "--pids-limit", "30", "--cpu-quota", "20000", "--cpu-share", "512", id)
	want("memory.max", "100663296")
	want("pids.max", "30")
	want("cpu.max", "20000 100000")
	want("cpu.weight", "59")
	cmd := command(t, "update", "--resources=-", id)
	cmd.Stdin = strings.NewReader(`{"pids":{"limit":-1},"cpu":{"period":50000},"unified":{"memory.high":"max"}}`)
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	want("pids.max", "max")
	want("cpu.max", "20000 50000")
	want("memory.max", "100663296")
	// All or nothing, with a name for what was wrong.
	refuse(t, []string{"linux.resources.unified", "cpu.weight"}, "update", "-r", resourcesFile(t, `{"pids":{"limit":7},"unified":{"cpu.weight":"0"}}`), id)
	want("pids.max", "max")
	want("cpu.weight", "59")
	refuse(t, []string{"linux.resources.memory.swap"}, "update", "--memory", "200m", id)
	must(t, "update", "--memory", "-1", "--memory-swap", "-1", id)
	want("memory.max", "max")
	must(t, "pause", id)
	must(t, "update", "--pids-limit", "11", id)
	want("pids.max", "11")
	must(t, "resume", id)
	must(t, "kill", id)
	stopped(t, id)
	refuse(t, []string{"container not running"}, "update", "--pids-limit", "5", id)
}

func resourcesFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(tempDir(t), "r.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestCPUQuota: a tenth of a CPU is that, over a few seconds of work.
func TestCPUQuota(t *testing.T) {
	needRoost(t)
	needLimits(t, "cpu")
	quota, period := int64(10000), uint64(100000)
	id := start(t, with(sh("while :; do :; done"), resources(func(r *specs.LinuxResources) { r.CPU = &specs.LinuxCPU{Quota: &quota, Period: &period} })))
	usage := func() (usec float64) {
		for _, line := range lines(inFile(t, groupOf(t, id), "cpu.stat")) {
			if _, err := fmt.Sscanf(line, "usage_usec %f", &usec); err == nil {
				return usec
			}
		}
		return 0
	}
	time.Sleep(500 * time.Millisecond)
	begin, before := time.Now(), usage()
	time.Sleep(4 * time.Second)
	share := (usage() - before) / float64(time.Since(begin).Microseconds())
	if share > 0.11 {
		t.Errorf("it used %.3f of a CPU, where 0.1 is allowed", share)
	}
	t.Logf("%.4f of a CPU", share)
}

// TestUnitsByName: --systemd-cgroup names slice and unit.
func TestUnitsByName(t *testing.T) {
	needRoost(t)
	needBus(t)
	id := newID(t)
	bundle := newBundle(t, with(sh(sleeper), func(s *specs.Spec) { s.Linux.CgroupsPath = "roostit.slice:it:" + id }))
	must(t, "--systemd-cgroup", "run", "-d", "--bundle", bundle, id)
	if unit, dir := scopeOf(t, id), groupOf(t, id); unit != "it-"+id+".scope" || !strings.HasSuffix(dir, "/roostit.slice/"+unit) {
		t.Errorf("%s in %s", unit, dir)
	}
	must(t, "kill", "--all", id, "KILL")
	stopped(t, id)
	must(t, "delete", id)
}
