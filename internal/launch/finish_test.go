package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// finishing compiles a program that runs a script beside itself, and ends with 42 when that ended well.
func finishing(t *testing.T, deadline time.Duration, script string) *Program {
	t.Helper()
	return compile(t, 0, func(b *Builder) {
		pid, parent := b.Slot(), b.Label()
		b.About(7)
		b.Spawn("fork", 0, pid, parent)
		b.Call("lead a group", unix.SYS_SETPGID, Const(0), Const(0))
		b.Call("close the rest", unix.SYS_CLOSE_RANGE, Const(3), Const(uint64(1<<32-1)), Const(unix.CLOSE_RANGE_CLOEXEC))
		args := []Arg{b.String("/bin/sh"), b.String("-c"), b.String(script)}
		b.Call("execute", unix.SYS_EXECVE, args[0], b.Pointers(args), b.Pointers([]Arg{b.String("PATH=/bin:/usr/bin")}))
		b.Place(parent)
		b.Finish("finish", pid.Arg(), deadline)
		b.About(0)
		b.Sync("after", -1, nil, Arg{}, 0, nil)
		b.Stop(42)
	})
}

func TestFinish(t *testing.T) {
	for _, c := range []struct {
		name, script string
		deadline     time.Duration
		want         Error
	}{
		{"ends well", "exit 0", 0, Error{}},
		{"in time", "exit 0", time.Minute, Error{}},
		{"fails", "exit 3", 0, Error{Status: 3 << 8}},
		{"is killed", "kill -9 $$", time.Minute, Error{Status: 9}},
		{"dumps", "ulimit -c 0; kill -ABRT $$", time.Minute, Error{Status: 6}},
		{"hangs", "exec sleep 1000", 50 * time.Millisecond, Error{Errno: syscall.ETIMEDOUT}},
		{"hangs and is deaf", "trap '' TERM INT HUP; while :; do sleep 1000; done", 50 * time.Millisecond, Error{Errno: syscall.ETIMEDOUT}},
		{"is stopped", "kill -STOP $$", 50 * time.Millisecond, Error{Errno: syscall.ETIMEDOUT}},
	} {
		t.Run(c.name, func(t *testing.T) {
			child, err := start(t, finishing(t, c.deadline, c.script), File{open(t, "/dev/null", os.O_RDWR), 0, true})
			if c.want == (Error{}) {
				if err != nil {
					t.Fatal(err)
				}
				if ws, err := child.Wait(); err != nil || ws.ExitStatus() != 42 {
					t.Error(ws, err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Errno != c.want.Errno || e.Status != c.want.Status || e.About != 7 || e.Label != "finish" {
				t.Errorf("%#v", e)
			}
		})
	}
}

// TestFinishEndsTheGroup: what the child made in its group goes with it at the deadline.
func TestFinishEndsTheGroup(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	p := finishing(t, 200*time.Millisecond, fmt.Sprintf("sleep 1000 >%s & sleep 1000", name))
	r := open(t, name, os.O_RDONLY|unix.O_NONBLOCK)
	if _, err := start(t, p, File{open(t, "/dev/null", os.O_RDWR), 0, true}); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Fatal(err)
	}
	_ = r.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, err := r.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it goes on: %v", err)
	}
}

// TestFinishWithoutALauncher: whoever made us is gone, so what we wait for is ended, and so are we.
func TestFinishWithoutALauncher(t *testing.T) {
	c, err := Start(finishing(t, 0, "exec sleep 1000"), Options{Files: []File{{open(t, "/dev/null", os.O_RDWR), 0, true}}})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // any moment will do
	unix.Close(c.conn)
	if ws, err := c.Wait(); err != nil || ws.ExitStatus() != 255 {
		t.Error(ws, err)
	}
	c.Close()
}

// TestAbout: a failure carries the number that was set last, also that of a child, also to who did not start the program.
func TestAbout(t *testing.T) {
	for _, about := range []int{0, 1, 1 << 20} {
		p := compile(t, 0, func(b *Builder) {
			b.About(5)
			b.About(about)
			pid, parent := b.Slot(), b.Label()
			b.Spawn("fork", 0, pid, parent)
			b.Call("fail", unix.SYS_FCHDIR, Const(-1))
			b.Place(parent)
			b.Finish("finish", pid.Arg(), 0)
		})
		var e *Error
		if _, err := start(t, p); !errors.As(err, &e) || e.About != about || e.Errno != syscall.EBADF || e.Label != "fail" {
			t.Errorf("%#v", e)
		}
	}
	name := filepath.Join(t.TempDir(), "result")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	r, w := open(t, name, os.O_RDONLY|unix.O_NONBLOCK), open(t, name, os.O_RDWR)
	child, err := start(t, compile(t, 0, func(b *Builder) {
		b.ReportTo(Const(5))
		b.Call("close the socket", unix.SYS_CLOSE, Const(9))
		b.About(3)
		pid, parent := b.Slot(), b.Label()
		b.Spawn("fork", 0, pid, parent)
		b.Stop(4)
		b.Place(parent)
		b.Finish("finish", pid.Arg(), 0)
	}), File{w, 5, false})
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := Outcome(int(r.Fd()), child.Pidfd(), -1); !errors.As(err, &e) || e.About != 3 || e.Status != 4<<8 || e.Errno != 0 {
		t.Errorf("%#v", e)
	}
	if !strings.HasSuffix(e.Error(), ": exit status 4") || errors.Unwrap(e) != nil {
		t.Error(e)
	}
}

// TestRest: the patience after the last sync point is the program's own, where it says so.
func TestRest(t *testing.T) {
	for rest, want := range map[time.Duration]error{20 * time.Millisecond: ErrDeadline, -1: nil} {
		p := compile(t, 0, func(b *Builder) {
			b.Rest = rest
			b.Sync("sync", 50*time.Millisecond, nil, Arg{}, 0, nil)
			b.Call("pause", unix.SYS_PPOLL, Const(0), Const(0), b.Data(bytesOf(&syscall.Timespec{Nsec: 200e6})), Const(0), Const(8))
			execute(b, "/bin/true")
		})
		if _, err := start(t, p); !errors.Is(err, want) {
			t.Errorf("rest %v: %v", rest, err)
		}
	}
}

// bytesOf is a structure as the kernel here has it.
func bytesOf[T any](p *T) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p)) }
