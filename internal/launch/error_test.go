package launch

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestError(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Call("find ourselves", unix.SYS_UMASK, Const(0))
		b.Call("open rootfs /none", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/none"), Const(0)).
			Path("/none").Remedy("unpack an image there")
	})
	_, err := start(t, p)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%#v", err)
	}
	if e.Index != 1 || e.Label != "open rootfs /none" || e.Path != "/none" || e.Remedy != "unpack an image there" || e.Errno != syscall.ENOENT {
		t.Errorf("%+v", e)
	}
	if !errors.Is(err, syscall.ENOENT) || !errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.EPERM) {
		t.Error("it does not wrap its errno")
	}
	if want := "open rootfs /none: no such file or directory; unpack an image there"; err.Error() != want {
		t.Errorf("%q, not %q", err, want)
	}
}

// TestErrorOfEachProcess: the one that fails tells, before a fork, after it, and at the execve.
func TestErrorOfEachProcess(t *testing.T) {
	fail := func(b *Builder) { b.Call("fail", unix.SYS_CLOSE, Const(-1)) }
	for name, f := range map[string]func(b *Builder){
		"before the fork": func(b *Builder) { fail(b); b.Fork("fork", unix.CLONE_PARENT) },
		"after the fork":  func(b *Builder) { b.Fork("fork", unix.CLONE_PARENT); fail(b) },
		"after a sync point": func(b *Builder) {
			b.Sync("before", 0, nil, Arg{}, 0, nil)
			b.Fork("fork", unix.CLONE_PARENT)
			b.Sync("after", 0, nil, Arg{}, 0, nil)
			fail(b)
		},
		"in a spawned one": func(b *Builder) {
			l := b.Label()
			b.Spawn("branch", 0, b.Slot(), l)
			fail(b)
			b.Place(l)
			b.Reap("wait", Const(1<<30))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := start(t, compile(t, 0, f))
			var e *Error
			if !errors.As(err, &e) || e.Label != "fail" || e.Errno != syscall.EBADF {
				t.Errorf("%v", err)
			}
			if ws, err := c.Wait(); err != nil {
				t.Errorf("%v, %v", ws, err)
			}
		})
	}
	p := compile(t, 0, func(b *Builder) { execute(b, "/none") })
	if _, err := start(t, p); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("execve: %v", err)
	}
}

// TestForkFails: what clone3 refuses in the child is a step's error.
func TestForkFails(t *testing.T) {
	p := compile(t, 0, func(b *Builder) { b.Fork("fork", unix.CLONE_NEWNS|unix.CLONE_FS); b.Stop(0) })
	var e *Error
	if _, err := start(t, p); !errors.As(err, &e) || e.Label != "fork" || e.Errno != syscall.EINVAL {
		t.Errorf("%v", err)
	}
}

func TestActionFails(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Sync("map ids", 0, nil, Arg{}, 0, func(*Child, []*os.File) ([]byte, error) { return nil, io.ErrUnexpectedEOF })
		b.Stop(0)
	})
	c, err := start(t, p)
	if err != io.ErrUnexpectedEOF {
		t.Errorf("%v is not the action's own error", err)
	}
	if ws, err := c.Wait(); err != nil || ws == 0 {
		t.Errorf("%v, %v: the child went on", ws, err)
	}
}
