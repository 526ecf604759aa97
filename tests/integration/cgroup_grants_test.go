package integration

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// needLimits is for limits by these controllers: they take a service manager that answers, and has them to give.
func needLimits(t testing.TB, controllers ...string) {
	t.Helper()
	needBus(t)
	for _, c := range controllers {
		needController(t, c)
	}
}

// needGroup is for a cgroup of the container's own, with or without controllers.
func needGroup(t testing.TB) {
	t.Helper()
	if !isRoot() {
		needBus(t)
	}
	cgroupMount(t)
}

// ownGroup has a container get a cgroup of its own, by whatever way there is here.
func ownGroup(t testing.TB) []string {
	t.Helper()
	needGroup(t)
	if isRoot() { // it needs one for its filter of devices
		return nil
	}
	return []string{"--cgroups", "scope"}
}

// resources sets limits.
func resources(change func(*specs.LinuxResources)) func(*specs.Spec) {
	return func(s *specs.Spec) {
		if s.Linux.Resources == nil {
			s.Linux.Resources = &specs.LinuxResources{}
		}
		change(s.Linux.Resources)
	}
}

func memoryOf(n int64) func(*specs.Spec) {
	return resources(func(r *specs.LinuxResources) { r.Memory = &specs.LinuxMemory{Limit: &n, Swap: &n} })
}

func pidsOf(n int64) func(*specs.Spec) {
	return resources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: &n} })
}

// groupOf is where the container's cgroup is.
func groupOf(t testing.TB, id string) string {
	t.Helper()
	dir := state(t, id).Annotations["run.roost.cgroup"]
	if dir == "" {
		t.Fatalf("%s has no cgroup of its own: %v", id, state(t, id).Annotations)
	}
	return dir
}

// inFile is what a file of a cgroup says.
func inFile(t testing.TB, parts ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return oneLine(b)
}

// unitKnown reports whether the service manager has a transient unit of this name.
func unitKnown(unit string) bool {
	dir := "/run"
	if !isRoot() {
		dir = os.Getenv("XDG_RUNTIME_DIR")
	}
	return exists(filepath.Join(dir, "systemd/transient", unit))
}
