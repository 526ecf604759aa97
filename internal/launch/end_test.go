package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// witness is a pipe whose write end a child has, and all that come from it: it ends with the last of them.
type witness struct{ r, w *os.File }

func newWitness(t testing.TB) witness {
	r, w := pipe(t)
	return witness{r, w}
}

const witnessFD = 8

func (w witness) file() File { return File{w.w, witnessFD, true} }

// gone fails the test unless every process that had the witness has ended. The time is for a kill to take effect.
func (w witness) gone(t testing.TB) {
	t.Helper()
	w.w.Close()
	_ = w.r.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, err := w.r.Read(make([]byte, 1)); err != io.EOF {
		t.Fatalf("a process was left behind (%d, %v)", n, err)
	}
	w.r.Close()
}

// noChildren fails the test when this process has a child left, running or not.
func noChildren(t testing.TB) {
	t.Helper()
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		t.Fatalf("a child was left (pid %d, %v)", pid, err)
	}
}

// container is a program of the shape that real ones have: namespaces, an id map that the parent writes, mounts, a walk, a
// hook, and a second process in a pid namespace, which executes.
func container(b *Builder, dir string) {
	fs, mount, at, root, pid := b.Slot(), b.Slot(), b.Slot(), b.Slot(), b.Slot()
	b.Flags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	b.Sync("map ids", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) { return nil, mapSelf(c.Pid()) })
	b.Call("private mounts", unix.SYS_MOUNT, Const(0), b.String("/"), Const(0), Const(unix.MS_REC|unix.MS_PRIVATE), Const(0))
	b.Call("new tmpfs", unix.SYS_FSOPEN, b.String("tmpfs"), Const(unix.FSOPEN_CLOEXEC)).Out(fs)
	b.Call("name it", unix.SYS_FSCONFIG, fs.Arg(), Const(unix.FSCONFIG_SET_STRING), b.String("source"), b.String(mountMark), Const(0))
	b.Call("make it", unix.SYS_FSCONFIG, fs.Arg(), Const(unix.FSCONFIG_CMD_CREATE), Const(0), Const(0), Const(0))
	b.Call("mount it", unix.SYS_FSMOUNT, fs.Arg(), Const(unix.FSMOUNT_CLOEXEC), Const(0)).Out(mount)
	b.Call("open rootfs", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(dir), Const(unix.O_PATH|unix.O_CLOEXEC)).Out(root)
	b.Target("make mount point", root.Arg(), "mnt", mount.Arg()).Out(at)
	b.Call("attach it", unix.SYS_MOVE_MOUNT, mount.Arg(), b.String(""), at.Arg(), b.String(""),
		Const(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
	b.Verify("is it tmpfs", mount.Arg(), OnFilesystem, unix.TMPFS_MAGIC)
	b.MkdirAll("make a directory", mount.Arg(), "a/b", 0o755)
	hooked := b.Label()
	b.Spawn("run hook", 0, pid, hooked)
	execute(b, "/bin/true")
	b.Place(hooked)
	b.Wait("await hook", pid.Arg(), time.Minute)
	b.Call("new pid namespace", unix.SYS_UNSHARE, Const(unix.CLONE_NEWPID))
	b.Fork("fork", unix.CLONE_PARENT)
	b.Sync("ready", 0, []Slot{mount}, b.Scratch(8), 8, func(_ *Child, files []*os.File) ([]byte, error) {
		closeAll(files)
		return []byte("go"), nil
	})
	b.Find("find true", []string{"/none", "/bin/true"})
	execute(b, "/bin/true")
}

// mapSelf maps the ids of the caller, and no others, in the user namespace of pid.
func mapSelf(pid int) error {
	for _, f := range [][2]string{{"setgroups", "deny"}, {"uid_map", fmt.Sprintf("0 %d 1", os.Getuid())}, {"gid_map", fmt.Sprintf("0 %d 1", os.Getgid())}} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, f[0]), []byte(f[1]), 0); err != nil {
			return err
		}
	}
	return nil
}

// TestContainer is the one that is stopped below, going through.
func TestContainer(t *testing.T) {
	if ws := finish(t, compile(t, 0, func(b *Builder) { container(b, t.TempDir()) })); ws.ExitStatus() != 0 {
		t.Error(ws)
	}
}

