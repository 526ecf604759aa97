package launch

import (
	"errors"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestErrno has a step that fails with EBADF, under each policy.
func TestErrno(t *testing.T) {
	const (
		next   = 10
		there  = 11
		other  = 12
		failed = -1
	)
	for _, c := range []struct {
		name   string
		policy func(r StepRef, there, other Label)
		want   int
	}{
		{"fail", func(StepRef, Label, Label) {}, failed},
		{"ignore any", func(r StepRef, _, _ Label) { r.Ignore() }, next},
		{"ignore this", func(r StepRef, _, _ Label) { r.Ignore(syscall.EBADF) }, next},
		{"ignore one of some", func(r StepRef, _, _ Label) { r.Ignore(syscall.EPERM, syscall.EBADF, syscall.ENOENT) }, next},
		{"ignore another", func(r StepRef, _, _ Label) { r.Ignore(syscall.ENOENT, syscall.EPERM) }, failed},
		{"jump on any", func(r StepRef, there, _ Label) { r.On(there) }, there},
		{"jump on this", func(r StepRef, there, _ Label) { r.On(there, syscall.EBADF) }, there},
		{"jump on another", func(r StepRef, there, _ Label) { r.On(there, syscall.EPERM) }, failed},
		{"the first rule wins", func(r StepRef, there, other Label) { r.On(there, syscall.EBADF).On(other, syscall.EBADF).Ignore() }, there},
		{"a later rule fits", func(r StepRef, there, other Label) { r.On(there, syscall.EPERM, syscall.ENOENT).On(other) }, other},
		{"ignore before jump", func(r StepRef, there, _ Label) { r.Ignore(syscall.EBADF).On(there) }, next},
		{"as many as there can be", func(r StepRef, there, _ Label) { r.On(there, 1, 2, 3, 4, 5, syscall.EBADF) }, there},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, 0, func(b *Builder) {
				l, m := b.Label(), b.Label()
				c.policy(b.Call("sync", unix.SYS_FCHDIR, Const(-1)), l, m)
				b.Stop(next)
				b.Place(l)
				b.Stop(there)
				b.Place(m)
				b.Stop(other)
			})
			child, err := start(t, p)
			if c.want == failed {
				if !errors.Is(err, syscall.EBADF) {
					t.Errorf("%v, not EBADF", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if ws, _ := child.Wait(); ws.ExitStatus() != c.want {
				t.Errorf("went to %d, not %d", ws.ExitStatus(), c.want)
			}
		})
	}
}

// TestErrnoOfOperation: composite operations have the same policies.
func TestErrnoOfOperation(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.MkdirAll("make", Const(-1), "x", 0o700).Ignore(syscall.EBADF)
		b.WriteAll("write", Const(-1), []byte("x")).Ignore()
		there := b.Label()
		b.Verify("verify", Const(-1), IsDirectory, 0).On(there, syscall.EBADF)
		b.Stop(1)
		b.Place(there)
		b.Stop(0)
	})
	if ws := finish(t, p); ws.ExitStatus() != 0 {
		t.Error(ws)
	}
}

func TestSlotAfterErrno(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		fd := b.Slot()
		b.Call("close", unix.SYS_CLOSE, Const(-1)).Out(fd).Ignore()
		// ^0 is no descriptor for close_range, whose last may be anything: first > last is EINVAL.
		there := b.Label()
		b.Call("compare", unix.SYS_CLOSE_RANGE, fd.Arg(), Const(-2), Const(0)).On(there, syscall.EINVAL)
		b.Stop(1)
		b.Place(there)
		stopWith(b, fd.Arg())
	})
	if ws := finish(t, p); ws.ExitStatus() != 255 {
		t.Errorf("the slot is not ^0: %v", ws)
	}
}
