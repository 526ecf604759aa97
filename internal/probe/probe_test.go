package probe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// What roost itself cannot do without is there on whatever these tests run on.
func TestKernel(t *testing.T) {
	before := mountinfo(t)
	for _, f := range Kernel(context.Background(), os.Geteuid() != 0) {
		if f.Needed && f.Answer.Verdict != Yes {
			t.Errorf("%s: %v %v", f.Name, f.Answer.Verdict, f.Answer.Err)
		}
		if (f.Answer.Verdict == Yes) != (f.Answer.Err == nil) || f.Name == "" || f.For == "" {
			t.Errorf("%+v", f)
		}
		t.Log(f.Name, f.Answer.Verdict, f.Answer.Err)
	}
	if after := mountinfo(t); after != before {
		t.Errorf("mounts before:\n%s\nand after:\n%s", before, after)
	}
}

// Nothing that is mounted by a probe is to be seen outside, and nobody is left.
func TestMounts(t *testing.T) {
	before, ctx, user := mountinfo(t), context.Background(), os.Geteuid() != 0
	if err := Try(ctx, Place{User: user}, nil); err != nil {
		t.Skipf("needs user namespaces: %v", err)
	}
	for name, try := range map[string]func(context.Context, bool) error{"tmpfs": Tmpfs, "sysfs": Sysfs, "proc": Proc, "mqueue": Mqueue, "overlay": Overlay} {
		if err := try(ctx, user); err != nil {
			t.Logf("%s: %v", name, err)
			if name == "tmpfs" {
				t.Error("not even a tmpfs")
			}
		}
	}
	if after := mountinfo(t); after != before {
		t.Errorf("mounts before:\n%s\nand after:\n%s", before, after)
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		t.Errorf("a child is left: %d, %v", pid, err)
	}
}

// An ordinary user may mount nothing outside of a user namespace: the refusal names its step.
func TestRefused(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user")
	}
	if err := Tmpfs(context.Background(), false); Errno(err) != unix.EPERM || !isFork(err) {
		t.Error(err)
	}
	if a := TimeNamespace(context.Background(), false); a.Verdict != Unknown || Errno(a.Err) != unix.EPERM {
		t.Error(a)
	}
	err := Try(context.Background(), Place{User: true, New: unix.CLONE_NEWNS}, func(b *launch.Builder) { mount(b, "no-such-file-system") })
	if Errno(err) != unix.ENODEV || !strings.Contains(err.Error(), "no-such-file-system") || isFork(err) {
		t.Error(err)
	}
}

func isFork(err error) bool { return !errors.As(err, new(*launch.Error)) }

func TestMapBySomebodyElse(t *testing.T) {
	refusal := errors.New("not granted")
	if err := Try(context.Background(), Place{User: true, Map: func(int) error { return refusal }}, nil); !errors.Is(err, refusal) {
		t.Error(err)
	}
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Verdict
	}{
		{nil, Yes}, {unix.ENOSYS, No}, {os.NewSyscallError("x", unix.ENOSYS), No}, {unix.EPERM, Unknown},
		{except(unix.EFAULT, unix.EFAULT), Yes}, {except(unix.EPERM, unix.EFAULT), Unknown},
	} {
		if got := missing(c.err); got.Verdict != c.want {
			t.Errorf("%v: %v, want %v", c.err, got.Verdict, c.want)
		}
	}
}

func TestVersion(t *testing.T) {
	dir := t.TempDir()
	for script, want := range map[string]string{
		"echo one 1.0; echo two": "one 1.0", "echo late >&2": "late", "": "", "exit 3": "exit status 3", "kill -9 $$": "signal 9",
		"yes": "", // it can write no more than there is room for
	} {
		path := filepath.Join(dir, "program")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		got, err := Version(context.Background(), path)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", script, got, want)
		}
	}
	if _, err := Version(context.Background(), dir+"/none"); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

func mountinfo(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
