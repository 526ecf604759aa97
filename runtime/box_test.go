package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// box is a store, a root file system of one busybox, and a witness: a pipe whose write end every process of a container has,
// so that its end tells that all of them are gone.
type box struct {
	t      testing.TB
	dir    string
	store  *Store
	rootfs string
	log    *bytes.Buffer
	r, w   *os.File
}

// newBox skips where no container can run, and says what is missing.
func newBox(t testing.TB) *box {
	t.Helper()
	dir, err := os.MkdirTemp("", ownMark())
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, dir: dir, rootfs: filepath.Join(dir, "rootfs"), log: &bytes.Buffer{}}
	t.Cleanup(func() { os.RemoveAll(dir) })
	// The root of a container is somebody else's id there: it has to be able to pass through.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	makeRootfs(t, b.rootfs)
	logger := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if b.store, err = Open(filepath.Join(dir, "state"), logger); err != nil {
		t.Fatal(err)
	}
	if b.r, b.w, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.r.Close(); b.w.Close() })
	needContainers(t)
	return b
}

func makeRootfs(t testing.TB, rootfs string) {
	t.Helper()
	for _, d := range []string{"bin", "etc", "proc", "dev", "sys", "tmp", "root"} {
		if err := os.MkdirAll(filepath.Join(rootfs, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is missing: install busybox-static")
	}
	raw, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(rootfs, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("bin/busybox", string(raw), 0o755)
	for _, name := range []string{"sh", "cat", "echo", "sleep", "true", "id", "kill", "setsid"} {
		if err := os.Symlink("busybox", filepath.Join(rootfs, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:7:8::/:/bin/sh\n", 0o644)
	write("etc/group", "root:x:0:\nusers:x:100:bob\n", 0o644)
	write("not-executable", "#!/bin/sh\n", 0o644)
}

// needContainers skips where the kernel gives this user no namespaces.
func needContainers(t testing.TB) {
	t.Helper()
	flags := uintptr(unix.CLONE_NEWNS)
	if os.Geteuid() != 0 {
		flags |= unix.CLONE_NEWUSER
	}
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
	if err := cmd.Run(); err != nil {
		t.Skipf("mount and user namespaces are missing: %v", err)
	}
}

// script is a configuration that runs a shell script.
func (b *box) script(text string) *specs.Spec { return b.spec("sh", "-c", text) }

func (b *box) spec(args ...string) *specs.Spec {
	all := []string{"CAP_KILL", "CAP_SETUID", "CAP_SETGID"}
	return &specs.Spec{
		Version: "1.3.0",
		Root:    &specs.Root{Path: b.rootfs},
		Process: &specs.Process{
			Args: args, Cwd: "/", Env: []string{"PATH=/bin", "MARK=" + ownMark()},
			Capabilities: &specs.LinuxCapabilities{Bounding: all, Effective: all, Permitted: all},
			Rlimits:      []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}},
		},
		Hostname: "box",
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance", "ptmxmode=0666"}},
			{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=1777"}},
		},
		Linux: &specs.Linux{
			Namespaces:    namespaces(specs.PIDNamespace, specs.MountNamespace, specs.IPCNamespace, specs.UTSNamespace),
			MaskedPaths:   []string{"/proc/kcore", "/proc/acpi"},
			ReadonlyPaths: []string{"/proc/sys"},
			CgroupsPath:   unitCgroup(),
		},
	}
}

var cgroupSerial atomic.Int64

// unitCgroup is one that no other run of these tests makes at the same time; an ordinary user's containers have none.
func unitCgroup() string {
	if os.Geteuid() != 0 {
		return ""
	}
	return fmt.Sprintf("/roost-unit-%d-%d", os.Getpid(), cgroupSerial.Add(1))
}

// cgroupsLeft are those of this run's containers. What was killed a moment ago may be in them for a moment; an empty one that is nobody's stays.
func cgroupsLeft() []string {
	left, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/roost-unit-%d-*", os.Getpid()))
	more, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/unified/roost-unit-%d-*", os.Getpid()))
	return append(left, more...)
}

func namespaces(types ...specs.LinuxNamespaceType) (list []specs.LinuxNamespace) {
	for _, t := range types {
		list = append(list, specs.LinuxNamespace{Type: t})
	}
	return list
}

// options has the witness in the container.
func (b *box) options(s *specs.Spec) CreateOptions {
	return CreateOptions{Spec: s, ExtraFiles: []*os.File{b.w}}
}

// run starts a container that is destroyed when the test ends.
func (b *box) run(id string, s *specs.Spec) (*Container, *Process) {
	b.t.Helper()
	c, p, err := b.store.Run(context.Background(), id, b.options(s))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.destroy(c, p) })
	return c, p
}

func (b *box) create(id string, s *specs.Spec) (*Container, *Process) {
	b.t.Helper()
	c, p, err := b.store.Create(context.Background(), id, b.options(s))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.destroy(c, p) })
	return c, p
}

func (b *box) destroy(c *Container, p *Process) {
	if err := c.Destroy(context.Background(), true); err != nil && !errors.Is(err, ErrNotExist) {
		b.t.Error(err)
	}
	_, _ = p.Wait(context.Background())
}

// wait is the status of a process that is to end by itself.
func (b *box) wait(p *Process) int {
	b.t.Helper()
	status, err := p.Wait(context.Background())
	if err != nil || status.Unknown {
		b.t.Fatal(status, err)
	}
	return status.Code
}

// nothingLeft fails the test unless all processes that had the witness have ended and the store is empty.
func (b *box) nothingLeft(when string) {
	b.t.Helper()
	b.w.Close()
	_ = b.r.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := b.r.Read(make([]byte, 1)); err != io.EOF {
		b.t.Fatalf("%s: a process was left behind (%v)", when, err)
	}
	b.r.Close()
	var err error
	if b.r, b.w, err = os.Pipe(); err != nil {
		b.t.Fatal(err)
	}
	entries, err := os.ReadDir(b.store.root)
	if err != nil || len(entries) > 0 {
		b.t.Fatalf("%s: left in the state root: %v, %v", when, entries, err)
	}
	if left := cgroupsLeft(); len(left) > 0 {
		b.t.Fatalf("%s: a cgroup was left: %q", when, left)
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), b.dir) {
		b.t.Fatalf("%s: a mount was left: %s, %v", when, mounts, err)
	}
	noChildren(b.t, when)
}

// noChildren fails the test when this process has a child left, running or not. It asks without reaping. The helpers that write
// id maps are given a moment: a launch that fails early does not wait for them.
func noChildren(t testing.TB, when string) {
	t.Helper()
	var err error
	for range 500 {
		if err = unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err == unix.ECHILD {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: a child was left (%v)", when, err)
}

// keepsDescriptors runs f and fails the test if it leaves one open. The second of two rounds is looked at: the first opens what
// is opened once.
func keepsDescriptors(t *testing.T, f func()) {
	t.Helper()
	f()
	before := descriptors()
	f()
	if after := descriptors(); len(after) != len(before) { // the witness is another one by now
		t.Errorf("descriptors before: %v\nafter: %v", before, after)
	}
}

// output is a pipe for a process's standard output, and what comes out of it when all writers have ended.
func output(t testing.TB) (w *os.File, read func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return w, func() string {
		w.Close()
		text, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
}

// until waits for something that happens in another process.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 2000 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("never happened: " + what)
}
