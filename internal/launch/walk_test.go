package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	asDir  = iota // MkdirAll
	asFile        // Create
	likeDir
	likeFile // Target, for a bind of a directory, and of a file
)

// walkIn makes path in root, in a child, and gives where it really is, relative to root.
func walkIn(t testing.TB, root, path string, kind int) (string, error) {
	t.Helper()
	where := ""
	p := compile(t, 0, func(b *Builder) {
		in, like, got := b.Slot(), b.Slot(), b.Slot()
		b.Call("umask", unix.SYS_UMASK, Const(0))
		b.Call("open root", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(root), Const(unix.O_PATH|unix.O_CLOEXEC)).Out(in)
		switch kind {
		case asDir:
			b.MkdirAll("make", in.Arg(), path, 0o750).Out(got)
		case asFile:
			b.Create("make", in.Arg(), path).Out(got)
		default:
			b.Call("open source", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String([]string{likeDir: "/", likeFile: "/dev/null"}[kind]), Const(unix.O_PATH)).Out(like)
			b.Target("make", in.Arg(), path, like.Arg()).Out(got)
		}
		b.Sync("show", 0, []Slot{got}, Arg{}, 0, func(_ *Child, files []*os.File) ([]byte, error) {
			name, err := os.Readlink("/proc/self/fd/" + number(uint64(files[0].Fd())))
			where = strings.TrimPrefix(strings.TrimPrefix(name, root), "/")
			closeAll(files)
			if errors.Is(err, syscall.ENAMETOOLONG) { // the kernel shows no more than a page of it
				err = nil
			}
			return nil, err
		})
		b.Stop(0)
	})
	c, err := Start(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Drive(t.Context()); err != nil {
		return "", err
	}
	_, err = c.Wait()
	return where, err
}

// lay makes files in root: "name/" a directory, "name" a file, "name -> target" a link. Parents come by themselves.
func lay(t testing.TB, root string, what ...string) {
	t.Helper()
	for _, w := range what {
		name, link, isLink := strings.Cut(w, " -> ")
		full := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(link, full)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(full, 0o755)
		default:
			err = os.WriteFile(full, []byte("content"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWalk(t *testing.T) {
	name255 := strings.Repeat("n", 255)
	chain := func(n int) []string { // c0 -> c1 -> … -> end, which is missing
		var list []string
		for i := range n - 1 {
			list = append(list, "c"+number(uint64(i))+" -> c"+number(uint64(i+1)))
		}
		return append(list, "c"+number(uint64(n-1))+" -> end")
	}
	for _, c := range []struct {
		name string
		have []string
		path string
		kind int
		want string
		err  error
	}{
		{"root itself", nil, "", asDir, "", nil},
		{"dot", nil, ".", asDir, "", nil},
		{"fresh", nil, "a/b/c", asDir, "a/b/c", nil},
		{"partly there", []string{"a/b/"}, "a/b/c/d", asDir, "a/b/c/d", nil},
		{"there", []string{"a/b/"}, "a/b", asDir, "a/b", nil},
		{"fresh file", nil, "a/b/c", asFile, "a/b/c", nil},
		{"file that is there", []string{"a/f"}, "a/f", asFile, "a/f", nil},
		{"like a directory", nil, "a/b", likeDir, "a/b", nil},
		{"like a file", nil, "a/b", likeFile, "a/b", nil},

		{"relative link", []string{"real/", "l -> real"}, "l/x", asDir, "real/x", nil},
		{"absolute link is from the root", []string{"etc/", "data/abs -> /etc"}, "data/abs/x", asDir, "etc/x", nil},
		{"dangling absolute link below a directory", []string{"data/abs -> /etc"}, "data/abs/x/y", asDir, "etc/x/y", nil},
		{"dangling relative link", []string{"a/l -> x/y"}, "a/l/z", asDir, "a/x/y/z", nil},
		{"dangling link is the end", []string{"a/l -> /x/y"}, "a/l", asDir, "x/y", nil},
		{"dangling link to a file", []string{"dev/console -> /x/y"}, "dev/console", asFile, "x/y", nil},
		{"dangling link to a mount point", []string{"a/l -> ../b/c"}, "a/l", likeFile, "b/c", nil},
		{"up and beyond", []string{"a/l -> ../../../../../x"}, "a/l/y", asDir, "x/y", nil},
		{"absolute and up", []string{"a/l -> /../../x"}, "a/l", asDir, "x", nil},
		{"up from a linked directory", []string{"e/f/", "d -> e/f", "e/f/l -> ../x"}, "d/l/y", asDir, "e/x/y", nil},
		{"through what is missing and up", []string{"l -> x/../y"}, "l", asDir, "y", nil},
		{"a link below a dangling one", []string{"l -> /m", "m2 -> n"}, "l/../m2/o", asDir, "n/o", nil},
		{"dots in a link", []string{"l -> ./x/././y"}, "l/z", asDir, "x/y/z", nil},
		{"slashes in a link", []string{"l -> //x///y//"}, "l/z", asDir, "x/y/z", nil},
		{"trailing slash in a link", []string{"l -> x/"}, "l", asDir, "x", nil},
		{"a file cannot end in a slash", []string{"l -> x/"}, "l", asFile, "", syscall.EISDIR},
		{"chain", []string{"a -> b", "b -> c", "c -> /d/e"}, "a/x", asDir, "d/e/x", nil},
		{"link to a link in another directory", []string{"a/l -> ../b/m", "b/m -> n"}, "a/l", asFile, "b/n", nil},
		{"39 links", chain(39), "c0", asDir, "end", nil},
		{"41 links", chain(41), "c0", asDir, "", syscall.ELOOP},
		{"loop", []string{"a -> b", "b -> a"}, "a/x", asDir, "", syscall.ELOOP},
		{"self", []string{"a -> a"}, "a", asDir, "", syscall.ELOOP},
		{"self, deeper each time", []string{"a -> a/b"}, "a", asDir, "", syscall.ELOOP},
		{"loop behind something missing", []string{"a -> x/../b", "b -> y/../a"}, "a", asDir, "", syscall.ELOOP},

		{"file in the way", []string{"f"}, "f/x", asDir, "", syscall.ENOTDIR},
		{"link to a file in the way", []string{"f", "l -> f"}, "l/x/y", asDir, "", syscall.ENOTDIR},
		{"directory wanted, a file there", []string{"f"}, "f", asDir, "", syscall.ENOTDIR},
		{"directory wanted, a link to a file there", []string{"f", "l -> f"}, "l", likeDir, "", syscall.ENOTDIR},
		{"file wanted, a directory there", []string{"d/"}, "d", asFile, "", syscall.EISDIR},
		{"file wanted, a link to a directory there", []string{"d/", "l -> /d"}, "l", likeFile, "", syscall.EISDIR},

		{"longest name", nil, "a/" + name255 + "/b", asDir, "a/" + name255 + "/b", nil},
		{"name too long", nil, "a/" + name255 + "n", asDir, "", syscall.ENAMETOOLONG},
		{"longest path", nil, strings.Repeat("a/", 2047) + "b", asDir, strings.Repeat("a/", 2047) + "b", nil},
		{"path too long", nil, strings.Repeat("a/", 2047) + "bc", asDir, "", syscall.ENAMETOOLONG},
		{"far too long", nil, strings.Repeat("a/", 10000), asDir, "", syscall.ENAMETOOLONG},
		{"too long by a link", []string{"l -> " + strings.Repeat("b/", 1500)}, "l/" + strings.Repeat("a/", 1500), asDir, "", syscall.ENAMETOOLONG},
		{"long by a link", []string{"l -> " + strings.Repeat("b/", 500)}, "l/" + strings.Repeat("a/", 500) + "c", asDir,
			strings.Repeat("b/", 500) + strings.Repeat("a/", 500) + "c", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := filepath.Join(t.TempDir(), "root")
			lay(t, root, append(c.have, "bystander")...)
			got, err := walkIn(t, root, c.path, c.kind)
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, not %v", err, c.err)
			}
			if len(c.want) < 3000 && got != c.want {
				t.Fatalf("made %.100q, not %.100q", got, c.want)
			}
			if entries, _ := os.ReadDir(filepath.Dir(root)); len(entries) != 1 {
				t.Errorf("there is more beside the root: %v", entries)
			}
			if c.err == nil && len(c.want) < 3000 {
				checkKind(t, filepath.Join(root, c.want), c.kind)
			}
		})
	}
}

func checkKind(t *testing.T, name string, kind int) {
	t.Helper()
	info, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	if dir := kind == asDir || kind == likeDir; info.IsDir() != dir || !dir && !info.Mode().IsRegular() {
		t.Errorf("%s is %v", name, info.Mode())
	}
}

// TestWalkModes: directories get the mode that was asked for, mount points what anybody may look into, and what is there is
// left as it is.
func TestWalkModes(t *testing.T) {
	root := t.TempDir()
	lay(t, root, "old/", "file")
	if err := os.Chmod(filepath.Join(root, "old"), 0o711); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		kind int
		want os.FileMode
	}{
		{"old", asDir, 0o711}, {"new/er", asDir, 0o750}, {"new", asDir, 0o750}, {"mnt/point", likeDir, 0o755}, {"mnt/file", likeFile, 0o644},
	} {
		if _, err := walkIn(t, root, c.path, c.kind); err != nil {
			t.Fatal(err)
		}
		if info, _ := os.Stat(filepath.Join(root, c.path)); info.Mode().Perm() != c.want {
			t.Errorf("%s: mode %o, not %o", c.path, info.Mode().Perm(), c.want)
		}
	}
	if _, err := walkIn(t, root, "file", asFile); err != nil {
		t.Fatal(err)
	}
	if p, _ := os.ReadFile(filepath.Join(root, "file")); string(p) != "content" {
		t.Errorf("the file that was there is now %q", p)
	}
}

// TestWalkTakesWhatIsThere: a mount point for a file may be anything but a directory. It is not opened: a FIFO would block.
func TestWalkTakesWhatIsThere(t *testing.T) {
	root := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(root, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []int{asFile, likeFile} {
		if got, err := walkIn(t, root, "fifo", kind); err != nil || got != "fifo" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// TestWalkMagicLinks: /proc/PID/root and the like would be ways out.
func TestWalkMagicLinks(t *testing.T) {
	for _, path := range []string{"proc/self/cwd/x", "proc/self/root/tmp", "proc/self/fd/0"} {
		if got, err := walkIn(t, "/", path, asDir); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// TestWalkInRemovedDirectory: every name is missing there and none can be made, so the walk must not try for ever.
func TestWalkInRemovedDirectory(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	p := compile(t, 0, func(b *Builder) {
		in := b.Slot()
		b.Call("open root", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(root), Const(unix.O_PATH)).Out(in)
		b.Sync("remove", 0, nil, Arg{}, 0, func(*Child, []*os.File) ([]byte, error) { return nil, os.Remove(root) })
		b.MkdirAll("make", in.Arg(), "a/b", 0o700)
		b.Stop(0)
	})
	if _, err := start(t, p); !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
}

// TestWalkKeepsNoDescriptors but the one that it gives.
func TestWalkKeepsNoDescriptors(t *testing.T) {
	root := t.TempDir()
	lay(t, root, "l -> x/y/../z", "f", "loop -> loop")
	var seen map[int]string
	p := compile(t, 0, func(b *Builder) {
		in := b.Slot()
		b.Call("open root", unix.SYS_OPENAT, Const(unix.AT_FDCWD), b.String(root), Const(unix.O_PATH)).Out(in)
		b.MkdirAll("a", in.Arg(), "a/b/c/d/e", 0o700)
		b.Create("l", in.Arg(), "l/f")
		for _, path := range []string{"f", "f/x", "loop", "g/" + strings.Repeat("n", 300)} {
			b.MkdirAll("fails", in.Arg(), path, 0o700).Ignore()
		}
		b.Create("fails", in.Arg(), "a/b").Ignore()
		b.Sync("look", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
			seen = descriptorsOf(t, c.Pid())
			return nil, nil
		})
		b.Stop(0)
	})
	finish(t, p)
	if len(seen) != 4 { // the socket, the root, two results
		t.Errorf("%v", seen)
	}
}
