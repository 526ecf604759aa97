package launch

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// copyTo copies what is in from into to, in a child.
func copyTo(t testing.TB, from, to string) error {
	t.Helper()
	p := compile(t, 0, func(b *Builder) {
		src, dst := b.Slot(), b.Slot()
		b.Call("umask", unix.SYS_UMASK, Const(0))
		b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(from), Const(unix.O_PATH)).Out(src)
		b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(to), Const(unix.O_PATH)).Out(dst)
		b.CopyTree("copy", src.Arg(), dst.Arg())
		b.Stop(0)
	})
	c, err := Start(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Drive(t.Context()); err != nil {
		return err
	}
	_, err = c.Wait()
	return err
}

// picture is all of a tree that a copy has to have, a line a file.
func picture(t testing.TB, root string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		size, links := st.Size, st.Nlink
		if e.IsDir() {
			size, links = 0, 0
		}
		fmt.Fprintf(&b, "%q %o %d:%d %d %d %d.%d", strings.TrimPrefix(path, root), st.Mode, st.Uid, st.Gid, links, size, st.Mtim.Sec, st.Mtim.Nsec)
		switch {
		case e.Type().IsRegular():
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %.40q", raw)
		case e.Type()&os.ModeSymlink != 0:
			to, _ := os.Readlink(path)
			fmt.Fprintf(&b, " -> %q", to)
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	big := bytes.Repeat([]byte("0123456789abcdef"), 3*copyBuffer/16)
	big = append(big, "end"...)
	for name, text := range map[string][]byte{"empty": nil, "small": []byte("content"), "big": big, "..odd": []byte("1"), ".hidden": []byte("2"),
		strings.Repeat("n", 255): []byte("long"), "new\nline \xff": []byte("bytes"), "a/b/c/deep": []byte("deep"), "a/first": []byte("x")} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(from, name)), 0o755))
		check(t, os.WriteFile(filepath.Join(from, name), text, 0o640))
	}
	check(t, os.Link(from+"/a/first", from+"/a/b/second"))
	check(t, os.Link(from+"/a/first", from+"/third"))
	check(t, os.Symlink("/etc/passwd", from+"/absolute"))
	check(t, os.Symlink("../../nowhere", from+"/a/dangling"))
	check(t, os.Symlink(strings.Repeat("x", 4000), from+"/a/far"))
	check(t, unix.Mkfifo(from+"/a/fifo", 0o622))
	for i := range 1500 { // more than one read of the directory
		check(t, os.WriteFile(fmt.Sprintf("%s/a/b/many-%d", from, i), nil, 0o600))
	}
	check(t, os.Chmod(from+"/a/b", 0o7711|os.ModeSticky|os.ModeSetgid))
	check(t, unix.Chmod(from+"/small", 0o4755))
	check(t, unix.Chmod(from+"/a/b/c", 0o500))
	if os.Getuid() == 0 {
		check(t, os.Lchown(from+"/a/b", 1000, 50))
		check(t, os.Lchown(from+"/absolute", 7, 8))
		check(t, os.Lchown(from+"/a/fifo", 9, 10))
		check(t, os.Lchown(from+"/small", 11, 12))
		check(t, unix.Chmod(from+"/small", 0o6755))
	}
	old := time.Unix(1000000000, 123456789)
	for _, name := range []string{"small", "a/fifo", "a/b/c", "a"} {
		check(t, os.Chtimes(filepath.Join(from, name), old, old))
	}
	t.Cleanup(func() { unix.Chmod(from+"/a/b/c", 0o700); unix.Chmod(to+"/a/b/c", 0o700) })
	check(t, copyTo(t, from, to))
	if a, b := picture(t, from), picture(t, to); a != b {
		t.Errorf("the copy differs:\n%s\nfrom\n%s", b, a)
	}
	var one, two unix.Stat_t
	check(t, unix.Stat(to+"/a/first", &one))
	check(t, unix.Stat(to+"/third", &two))
	if one.Ino != two.Ino || one.Nlink != 3 {
		t.Errorf("names of one file became several files: %d, %d, %d names", one.Ino, two.Ino, one.Nlink)
	}
}