// TestStopAtEveryStep: whatever process it is that ends there, Drive and Wait return, and nothing is left.
func TestStopAtEveryStep(t *testing.T) {
	p := compile(t, 0, func(b *Builder) { container(b, t.TempDir()) })
	failures := 0
	for i := 1; i < len(p.Steps); i++ {
		w := newWitness(t)
		before := len(descriptors())
		c, err := Start(p, Options{Files: []File{w.file()}, StopAt: i})
		if err != nil {
			skipWithoutNamespaces(t, p, err)
			t.Fatal(err)
		}
		err = c.Drive(t.Context())
		var step *Error
		if errors.As(err, &step) {
			t.Errorf("stopped before step %d (%s): %v", i, p.Steps[i].Label, err)
		}
		if err != nil {
			failures++
		}
		if _, werr := c.Wait(); werr != nil {
			t.Errorf("stopped before step %d: wait: %v", i, werr)
		}
		c.Close()
		w.gone(t)
		noChildren(t)
		if after := len(descriptors()); after != before-2 { // the witness
			t.Errorf("stopped before step %d: %d descriptors before, %d after", i, before, after)
		}
	}
	if failures < len(p.Steps)/2 {
		t.Errorf("only %d of %d stops were noticed", failures, len(p.Steps)-1)
	}
}

// TestFirstDiesBeforeItTells: the second process is known by the first thing it says.
func TestFirstDiesBeforeItTells(t *testing.T) {
	for _, ending := range []struct {
		name string
		f    func(b *Builder)
		want error
	}{
		{"executes", func(b *Builder) { execute(b, "/bin/true") }, nil},
		{"fails", func(b *Builder) { b.Call("close", unix.SYS_CLOSE, Const(-1)) }, syscall.EBADF},
		{"syncs", func(b *Builder) { b.Sync("sync", 0, nil, Arg{}, 0, nil); b.Stop(0) }, nil},
		{"is refused", func(b *Builder) {
			b.Sync("sync", 0, nil, Arg{}, 0, func(*Child, []*os.File) ([]byte, error) { return nil, io.ErrShortWrite })
			b.Stop(0)
		}, io.ErrShortWrite},
	} {
		t.Run(ending.name, func(t *testing.T) {
			p := compile(t, 0, func(b *Builder) {
				b.Fork("fork", unix.CLONE_PARENT)
				ending.f(b)
			})
			w := newWitness(t)
			c, err := Start(p, Options{Files: []File{w.file()}, StopAt: 2}) // 0 is the fork, 1 a jump of the second
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Drive(t.Context()); !errors.Is(err, ending.want) {
				t.Errorf("%v, not %v", err, ending.want)
			}
			_, _ = c.Wait()
			c.Close()
			w.gone(t)
			noChildren(t)
		})
	}
}

// stopItself is SIGSTOP, as somebody else would send it.
func stopItself(b *Builder) {
	pid := b.Slot()
	b.Call("who", unix.SYS_GETPID).Out(pid)
	b.Call("stop", unix.SYS_KILL, pid.Arg(), Const(syscall.SIGSTOP))
}

func TestStoppedChildEndsByTheDeadline(t *testing.T) {
	const patience = 30 * time.Millisecond
	for _, c := range []struct {
		name string
		f    func(b *Builder)
	}{
		{"alone", func(b *Builder) { stopItself(b) }},
		{"after a sync point", func(b *Builder) { b.Sync("first", 0, nil, Arg{}, 0, nil); stopItself(b) }},
		{"before a fork", func(b *Builder) { stopItself(b); b.Fork("fork", unix.CLONE_PARENT) }},
		{"after a fork", func(b *Builder) { b.Fork("fork", unix.CLONE_PARENT); stopItself(b) }},
		{"after a fork and a sync point", func(b *Builder) {
			b.Fork("fork", unix.CLONE_PARENT)
			b.Sync("first", 0, nil, Arg{}, 0, nil)
			stopItself(b)
		}},
		{"a joiner between its fork and its word", func(b *Builder) {
			parent, child := b.Label(), b.Label()
			b.Spawn("fork", unix.CLONE_PARENT, b.Slot(), parent)
			b.Jump(child)
			b.Place(parent)
			stopItself(b)
			b.Stop(0)
			b.Place(child)
			b.forks = true
			b.Sync("first", 0, nil, Arg{}, 0, nil)
			stopItself(b)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, 0, func(b *Builder) {
				c.f(b)
				b.Sync("last", patience, nil, Arg{}, 0, nil)
				execute(b, "/bin/true")
			})
			w := newWitness(t)
			child, err := Start(p, Options{Files: []File{w.file()}})
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Drive(t.Context()); !errors.Is(err, ErrDeadline) {
				t.Errorf("%v", err)
			}
			child.Close()
			w.gone(t)
			noChildren(t)
		})
	}
}

