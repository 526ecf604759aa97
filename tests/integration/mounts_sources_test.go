package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Mounts are listed in the order of the configuration, whatever they are: readers take a later one to be on top.
func TestMountOrder(t *testing.T) {
	dir := tempDir(t)
	tmpfs := func(at string) func(*specs.Spec) {
		return mounted(specs.Mount{Destination: at, Type: "tmpfs", Source: "tmpfs"})
	}
	got := output(t, "cut -d ' ' -f 5 /proc/self/mountinfo", rootfs(ownRootfs(t), false),
		bind(dir, "/a"), tmpfs("/b"), bind(dir, "/c", "rbind"), tmpfs("/d"), bind(dir, "/e", "slave"))
	var order []string
	for _, point := range lines(got) {
		if len(point) == 2 {
			order = append(order, point)
		}
	}
	if text := strings.Join(order, " "); text != "/a /b /c /d /e" {
		t.Errorf("listed as %s", text)
	}
}

// Who is given a directory of the host in which the root file system lies gets that, and not the container once more, where
// nothing is hidden.
func TestRbindLeavesTheContainerOut(t *testing.T) {
	needRoost(t)
	root := ownRootfs(t)
	got := output(t, "cut -d ' ' -f 5 /proc/self/mountinfo | grep ^/host/; ls /host/rootfs/etc/canary", rootfs(root, false),
		mounted(specs.Mount{Destination: "/before", Type: "tmpfs", Source: "tmpfs"}), bind(filepath.Dir(root), "/host", "rbind"))
	if got != "/host/rootfs/etc/canary" {
		t.Errorf("mounted below: %s", got)
	}
}

// Directories that the container's root may enter and the caller, in the container's user namespace, may not: engines keep
// the layers of containers with an id map so.
func TestSourcesOfTheContainersRoot(t *testing.T) {
	needRoot(t)
	const base = 300000
	dir := tempDir(t)
	root := filepath.Join(dir, "closed", "rootfs")
	if err := os.Mkdir(filepath.Dir(root), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := makeRootfs(root); err != nil {
		t.Fatal(err)
	}
	err := filepath.Walk(filepath.Dir(root), func(path string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, base, base)
	})
	if err != nil {
		t.Fatal(err)
	}
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: base, Size: 1000}}
	got := output(t, "cat /etc/canary /mnt/file", rootfs(root, false), mapped(ids, ids), bind(filepath.Join(root, "etc/canary"), "/mnt/file"))
	if got != "untouched\nuntouched" {
		t.Errorf("read: %q", got)
	}
}
