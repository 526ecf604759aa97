package launch

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOutcome is what `start` does: it learns how the execve of another command's child went.
func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		name     string
		patience time.Duration
		f        func(b *Builder)
		want     error
	}{
		{"executes", time.Minute, func(b *Builder) { execute(b, "/bin/true") }, nil},
		{"cannot execute", time.Minute, func(b *Builder) { execute(b, "/none") }, syscall.ENOENT},
		{"fails before", time.Minute, func(b *Builder) { b.Call("fail", unix.SYS_FCHDIR, Const(-1)) }, syscall.EBADF},
		{"ends before", time.Minute, func(b *Builder) { b.Stop(0) }, ErrDied},
		{"stopped", 20 * time.Millisecond, stopItself, ErrDeadline},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "result")
			if err := unix.Mkfifo(name, 0o600); err != nil {
				t.Fatal(err)
			}
			r := open(t, name, os.O_RDONLY|unix.O_NONBLOCK)
			w := open(t, name, os.O_WRONLY)
			p := compile(t, 0, func(b *Builder) {
				b.ReportTo(Const(5))
				b.Call("close the socket", unix.SYS_CLOSE, Const(9))
				c.f(b)
			})
			child, err := start(t, p, File{w, 5, false})
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
			if err := Outcome(int(r.Fd()), child.Pidfd(), c.patience); !errors.Is(err, c.want) {
				t.Errorf("%v, not %v", err, c.want)
			}
		})
	}
}

// TestOutcomeHeldOpen: somebody else has the FIFO open for writing, so it never hangs up. The pidfd tells.
func TestOutcomeHeldOpen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "result")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	r, w := open(t, name, os.O_RDONLY|unix.O_NONBLOCK), open(t, name, os.O_WRONLY)
	child, err := start(t, compile(t, 0, func(b *Builder) { b.Stop(0) }), File{w, 5, false})
	if err != nil {
		t.Fatal(err)
	}
	if err := Outcome(int(r.Fd()), child.Pidfd(), time.Minute); err != ErrDied {
		t.Error(err)
	}
}

func TestNotes(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Note("give up", 3)
		b.Fork("fork", unix.CLONE_PARENT)
		b.Note("give up", 1)
		b.Sync("sync", 0, nil, Arg{}, 0, nil)
		b.Note("give up", 4)
		execute(b, "/bin/true")
	})
	c, err := start(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Notes(), []int{3, 1, 4}) {
		t.Error(c.Notes())
	}
}

func TestJumpIf(t *testing.T) {
	for fd, want := range map[int]int{-1: 1, 0: 2} {
		p := compile(t, 0, func(b *Builder) {
			s, failed := b.Slot(), b.Label()
			b.Call("try", unix.SYS_FCNTL, Const(fd), Const(unix.F_GETFD)).Out(s).Ignore(syscall.EBADF)
			b.JumpIf(s, failed)
			b.Stop(2)
			b.Place(failed)
			b.Stop(1)
		})
		if ws := finish(t, p, File{open(t, "/dev/null", 0), 0, true}); ws.ExitStatus() != want {
			t.Errorf("%v, not %d", ws, want)
		}
	}
}

// TestAddress: a system call writes an int into a slot.
func TestAddress(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		s := b.Slot()
		b.Call("read", unix.SYS_READ, Const(0), s.Address(), Const(4))
		stopWith(b, s.Arg())
	})
	r, w := pipe(t)
	if _, err := w.Write(binary.NativeEndian.AppendUint32(nil, 42)); err != nil {
		t.Fatal(err)
	}
	if ws := finish(t, p, File{r, 0, false}); ws.ExitStatus() != 42 {
		t.Error(ws)
	}
}
