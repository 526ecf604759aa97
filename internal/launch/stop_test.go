package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
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
