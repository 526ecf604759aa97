package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestDeviceFilter: what root's container can make a node of it still cannot use, from its first process on, and through exec.
func TestDeviceFilter(t *testing.T) {
	needRoot(t)
	id := newID(t)
	mknod := func(s *specs.Spec) {
		s.Linux.CgroupsPath = "/roost-integration/" + id
		list := append(s.Process.Capabilities.Bounding, "CAP_MKNOD", "CAP_DAC_OVERRIDE")
		s.Process.Capabilities.Bounding, s.Process.Capabilities.Effective, s.Process.Capabilities.Permitted = list, list, list
	}
	try := "mknod /dev/try c 1 11 && { cat /dev/try & sleep 0.1; } 2>&1; echo x >/dev/null && head -c 1 /dev/zero | wc -c"
	bundle := newBundle(t, with(mknod, args("sh", "-c", try+"; sleep 1000")))
	must(t, "run", "-d", "--bundle", bundle, id)
	mount := cgroupMount(t)
	group := filepath.Join(mount, "roost-integration", id)
	if !exists(group) {
		t.Errorf("no cgroup at %s", group)
	}
	eventually(t, "the payload has made its node", func() bool { return roost(t, "exec", id, "test", "-e", "/dev/try").Code == 0 })
	r := roost(t, "exec", id, "sh", "-c", "exec 3</dev/try")
	if r.Code == 0 || !strings.Contains(r.Stderr, "Operation not permitted") {
		t.Errorf("exec reads a device that no rule allows: %v", r)
	}
	must(t, "exec", id, "sh", "-c", "echo x >/dev/null && mknod /dev/other b 7 0")
	b, err := os.ReadFile(group + "/cgroup.procs")
	if err != nil || strings.Count(string(b), "\n") < 1 {
		t.Errorf("%s: %q, %v", group, b, err)
	}
	// What a container makes in its cgroup, and leaves running, goes with it.
	if err := os.Mkdir(filepath.Join(group, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, "delete", "--force", id)
	if exists(group) {
		t.Errorf("%s is left behind", group)
	}
	os.Remove(filepath.Dir(group))
}

func TestDeviceRulesAllow(t *testing.T) {
	needRoot(t)
	major, minor := int64(10), int64(229) // fuse, which opens for anybody
	allow := func(s *specs.Spec) {
		s.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{
			{Allow: false, Access: "rwm"}, {Allow: true, Type: "c", Major: &major, Minor: &minor, Access: "r"},
		}}
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/fuse", Type: "c", Major: major, Minor: minor}}
	}
	if got := output(t, "exec 3</dev/fuse && echo read; (exec 3>/dev/fuse) 2>/dev/null || echo not written", allow); got != "read\nnot written" {
		t.Error(got)
	}
}

// cgroupMount is where cgroup v2 is mounted here.
func cgroupMount(t testing.TB) string {
	t.Helper()
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if exists(dir + "/cgroup.procs") {
			return dir
		}
	}
	t.Skip("needs a mounted cgroup v2")
	return ""
}
