package importer

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/roost-run/roost/runtime"
)

// scratch makes a store and a root file system of one busybox. Call done when all containers are destroyed.
func scratch() (store *runtime.Store, rootfs string, done func(), err error) {
	dir, err := os.MkdirTemp("", "importer-")
	if err != nil {
		return nil, "", nil, err
	}
	// The root of a container is somebody else's id there: it has to be able to pass through.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, "", nil, err
	}
	rootfs = filepath.Join(dir, "rootfs")
	for _, d := range []string{"bin", "etc", "proc", "dev", "sys", "tmp"} {
		if err := os.MkdirAll(filepath.Join(rootfs, d), 0o755); err != nil {
			return nil, "", nil, err
		}
	}
	if out, err := exec.Command("cp", "/bin/busybox", rootfs+"/bin/busybox").CombinedOutput(); err != nil {
		return nil, "", nil, fmt.Errorf("install busybox-static: %w: %s", err, out)
	}
	for _, name := range []string{"sh", "cat", "echo", "sleep", "true"} {
		if err := os.Symlink("busybox", filepath.Join(rootfs, "bin", name)); err != nil {
			return nil, "", nil, err
		}
	}
	for name, text := range map[string]string{"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"} {
		if err := os.WriteFile(filepath.Join(rootfs, "etc", name), []byte(text), 0o644); err != nil {
			return nil, "", nil, err
		}
	}
	store, err = runtime.Open(filepath.Join(dir, "state"), nil)
	return store, rootfs, func() { os.RemoveAll(dir) }, err
}

// small is a configuration that needs no privilege: a few namespaces, a proc, and what to run.
func small(rootfs string, args ...string) *specs.Spec {
	return &specs.Spec{
		Version: "1.3.0",
		Root:    &specs.Root{Path: rootfs, Readonly: true},
		Process: &specs.Process{Args: args, Cwd: "/", Env: []string{"PATH=/bin"}},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
		},
		Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}}},
	}
}

// background is a context for calls that have no deadline of their own.
func background() context.Context { return context.Background() }
