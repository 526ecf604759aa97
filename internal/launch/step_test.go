package launch

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCallKeepsItsResult(t *testing.T) {
	dir := t.TempDir()
	var name string
	p := compile(t, 0, func(b *Builder) {
		fd := b.Slot()
		b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(dir), Const(unix.O_PATH|unix.O_CLOEXEC)).Out(fd)
		b.Sync("show", 0, []Slot{fd}, Arg{}, 0, func(_ *Child, files []*os.File) ([]byte, error) {
			name, _ = os.Readlink("/proc/self/fd/" + number(uint64(files[0].Fd())))
			closeAll(files)
			return nil, nil
		})
		b.Stop(0)
	})
	if ws := finish(t, p); ws.ExitStatus() != 0 || name != dir {
		t.Errorf("status %d, the slot is %q, not %q", ws.ExitStatus(), name, dir)
	}
}

func TestStopStatus(t *testing.T) {
	for _, want := range []int{0, 1, 7, 255} {
		if ws := finish(t, compile(t, 0, func(b *Builder) { b.Stop(want) })); !ws.Exited() || ws.ExitStatus() != want {
			t.Errorf("%v, not exit status %d", ws, want)
		}
	}
}

func TestEndWithoutStop(t *testing.T) {
	p := compile(t, 0, func(b *Builder) { b.Call("umask", unix.SYS_UMASK, Const(0)) })
	if ws := finish(t, p); ws.ExitStatus() != 255 {
		t.Errorf("a program that just ends: %v", ws)
	}
}

// TestJump closes three descriptors from the same step, over and over, and leaves by the errno.
func TestJump(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		var last Slot
		for range 3 {
			last = b.Slot()
			b.Call("dup", unix.SYS_FCNTL, Const(0), Const(unix.F_DUPFD_CLOEXEC), Const(20)).Out(last)
		}
		ahead, out := b.Label(), b.Label()
		b.Jump(ahead)
		b.Stop(1) // jumped over
		again := b.Here()
		b.Call("close", unix.SYS_CLOSE_RANGE, Const(20), Const(30), Const(0))
		b.Call("is it open", unix.SYS_FCNTL, last.Arg(), Const(unix.F_GETFD)).On(out, syscall.EBADF)
		b.Stop(2) // still open
		b.Place(ahead)
		b.Jump(again)
		b.Place(out)
		b.Stop(42)
	})
	if ws := finish(t, p, File{open(t, "/dev/null", 0), 0, true}); ws.ExitStatus() != 42 {
		t.Error(ws)
	}
}

func TestSync(t *testing.T) {
	for _, files := range []int{0, 1, MaxFiles} {
		t.Run(number(uint64(files)), func(t *testing.T) { testSync(t, files) })
	}
}

func testSync(t *testing.T, count int) {
	names := []string{"/", "/dev/null", "/proc", "/dev"}[:count]
	const reply = "from the parent"
	var got []string
	p := compile(t, 0, func(b *Builder) {
		var slots []Slot
		for i, n := range names {
			if i == 1 && count < MaxFiles {
				break
			}
			s := b.Slot()
			slots = append(slots, s)
			b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(n), Const(unix.O_PATH|unix.O_CLOEXEC)).Out(s)
		}
		space := b.Scratch(64)
		b.Sync("exchange", 0, slots, space, 64, func(c *Child, files []*os.File) ([]byte, error) {
			for _, f := range files {
				to, _ := os.Readlink("/proc/self/fd/" + number(uint64(f.Fd())))
				got = append(got, to)
			}
			closeAll(files)
			return []byte(reply), nil
		})
		b.Call("say", unix.SYS_WRITE, Const(1), space, Const(len(reply)+1))
		b.Stop(0)
	})
	text, _ := output(t, p)
	if text != reply+"\x00" {
		t.Errorf("the reply in the child is %q", text)
	}
	if !slices.Equal(got, names) {
		t.Errorf("the child sent %q, not %q", got, names)
	}
}

// TestSyncWithoutAFile: a slot whose step failed, and was let, holds no descriptor. The rest keep their order.
func TestSyncWithoutAFile(t *testing.T) {
	count := -1
	p := compile(t, 0, func(b *Builder) {
		slots := make([]Slot, 3)
		for i, n := range []string{"/", "/there is no such file", "/dev"} {
			slots[i] = b.Slot()
			b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(n), Const(unix.O_PATH)).Out(slots[i]).Ignore(syscall.ENOENT)
		}
		b.Sync("send", 0, slots, Arg{}, 0, func(_ *Child, files []*os.File) ([]byte, error) {
			count = len(files)
			closeAll(files)
			return nil, nil
		})
		b.Sync("none", 0, slots[1:2], Arg{}, 0, func(_ *Child, files []*os.File) ([]byte, error) {
			count = 10*count + len(files)
			return nil, nil
		})
		b.Stop(0)
	})
	finish(t, p)
	if count != 20 {
		t.Errorf("received %d, not 2 descriptors and then 0", count)
	}
}

