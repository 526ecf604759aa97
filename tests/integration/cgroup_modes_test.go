package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inUnit prepares a call of roost in a transient unit with these properties.
func inUnit(t testing.TB, kind string, properties, args []string) *exec.Cmd {
	t.Helper()
	words := []string{"--quiet", "--collect", kind}
	if kind == "--wait" {
		words = append(words, "--pipe")
	}
	if !isRoot() {
		words = append(words, "--user")
	}
	for _, p := range properties {
		words = append(words, "-p", p)
	}
	words = append(words, "--", home.roost, "--root", stateRoot(t))
	return exec.Command("systemd-run", append(words, args...)...)
}

// TestBelowADelegatedUnit: no bus is asked; where controllers are needed, who is in the unit's cgroup makes room first.
func TestBelowADelegatedUnit(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory", "pids")
	show := sh("echo; cat /proc/self/cgroup; sleep 1000")
	for _, c := range []struct {
		name, mode string
		bundle     string
		flags      []string
	}{
		{"limits", "split", newBundle(t, with(show, memoryOf(64<<20), pidsOf(20))), nil},
		{"none", "inherit", newBundle(t, show), nil},
		{"split", "split", newBundle(t, show), []string{"--cgroups", "split"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := newID(t)
			unit := "roost-it-" + id
			run := slices.Concat([]string{"run", "--bundle", c.bundle}, c.flags, []string{id})
			cmd := inUnit(t, "--wait", []string{"Delegate=yes", "Environment=DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"}, run)
			cmd.Args = slices.Insert(cmd.Args, 1, "--unit="+unit)
			wait := capture(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it runs", func() bool { return roost(t, "exec", id, "true").Code == 0 })
			s := state(t, id)
			dir := s.Annotations["run.roost.cgroup"]
			if got := s.Annotations["run.roost.cgroup.mode"]; got != c.mode || !strings.Contains(dir, "/"+unit+".service/") {
				t.Errorf("%s: mode %s, %s", s.Annotations["run.roost.cgroup.why"], got, dir)
			}
			if c.name == "limits" {
				if got := inFile(t, dir, "memory.max") + " " + inFile(t, dir, "pids.max"); got != "67108864 20" {
					t.Error(got)
				}
			}
			if c.mode == "split" && inFile(t, filepath.Dir(dir), "supervisor/cgroup.procs") == "" {
				t.Error("roost is not in supervisor")
			}
			must(t, "kill", id, "KILL")
			if r := wait(); r.Code != 137 {
				t.Error(r)
			}
			if exists(dir) {
				t.Errorf("%s is left", dir)
			}
		})
	}
}

// TestUnitsThatAreNotDelegated: a service keeps its containers, and what cannot be had in it is said so.
func TestUnitsThatAreNotDelegated(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory")
	bundle := newBundle(t, with(sh("cat /proc/self/cgroup"), memoryOf(64<<20)))
	r := finish(t, inUnit(t, "--wait", nil, []string{"run", "--bundle", bundle, newID(t)}))
	for _, word := range []string{"linux.resources.memory.limit", "Delegate=yes"} {
		if r.Code == 0 || !strings.Contains(r.Stderr, word) {
			t.Errorf("no %q: %v", word, r)
		}
	}
	r = finish(t, inUnit(t, "--wait", nil, []string{"run", "--cgroups", "inherit", "--bundle", bundle, newID(t)}))
	if r.Code == 0 || !strings.Contains(r.Stderr, "Delegate=yes") {
		t.Error(r)
	}
	r = finish(t, inUnit(t, "--wait", []string{"Delegate=yes"}, []string{"run", "--cgroups", "inherit", "--bundle", bundle, newID(t)}))
	if r.Code == 0 || !strings.Contains(r.Stderr, "--cgroups split") {
		t.Error(r)
	}
}

// TestKilledWhileItMakesAScope: whatever is there when roost dies is cleared by gc or delete --force, unit and cgroup as well.
func TestKilledWhileItMakesAScope(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory")
	bundle := newBundle(t, with(sh(sleeper), memoryOf(64<<20)))
	for i := range 12 {
		id := newID(t)
		cmd := command(t, "run", "--bundle", bundle, id)
		wait := capture(t, cmd)
		cmd.Cancel = nil
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i*i) * time.Millisecond)
		_ = cmd.Process.Signal(syscall.SIGKILL)
		wait()
		dir := ""
		if r := roost(t, "state", id); r.Code == 0 {
			dir = state(t, id).Annotations["run.roost.cgroup"]
		}
		if i%2 == 0 {
			must(t, "delete", "--force", id)
		} else {
			eventually(t, "gc clears it", func() bool { return len(containers(stateRoot(t))) == 0 || roost(t, "gc").Code != 0 })
		}
		unit := "roost-" + id + ".scope"
		eventually(t, fmt.Sprintf("unit %s and cgroup %q are gone", unit, dir), func() bool { return !unitKnown(unit) && (dir == "" || !exists(dir)) })
	}
}

// TestStoppedFromOutside: systemd ends the unit, and so the container.
func TestStoppedFromOutside(t *testing.T) {
	needRoost(t)
	needLimits(t, "memory")
	id := start(t, with(sh(sleeper), memoryOf(64<<20)))
	systemctl(t, "stop", scopeOf(t, id))
	stopped(t, id)
	must(t, "delete", id)
	if _, err := os.Stat(filepath.Join(stateRoot(t), id)); err == nil {
		t.Error("it is still there")
	}
}
