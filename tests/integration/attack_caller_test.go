package integration

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A container that waits for its start is an image of the runtime. Not even the user whom it belongs to may trace it: a container of theirs
// that shares their ids could (CVE-2026-41163).
func TestSetupIsNotTraced(t *testing.T) {
	needRoost(t)
	needUser(t)
	id := newID(t)
	must(t, "create", "--bundle", newBundle(t, nil), id)
	pid := state(t, id).Pid
	runtime.LockOSThread() // who traces is a thread
	defer runtime.UnlockOSThread()
	if err := unix.PtraceSeize(pid); !errors.Is(err, unix.EPERM) {
		t.Errorf("ptrace: %v, want EPERM", err)
		_ = unix.PtraceDetach(pid)
	}
	for _, name := range []string{"environ", "maps", "mem", "root", "cwd", "exe", "fd"} {
		if _, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), name)); !errors.Is(err, os.ErrPermission) && !errors.Is(err, unix.ENOTDIR) {
			t.Errorf("/proc/PID/%s: %v", name, err)
		}
		if f, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), name)); err == nil {
			f.Close()
			t.Errorf("/proc/PID/%s can be opened", name)
		}
	}
	must(t, "delete", "--force", id)
}

// --log often lies where others can write (containerd CVE-2026-53488).
func TestLogIsNotFollowed(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	canary := filepath.Join(dir, "canary")
	if err := os.WriteFile(canary, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	link, fifo := filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	if err := errors.Join(os.Symlink(canary, link), syscall.Mkfifo(fifo, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{link, fifo, dir} {
		refuse(t, []string{"--log"}, "--log", name, "--log-format", "json", "state", "nobody")
	}
	if raw, _ := os.ReadFile(canary); string(raw) != "untouched" {
		t.Errorf("a log went through a link: %q", raw)
	}
}

// What an image can write, annotations, makes nothing looser.
func TestAnnotationsLoosenNothing(t *testing.T) {
	needRoost(t)
	limit := int64(1 << 20)
	bundle := newBundle(t, func(s *specs.Spec) {
		s.Annotations = map[string]string{"run.roost.degrade": "all=ignore"}
		s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit}}
	})
	// Without a cgroup no limit can be had, wherever this is.
	refuse(t, []string{"linux.resources.memory"}, "run", "--cgroups", "none", "--bundle", bundle, newID(t))

	stricter := newBundle(t, func(s *specs.Spec) {
		s.Annotations = map[string]string{"run.roost.degrade": "capabilities=deny,nonsense=warn"}
	})
	refuse(t, []string{"run.roost.degrade", "nonsense"}, "run", "--bundle", stricter, newID(t))
	if r := roost(t, "run", "--degrade", "capabilities", "--bundle", bundle, newID(t)); r.Code == 0 || !strings.Contains(r.Stderr, "--degrade") {
		t.Error(r)
	}
}