// Holes stay holes, wherever they are.
func TestCopyHoles(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write := func(name string, size int64, at ...int64) {
		f, err := os.Create(filepath.Join(from, name))
		check(t, err)
		defer f.Close()
		check(t, f.Truncate(size))
		for _, n := range at {
			_, err = f.WriteAt([]byte("data"), n)
			check(t, err)
		}
	}
	write("all", 1<<36)
	write("front", 1<<33+1, 1<<33-4)
	write("back", 1<<33, 0)
	write("middle", 1<<34, 1<<20, 1<<33, 1<<33+200000)
	check(t, copyTo(t, from, to))
	for _, name := range []string{"all", "front", "back", "middle"} {
		var a, b unix.Stat_t
		check(t, unix.Stat(filepath.Join(from, name), &a))
		check(t, unix.Stat(filepath.Join(to, name), &b))
		if a.Size != b.Size || b.Blocks > a.Blocks+64 {
			t.Errorf("%s: %d bytes in %d blocks became %d in %d", name, a.Size, a.Blocks, b.Size, b.Blocks)
		}
	}
	f := open(t, to+"/middle", os.O_RDONLY)
	for _, at := range []int64{1 << 20, 1 << 33, 1<<33 + 200000} {
		var p [6]byte
		_, err := f.ReadAt(p[:], at-1)
		check(t, err)
		if string(p[:]) != "\x00data\x00" {
			t.Errorf("at %d: %q", at, p)
		}
	}
}