// TestCancel ends the context at each sync point, and at any time.
func TestCancel(t *testing.T) {
	cause := errors.New("enough")
	for point := range 2 {
		ctx, cancel := context.WithCancelCause(context.Background())
		p := compile(t, 0, func(b *Builder) {
			act := func(n int) Action {
				return func(*Child, []*os.File) ([]byte, error) {
					if n == point {
						cancel(cause)
					}
					return nil, nil
				}
			}
			b.Sync("before", 0, nil, Arg{}, 0, act(0))
			b.Fork("fork", unix.CLONE_PARENT)
			b.Sync("after", 0, nil, Arg{}, 0, act(1))
			execute(b, "/bin/sleep", "1000")
		})
		endsWith(t, p, ctx, cause)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	endsWith(t, compile(t, 0, func(b *Builder) { execute(b, "/bin/sleep", "1000") }), ctx, cause)
}

func endsWith(t *testing.T, p *Program, ctx context.Context, want error) {
	t.Helper()
	w := newWitness(t)
	c, err := Start(p, Options{Files: []File{w.file()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Drive(ctx); !errors.Is(err, want) {
		t.Errorf("%v, not %v", err, want)
	}
	c.Close()
	w.gone(t)
	noChildren(t)
}

// TestCancelAnyTime has the moments that no step has: around the fork above all.
func TestCancelAnyTime(t *testing.T) {
	rounds := 500
	if testing.Short() {
		rounds = 100
	}
	before := len(descriptors())
	p := compile(t, 0, func(b *Builder) {
		b.Fork("fork", unix.CLONE_PARENT)
		execute(b, "/bin/true")
	})
	cancelled := 0
	for i := range rounds {
		c, err := Start(p, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i%100)*10*time.Microsecond)
		switch err := c.Drive(ctx); {
		case errors.Is(err, context.DeadlineExceeded):
			cancelled++
		case err != nil:
			t.Fatal(err)
		}
		cancel()
		if _, err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		c.Close()
		noChildren(t)
	}
	t.Logf("%d of %d were cancelled", cancelled, rounds)
	if after := len(descriptors()); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestCancelWhileStopped: a child that does not listen.
func TestCancelWhileStopped(t *testing.T) {
	for _, fork := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		endsWith(t, compile(t, 0, func(b *Builder) {
			stopItself(b)
			if fork {
				b.Fork("fork", unix.CLONE_PARENT)
			}
			execute(b, "/bin/true")
		}), ctx, context.DeadlineExceeded)
		cancel()
	}
}

// TestKilledChild: somebody else's SIGKILL, at a sync point and between them.
func TestKilledChild(t *testing.T) {
	for _, fork := range []bool{false, true} {
		p := compile(t, 0, func(b *Builder) {
			if fork {
				b.Fork("fork", unix.CLONE_PARENT)
			}
			b.Sync("die", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
				return nil, syscall.Kill(c.Pid(), syscall.SIGKILL)
			})
			execute(b, "/bin/true")
		})
		w := newWitness(t)
		c, err := Start(p, Options{Files: []File{w.file()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Drive(t.Context()); !errors.Is(err, ErrDied) || !strings.Contains(err.Error(), "killed by signal 9") {
			t.Errorf("%v", err)
		}
		if ws, err := c.Wait(); err != nil || ws.Signal() != syscall.SIGKILL {
			t.Errorf("%v, %v", ws, err)
		}
		if err := c.Signal(syscall.SIGTERM); err != syscall.ESRCH {
			t.Errorf("signal after the end: %v", err)
		}
		c.Close()
		c.Close()
		w.gone(t)
	}
}

// TestDiesBeforeTheExecve, after the last sync point: without ExecNext's word it cannot be taken for a payload that ended.
func TestDiesBeforeTheExecve(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Sync("last", 0, nil, Arg{}, 0, nil)
		b.Stop(0)
		execute(b, "/bin/true")
	})
	if _, err := start(t, p); !errors.Is(err, ErrDied) {
		t.Error(err)
	}
}

// TestParentDies: a child at a sync point has nothing left to be set up for.
func TestParentDies(t *testing.T) {
	r, w := pipe(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"=parent")
	cmd.ExtraFiles = []*os.File{w}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var pids [2]int
	for i := range pids {
		if _, err := fmt.Fscan(out, &pids[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err != nil {
			t.Errorf("pid %d: %v", pid, err)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	_ = r.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a child outlived its parent: %v", err)
	}
}

// playParent launches two programs, one with a fork, and lets both wait at a sync point for ever.
func playParent() int {
	w := os.NewFile(3, filepath.Join("pipe"))
	for _, fork := range []bool{false, true} {
		b := &Builder{StatusFD: 9}
		if fork {
			b.Fork("fork", unix.CLONE_PARENT)
		}
		b.Sync("wait", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
			fmt.Println(c.Pid())
			select {}
		})
		b.Stop(0)
		p, err := b.Program()
		if err != nil {
			return 2
		}
		c, err := Start(p, Options{Files: []File{{w, witnessFD, true}}})
		if err != nil {
			return 2
		}
		go func() { _ = c.Drive(context.Background()) }()
	}
	unix.CloseOnExec(3)
	time.Sleep(time.Hour)
	return 0
}
