package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/runtime"
)

// workspace is a state root and a root file system with a busybox in it. The examples say so and do nothing where that, or the
// right to make namespaces, is missing.
func workspace() (store *runtime.Store, rootfs string, done func(), err error) {
	dir, err := os.MkdirTemp("", "roost-example-")
	if err != nil {
		return nil, "", nil, err
	}
	done = func() { os.RemoveAll(dir) }
	rootfs = filepath.Join(dir, "rootfs")
	script := `chmod 755 "$0" && mkdir -p "$1/bin" "$1/proc" "$1/dev" "$1/etc" && cp "$(command -v busybox)" "$1/bin/busybox" &&
		for n in sh echo sleep true; do ln -s busybox "$1/bin/$n"; done && echo root:x:0:0::/root:/bin/sh >"$1/etc/passwd"`
	if out, err := exec.Command("/bin/sh", "-c", script, dir, rootfs).CombinedOutput(); err != nil {
		done()
		return nil, "", nil, fmt.Errorf("install busybox-static: %w: %s", err, out)
	}
	store, err = runtime.Open(filepath.Join(dir, "state"), nil)
	return store, rootfs, done, err
}

// configuration is what a config.json would hold. A user namespace is added for callers who need one.
func configuration(rootfs string, args ...string) *specs.Spec {
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

// A command in a container, from its start to its status.
func Example() {
	store, rootfs, done, err := workspace()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	ctx := context.Background()
	container, process, err := store.Run(ctx, "hello", runtime.CreateOptions{
		Spec:  configuration(rootfs, "sh", "-c", "echo hello from pid $$; exit 3"),
		Stdio: runtime.Stdio{Out: os.Stdout},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := process.Wait(ctx)
	fmt.Println(status, err)
	fmt.Println(container.Destroy(ctx, false))
	// Output:
	// hello from pid 1
	// 3 <nil>
	// <nil>
}

// Create and Start apart: the process is there, and waits.
func ExampleStore_Create() {
	store, rootfs, done, err := workspace()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	ctx := context.Background()
	container, process, err := store.Create(ctx, "service", runtime.CreateOptions{Spec: configuration(rootfs, "sleep", "1000")})
	if err != nil {
		fmt.Println(err)
		return
	}
	state, err := container.State()
	fmt.Println(state.Status, err)
	fmt.Println(container.Start(ctx))
	state, err = container.State()
	fmt.Println(state.Status, err)
	fmt.Println(container.Destroy(ctx, true))
	status, err := process.Wait(ctx)
	fmt.Println(status, err)
	// Output:
	// created <nil>
	// <nil>
	// running <nil>
	// <nil>
	// 137 <nil>
}

// One more process in a running container, with the configured process for a pattern.
func ExampleContainer_Exec() {
	store, rootfs, done, err := workspace()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	ctx := context.Background()
	container, first, err := store.Run(ctx, "service", runtime.CreateOptions{Spec: configuration(rootfs, "sleep", "1000")})
	if err != nil {
		fmt.Println(err)
		return
	}
	pattern, err := container.DefaultProcess()
	if err != nil {
		fmt.Println(err)
		return
	}
	pattern.Args = []string{"sh", "-c", "echo home is $HOME; exit 7"}
	second, err := container.Exec(ctx, runtime.ExecOptions{Process: pattern, User: "root", Stdio: runtime.Stdio{Out: os.Stdout}})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := second.Wait(ctx)
	fmt.Println(status, err)
	fmt.Println(container.Signal(ctx, syscall.SIGKILL, false))
	status, err = first.Wait(ctx)
	fmt.Println(status, err)
	fmt.Println(container.Destroy(ctx, false))
	// Output:
	// home is /root
	// 7 <nil>
	// <nil>
	// 137 <nil>
	// <nil>
}

// Waiting by a handle that another program may have made: the status is known if somebody recorded it.
func ExampleContainer_Wait() {
	store, rootfs, done, err := workspace()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	ctx := context.Background()
	container, process, err := store.Run(ctx, "job", runtime.CreateOptions{Spec: configuration(rootfs, "sh", "-c", "exit 5")})
	if err != nil {
		fmt.Println(err)
		return
	}
	status, err := process.Wait(ctx)
	if err == nil {
		err = container.RecordExit(status)
	}
	fmt.Println(status, err)
	loaded, err := store.Load("job")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(loaded.Wait(ctx))
	fmt.Println(loaded.Destroy(ctx, false))
	_, err = store.Load("job")
	fmt.Println(errors.Is(err, runtime.ErrNotExist))
	// Output:
	// 5 <nil>
	// 5 <nil>
	// <nil>
	// true
}
