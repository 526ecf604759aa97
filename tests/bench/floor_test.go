package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

const look = `cat /proc/self/mountinfo /proc/self/uid_map; cat /proc/self/status; cat /proc/sys/kernel/hostname; ulimit -n; umask`

// facts are what a process inside sees of its mounts and its confinement, in an order of no meaning.
func facts(output string) (lines []string) {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		field := strings.Fields(line)
		switch {
		case strings.Contains(line, " - "): // mountinfo: root, mount point, options, file system
			if strings.HasPrefix(field[4], "/sys/") && !strings.HasPrefix(field[4], "/sys/firmware") {
				continue // what the host has below /sys, and cgroup, whose flags each runtime sets as it likes
			}
			lines = append(lines, strings.Join([]string{field[3], field[4], field[5], field[slices.Index(field, "-")+1]}, " "))
		case strings.HasPrefix(line, "Cap"), strings.HasPrefix(line, "NoNewPrivs"), strings.HasPrefix(line, "Seccomp:"):
			lines = append(lines, line)
		case !strings.Contains(line, ":"):
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

// testRootfs is a root file system and a state directory for an ordinary user.
func testRootfs(t *testing.T) (dir, rootfs, state string) {
	t.Helper()
	dir = openDir(t)
	rootfs, state = filepath.Join(dir, "rootfs"), filepath.Join(dir, "state")
	if err := exec.Command("busybox", "true").Run(); err != nil {
		t.Skipf("busybox does not run: %v", err)
	}
	if err := makeRootfs(rootfs); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{rootfs, state} {
		if err := os.Chown(path, ordinaryID(), ordinaryID()); err != nil && os.Getuid() == 0 {
			t.Fatal(err)
		}
	}
	return dir, rootfs, state
}

// The floor is a fair one: inside, nothing tells it from runc.
func TestFloorDoesWhatRuncDoes(t *testing.T) {
	needUserNamespaces(t)
	runc, err := exec.LookPath("runc")
	if err != nil {
		if runc, err = exec.LookPath("/usr/sbin/runc"); err != nil {
			t.Skip("runc is not installed")
		}
	}
	dir, rootfs, state := testRootfs(t)
	floor := compile(t, dir, "floor", "floor.c", "rootfs.c", "confine.c")

	spec := plainSpec()
	spec.Process.Args = []string{"/bin/sh", "-c", look}
	spec.Root.Path = rootfs
	for _, ids := range [][]specs.LinuxIDMapping{spec.Linux.UIDMappings, spec.Linux.GIDMappings} {
		if os.Getuid() == 0 {
			ids[0].HostID = nobody
		}
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	theirs, stderr, err := asOrdinaryUser(state, runc, "--root", filepath.Join(state, "runc"), "run", "-b", dir, "floor-test")
	if err != nil {
		t.Skipf("runc cannot run the bundle here: %v: %s", err, stderr)
	}
	ours, stderr, err := asOrdinaryUser(state, floor, "plain", rootfs, "/bin/sh", "-c", look)
	if err != nil {
		t.Fatalf("floor: %v: %s", err, stderr)
	}
	if got, want := facts(ours), facts(theirs); !slices.Equal(got, want) {
		t.Errorf("inside the floor:\n%s\n\ninside runc:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFloorReportsThePayloadsStatus(t *testing.T) {
	needUserNamespaces(t)
	dir, rootfs, state := testRootfs(t)
	floor := compile(t, dir, "floor", "floor.c", "rootfs.c", "confine.c")
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7} {
		_, stderr, err := asOrdinaryUser(state, floor, "plain", rootfs, "/bin/sh", "-c", script)
		if got := exitStatus(err); got != want {
			t.Errorf("%s: status %d, want %d: %s", script, got, want, stderr)
		}
	}
	if _, _, err := asOrdinaryUser(state, floor, "plain", filepath.Join(dir, "nowhere")); exitStatus(err) != 125 {
		t.Errorf("a rootfs that is not there: %v, want status 125", err)
	}
}

func exitStatus(err error) int {
	if err == nil {
		return 0
	}
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	return -1
}
