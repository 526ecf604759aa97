package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// measured is a container with a limit of each kind, whose cgroup says all there is to say.
func measured() func(*specs.Spec) {
	quota, period := int64(50000), uint64(100000)
	return with(sh(sleeper), memoryOf(64<<20), pidsOf(20), resources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Quota: &quota, Period: &period}
	}))
}

// TestEventsFromTheCgroup has nothing that is approximated, and the figures that the cgroup's files have.
func TestEventsFromTheCgroup(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory", "cpu", "pids", "io")
	id := start(t, measured())
	e := parseEvent(t, must(t, "events", "--stats", id).Stdout)
	d := e.Data
	if len(d.Approximated) > 0 {
		t.Errorf("approximated: %q", d.Approximated)
	}
	if d.Memory.Usage["limit"] != 64<<20 || d.Pids["limit"] != 20 || d.Pids["current"] < 1 || d.Memory.Usage["usage"] == 0 || d.CPU.Usage["total"] == 0 {
		t.Errorf("%+v", d)
	}
	// Nothing is read that the files do not have.
	if now := inFile(t, groupOf(t, id), "pids.current"); now != fmt.Sprint(d.Pids["current"]) {
		t.Errorf("%s tasks, %d in the event", now, d.Pids["current"])
	}
	r := must(t, "top", "--once", "--json")
	var row struct {
		MemoryLimit, PidsLimit uint64
		Approximated           bool
	}
	if err := json.Unmarshal([]byte(r.Stdout), &row); err != nil || row.MemoryLimit != 64<<20 || row.PidsLimit != 20 || row.Approximated {
		t.Errorf("top: %v, %v", err, r)
	}
}

// TestEventsOfOOM tells of each process that is killed, also of the one that takes the container with it.
func TestEventsOfOOM(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory")
	for name, c := range map[string]struct {
		script string
		least  int
	}{
		"children": {"trap exit TERM; until [ -e /dev/shm/go ]; do sleep 0.1; done; for i in 1 2; do tail /dev/zero; done; sleep 0.5", 2},
		"itself":   {"until [ -e /dev/shm/go ]; do sleep 0.1; done; exec tail /dev/zero", 1},
	} {
		id := start(t, with(sh(c.script), memoryOf(32<<20)))
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(t, "events", "--interval", "1h", id)
		cmd.Stdout = w
		collect := capture(t, cmd)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		kills := 0
		for lines := bufio.NewScanner(r); lines.Scan(); {
			switch e := parseEvent(t, lines.Text()); e.Type {
			case "stats":
				must(t, "exec", id, "touch", "/dev/shm/go") // now it watches
			case "oom":
				if kills++; e.ID != id || e.Data != nil {
					t.Errorf("%s: %s", name, lines.Text())
				}
			}
		}
		r.Close()
		if end := collect(); end.Code != 0 || kills < c.least {
			t.Errorf("%s: %d events of want of memory, then %v", name, kills, end)
		}
	}
}

// flatten has each value that is no object by its path.
func flatten(into map[string]any, path string, value any) {
	object, ok := value.(map[string]any)
	if !ok || len(object) == 0 {
		into[path] = value
		return
	}
	for key, v := range object {
		flatten(into, path+"/"+key, v)
	}
}

// TestEventsAsRunc holds every member of a line against that of runc, for the same configuration: the same members, of the same kind, and what
// is not measured has the same value.
func TestEventsAsRunc(t *testing.T) {
	needRoost(t)
	needRoot(t)
	needLimits(t, "memory", "cpu", "pids", "io")
	runc, err := exec.LookPath("runc")
	if err != nil {
		if runc, err = exec.LookPath("/usr/sbin/runc"); err != nil {
			missing(t, "runc", "not installed; install runc to compare")
		}
	}
	bundle, id := newBundle(t, with(measured(), func(s *specs.Spec) { s.Linux.CgroupsPath = "" })), newID(t)
	root := filepath.Join(tempDir(t), "runc")
	theirsIs := func(args ...string) result {
		cmd := command(t)
		cmd.Path, cmd.Args = runc, append([]string{runc, "--root", root, "--systemd-cgroup"}, args...)
		return finish(t, cmd)
	}
	if r := theirsIs("run", "-d", "--bundle", bundle, "theirs"); r.Code != 0 {
		t.Fatalf("runc does not run here: %v", r)
	}
	defer theirsIs("delete", "--force", "theirs")
	must(t, "run", "-d", "--bundle", bundle, id)
	ours, theirs := make(map[string]any), make(map[string]any)
	for _, side := range []struct {
		into map[string]any
		r    result
	}{{ours, must(t, "events", "--stats", id)}, {theirs, theirsIs("events", "--stats", "theirs")}} {
		var line any
		if err := json.Unmarshal([]byte(side.r.Stdout), &line); err != nil {
			t.Fatalf("%v: %v", err, side.r)
		}
		flatten(side.into, "", line)
	}
	compareEvents(t, ours, theirs)
}

// compareEvents knows what may differ: how much was used, and what runc leaves out.
func compareEvents(t *testing.T, ours, theirs map[string]any) {
	t.Helper()
	measures := func(path string) bool {
		for _, part := range []string{"/id", "/usage/total", "/usage/kernel", "/usage/user", "/usage/usage", "/usage/max", "/swap/usage", "/memory/raw/", "/memory/cache", "/throttling", "/psi/", "/blkio", "/network_interfaces"} {
			if strings.Contains(path, part) {
				return true
			}
		}
		return false
	}
	for path, value := range theirs {
		mine, there := ours[path]
		switch {
		case !there && !measures(path):
			t.Errorf("%s is missing; runc has %v", path, value)
		case there && measures(path):
			if a, b := fmt.Sprintf("%T", mine), fmt.Sprintf("%T", value); a != b && value != nil {
				t.Errorf("%s is a %s, with runc a %s", path, a, b)
			}
		case there && fmt.Sprint(mine) != fmt.Sprint(value):
			t.Errorf("%s is %v, with runc %v", path, mine, value)
		}
	}
	for path, value := range ours {
		// Pressure is in those of runc since 1.2.
		if _, there := theirs[path]; !there && !measures(path) {
			t.Errorf("%s is %v, and unknown to runc", path, value)
		}
	}
}