// TestSyncWithoutAction goes on, and lets go of what was sent.
func TestSyncWithoutAction(t *testing.T) {
	before := len(descriptors())
	p := compile(t, 0, func(b *Builder) {
		fd := b.Slot()
		b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/"), Const(unix.O_PATH)).Out(fd)
		b.Sync("pass", 0, []Slot{fd}, Arg{}, 0, nil)
		b.Stop(3)
	})
	if ws := finish(t, p); ws.ExitStatus() != 3 {
		t.Error(ws)
	}
	if after := len(descriptors()); after > before+1 { // the pidfd
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestSyncReplyTooLong(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Sync("map ids", 0, nil, b.Scratch(8), 8, func(*Child, []*os.File) ([]byte, error) { return make([]byte, 9), nil })
		b.Stop(0)
	})
	if _, err := start(t, p); err == nil || !strings.Contains(err.Error(), "map ids: a reply of 9 bytes, where there is space for 8") {
		t.Error(err)
	}
}

// TestReportTo: messages go to a pipe from there on, and Drive ends when the socket does.
func TestReportTo(t *testing.T) {
	r, w := pipe(t)
	p := compile(t, 0, func(b *Builder) {
		b.ReportTo(Const(5))
		b.Call("close the socket", unix.SYS_CLOSE, Const(9))
		b.ExecNext()
		b.Call("execute", unix.SYS_EXECVE, b.String("/there is no such file"), Const(0), Const(0)).Remedy("look elsewhere")
	})
	c, err := start(t, p, File{w, 5, false})
	if err != nil {
		t.Fatal(err)
	}
	if ws, _ := c.Wait(); ws.ExitStatus() != 255 {
		t.Error(ws)
	}
	said := make([]byte, 10*messageSize)
	n, _ := r.Read(said)
	next, failed := messageAt(said, 0), messageAt(said, 1)
	if n != 2*messageSize || next.kind != msgExec || failed.kind != msgFailed || failed.errno != uint32(syscall.ENOENT) || failed.step != 3 {
		t.Errorf("%d bytes: %+v, %+v", n, next, failed)
	}
}

func TestSpawn(t *testing.T) {
	r, w := pipe(t)
	p := compile(t, 0, func(b *Builder) {
		pid, status, parent := b.Slot(), b.Slot(), b.Label()
		b.Spawn("fork", 0, pid, parent)
		b.WriteAll("child", Const(1), []byte("child"))
		stopWith(b, pid.Arg()) // 0
		b.Place(parent)
		b.Wait("wait for it", pid.Arg(), DefaultDeadline).Out(status)
		b.WriteAll("parent", Const(1), []byte(" parent"))
		stopWith(b, status.Arg())
	})
	ws := finish(t, p, File{w, 1, false})
	w.Close()
	text := make([]byte, 100)
	n, _ := r.Read(text)
	if string(text[:n]) != "child parent" || ws.ExitStatus() != 0 {
		t.Errorf("%q, %v", text[:n], ws)
	}
}

// TestForkErrno: errnos of a fork have rules like those of any call.
func TestForkErrno(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		refused, parent := b.Label(), b.Label()
		b.Spawn("fork", unix.CLONE_NEWNS|unix.CLONE_FS, b.Slot(), parent).On(refused, syscall.EINVAL)
		b.Stop(1)
		b.Place(parent)
		b.Stop(2)
		b.Place(refused)
		b.Stop(3)
	})
	if ws := finish(t, p); ws.ExitStatus() != 3 {
		t.Error(ws)
	}
}

// TestFork: the second process is the one that counts, and is a child of ours.
func TestFork(t *testing.T) {
	var first, second int
	p := compile(t, 0, func(b *Builder) {
		b.Sync("before", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) { first = c.Pid(); return nil, nil })
		b.Fork("again", unix.CLONE_PARENT)
		b.Sync("after", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) { second = c.Pid(); return nil, nil })
		execute(b, "/bin/sh", "-c", "echo $$ $PPID; exit 7")
	})
	text, ws := output(t, p)
	if want := number10(second) + " " + number10(os.Getpid()) + "\n"; text != want || first == second || ws.ExitStatus() != 7 {
		t.Errorf("first %d; the second says %q, not %q, and ends with %v", first, text, want, ws)
	}
	if err := syscall.Kill(first, 0); err != syscall.ESRCH {
		t.Errorf("the first process is still there: %v", err)
	}
}

func TestForkWithoutCloneParent(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Fork("again", 0)
		b.ExecNext()
		b.Stop(0)
	})
	c, err := start(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(); err != syscall.ECHILD {
		t.Errorf("a grandchild was waited for: %v", err)
	}
}