// What cannot be copied is left out, and that is said; all else is there.
func TestCopyLeavesOut(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check(t, err)
	defer unix.Close(fd)
	check(t, unix.Bind(fd, &unix.SockaddrUnix{Name: from + "/socket"}))
	check(t, os.WriteFile(from+"/z", []byte("there"), 0o600))
	check(t, os.WriteFile(from+"/a", []byte("there"), 0o600))
	if err := copyTo(t, from, to); !errors.Is(err, syscall.EOPNOTSUPP) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(to + "/socket"); err == nil {
		t.Error("the socket was copied")
	}
	for _, name := range []string{"a", "z"} {
		if raw, err := os.ReadFile(filepath.Join(to, name)); string(raw) != "there" {
			t.Error(name, err)
		}
	}
	if os.Getuid() == 0 {
		check(t, os.Remove(from+"/socket"))
		check(t, unix.Mknod(from+"/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
		if err := copyTo(t, from, t.TempDir()); !errors.Is(err, syscall.EOPNOTSUPP) {
			t.Errorf("a device: %v", err)
		}
	}
}

func TestCopyDepth(t *testing.T) {
	for _, c := range []struct {
		depth int
		want  error
	}{{copyDepth - 1, nil}, {copyDepth, syscall.ELOOP}} {
		from, to := t.TempDir(), t.TempDir()
		dir, err := unix.Open(from, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		check(t, err)
		name := strings.Repeat("d", 40) // a path far beyond PATH_MAX
		for i := range c.depth {
			check(t, unix.Mkdirat(dir, name, 0o755))
			next, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
			check(t, err)
			for _, f := range []string{"a", "z"} { // on both sides of the directory, and several names of one file
				fd, err := unix.Openat(next, f, unix.O_CREAT|unix.O_WRONLY, 0o600)
				check(t, err)
				unix.Close(fd)
			}
			if i == c.depth-1 {
				check(t, unix.Linkat(next, "a", next, "b", 0))
			}
			unix.Close(dir)
			dir = next
		}
		unix.Close(dir)
		if err := copyTo(t, from, to); !errors.Is(err, c.want) {
			t.Errorf("%d directories: %v, not %v", c.depth, err, c.want)
		}
		if c.want == nil {
			depth := 0
			dir, err := unix.Open(to, unix.O_RDONLY|unix.O_DIRECTORY, 0)
			check(t, err)
			for {
				next, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
				unix.Close(dir)
				if err != nil {
					break
				}
				depth++
				dir = next
				var st unix.Stat_t
				check(t, unix.Fstatat(dir, "a", &st, 0))
				check(t, unix.Fstatat(dir, "z", &st, 0))
			}
			if depth != c.depth {
				t.Errorf("%d directories became %d", c.depth, depth)
			}
		}
	}
}

// The kernel's limit of the room is the one that is told.
func TestCopyNoRoom(t *testing.T) {
	from := t.TempDir()
	check(t, os.WriteFile(from+"/big", make([]byte, 1<<20), 0o600))
	flags := uint64(unix.CLONE_NEWNS)
	if os.Getuid() != 0 {
		flags |= unix.CLONE_NEWUSER
	}
	p := compile(t, flags, func(b *Builder) {
		src, fs, mnt := b.Slot(), b.Slot(), b.Slot()
		if flags&unix.CLONE_NEWUSER != 0 {
			for _, f := range [][2]string{{"setgroups", "deny"}, {"uid_map", fmt.Sprintf("0 %d 1", os.Getuid())}, {"gid_map", fmt.Sprintf("0 %d 1", os.Getgid())}} {
				fd := b.Slot()
				b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String("/proc/self/"+f[0]), Const(unix.O_WRONLY)).Out(fd)
				b.WriteAll("write", fd.Arg(), []byte(f[1]))
			}
		}
		b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(from), Const(unix.O_PATH)).Out(src)
		b.Call("fsopen", unix.SYS_FSOPEN, b.String("tmpfs"), Const(unix.FSOPEN_CLOEXEC)).Out(fs)
		b.Call("fsconfig", unix.SYS_FSCONFIG, fs.Arg(), Const(unix.FSCONFIG_SET_STRING), b.String("size"), b.String("64k"), Const(0))
		b.Call("fsconfig", unix.SYS_FSCONFIG, fs.Arg(), Const(unix.FSCONFIG_CMD_CREATE), Const(0), Const(0), Const(0))
		b.Call("fsmount", unix.SYS_FSMOUNT, fs.Arg(), Const(unix.FSMOUNT_CLOEXEC), Const(0)).Out(mnt)
		b.CopyTree("copy", src.Arg(), mnt.Arg())
		b.Stop(0)
	})
	if _, err := start(t, p); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
}

// Somebody changes the tree while it is copied. Nothing of what lies outside may come into the copy, whatever the answer.
func TestCopyRace(t *testing.T) {
	from, outside := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(outside+"/secret", []byte("secret"), 0o600))
	check(t, os.Mkdir(outside+"/sub", 0o755))
	for i := range 20 {
		dir := fmt.Sprintf("%s/d%02d", from, i)
		check(t, os.MkdirAll(dir+"/sub/sub", 0o755))
		check(t, os.WriteFile(dir+"/secret", []byte("open"), 0o600))
		check(t, os.Symlink(outside, fmt.Sprintf("%s/l%02d", from, i)))
		check(t, os.Symlink(outside+"/secret", dir+"/link"))
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			default:
			}
			dir := fmt.Sprintf("%s/d%02d", from, i%20)
			_ = unix.Renameat2(unix.AT_FDCWD, dir, unix.AT_FDCWD, fmt.Sprintf("%s/l%02d", from, i%20), unix.RENAME_EXCHANGE)
			_ = unix.Renameat2(unix.AT_FDCWD, dir+"/secret", unix.AT_FDCWD, dir+"/link", unix.RENAME_EXCHANGE)
			_ = unix.Renameat2(unix.AT_FDCWD, dir+"/sub/sub", unix.AT_FDCWD, outside+"/sub/sub", 0) // out, and back
			_ = unix.Renameat2(unix.AT_FDCWD, outside+"/sub/sub", unix.AT_FDCWD, dir+"/sub/sub", 0)
		}
	}()
	answers := map[string]int{}
	for range 60 {
		to := t.TempDir()
		err := copyTo(t, from, to)
		answers[fmt.Sprint(err)]++
		check(t, filepath.WalkDir(to, func(path string, e os.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				if raw, _ := os.ReadFile(path); string(raw) == "secret" {
					t.Errorf("%s was copied from outside", path)
				}
			}
			return err
		}))
	}
	close(quit)
	<-done
	t.Log(answers)
}

func TestLikeness(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	check(t, unix.Chmod(from, 0o1751))
	if os.Getuid() == 0 {
		check(t, os.Chown(from, 1000, 50))
	}
	for _, owner := range []bool{false, true} {
		finish(t, compile(t, 0, func(b *Builder) {
			src, dst := b.Slot(), b.Slot()
			b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(from), Const(unix.O_PATH)).Out(src)
			b.Call("open", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(to), Const(unix.O_PATH)).Out(dst)
			b.Likeness("like", src.Arg(), dst.Arg(), owner)
			b.Stop(0)
		}))
		var st unix.Stat_t
		check(t, unix.Stat(to, &st))
		want := uint32(os.Getuid())
		if owner && want == 0 {
			want = 1000
		}
		if st.Mode&0o7777 != 0o1751 || st.Uid != want {
			t.Errorf("owner %v: %o of %d", owner, st.Mode, st.Uid)
		}
	}
}
