package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOnlyNamedDescriptorsSurvive, with a process that has many, some of them inheritable and of numbers far apart: seen from
// outside at a sync point, where a container that is `created` stays, and from inside after the execve.
func TestOnlyNamedDescriptorsSurvive(t *testing.T) {
	openMany(t)
	dir := t.TempDir()
	kept := open(t, filepath.Join(dir, "kept"), os.O_CREATE|os.O_RDWR)
	hidden := open(t, filepath.Join(dir, "hidden"), os.O_CREATE|os.O_RDWR)
	var seen map[int]string
	p := compile(t, 0, func(b *Builder) {
		b.Sync("look", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
			seen = descriptorsOf(t, c.Pid())
			return nil, nil
		})
		execute(b, "/bin/ls", "-l", "/proc/self/fd")
	})
	text, _ := output(t, p, File{kept, 5, true}, File{hidden, 7, false})

	if got := numbersOf(seen); !slices.Equal(got, []int{1, 2, 5, 7, 9}) {
		t.Errorf("at a sync point: %v", seen)
	}
	if seen[5] != kept.Name() || seen[7] != hidden.Name() || !strings.HasPrefix(seen[9], "socket:") {
		t.Errorf("at a sync point: %v", seen)
	}
	var inside []int
	for line := range strings.Lines(text) {
		if left, right, ok := strings.Cut(line, " -> "); ok && !strings.Contains(right, "/fd") { // not ls's own
			n, _ := strconv.Atoi(left[strings.LastIndex(left, " ")+1:])
			inside = append(inside, n)
		}
	}
	if slices.Sort(inside); !slices.Equal(inside, []int{1, 2, 5}) {
		t.Errorf("after the execve: %v\n%s", inside, text)
	}
}

// openMany opens 50 descriptors, half of them not close-on-exec, at numbers with gaps.
func openMany(t *testing.T) {
	t.Helper()
	for i := range 50 {
		fd, err := unix.Open("/", unix.O_PATH, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		command := unix.F_DUPFD
		if i%2 == 0 {
			command = unix.F_DUPFD_CLOEXEC
		}
		up, err := unix.FcntlInt(uintptr(fd), command, 20+i*i/3)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(up) })
	}
}

func descriptorsOf(t *testing.T, pid int) map[int]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	m := make(map[int]string)
	for _, e := range entries {
		n, _ := strconv.Atoi(e.Name())
		m[n], _ = os.Readlink(dir + e.Name())
	}
	return m
}

func numbersOf(m map[int]string) []int {
	var list []int
	for n := range m {
		list = append(list, n)
	}
	sort.Ints(list)
	return list
}

// TestNumbers moves descriptors to numbers that others of them have.
func TestNumbers(t *testing.T) {
	dir := t.TempDir()
	// Three files with known numbers, next to one another.
	var files [3]*os.File
	for i := range files {
		name := filepath.Join(dir, string(rune('a'+i)))
		fd, err := unix.FcntlInt(open(t, name, os.O_CREATE|os.O_RDWR).Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		files[i] = os.NewFile(uintptr(fd), name)
		t.Cleanup(func() { files[i].Close() })
	}
	a, b, c := files[0], files[1], files[2]
	na, nb, nc := int(a.Fd()), int(b.Fd()), int(c.Fd())
	for _, x := range []struct {
		name  string
		files []File
	}{
		{"each keeps its own", []File{{a, na, true}, {b, nb, true}, {c, nc, true}}},
		{"swapped", []File{{a, nb, true}, {b, na, true}}},
		{"rotated", []File{{a, nb, true}, {b, nc, false}, {c, na, true}}},
		{"one at two numbers", []File{{a, nb, true}, {a, nc, false}, {b, na, false}}},
		{"gaps", []File{{a, 0, true}, {b, 40, true}, {c, 1, true}}},
		{"none", nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			var seen map[int]string
			p := compile(t, 0, func(b *Builder) {
				b.StatusFD = 50
				b.Sync("look", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
					seen = descriptorsOf(t, c.Pid())
					checkFlags(t, c.Pid(), x.files)
					return nil, nil
				})
				b.Stop(0)
			})
			finish(t, p, x.files...)
			if len(seen) != len(x.files)+1 {
				t.Errorf("%v", seen)
			}
			for _, f := range x.files {
				if seen[f.To] != f.File.Name() {
					t.Errorf("%d is %q, not %s", f.To, seen[f.To], f.File.Name())
				}
			}
		})
	}
}

// checkFlags: close-on-exec is what was asked for, man 5 proc, fdinfo.
func checkFlags(t *testing.T, pid int, files []File) {
	t.Helper()
	for _, f := range files {
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, f.To))
		_, rest, _ := strings.Cut(string(info), "flags:\t")
		word, _, _ := strings.Cut(rest, "\n")
		flags, _ := strconv.ParseUint(word, 8, 32)
		if err != nil || (flags&unix.O_CLOEXEC == 0) != f.Inherit {
			t.Errorf("descriptor %d: flags %#o, inherit %v, %v", f.To, flags, f.Inherit, err)
		}
	}
}

func TestFileMistakes(t *testing.T) {
	f := open(t, "/dev/null", 0)
	closed := open(t, "/dev/null", 0)
	closed.Close()
	p := compile(t, 0, func(b *Builder) { b.Stop(0) })
	before := len(descriptors())
	for _, c := range []struct {
		name  string
		files []File
		want  string
	}{
		{"one number twice", []File{{f, 3, true}, {f, 3, true}}, "descriptor 3 is taken"},
		{"the status socket's", []File{{f, 9, true}}, "descriptor 9 is taken"},
		{"negative", []File{{f, -1, true}}, "descriptor -1 is taken, or no number"},
		{"nil", []File{{nil, 1, true}}, "descriptor 1: file already closed"},
		{"closed", []File{{f, 0, true}, {closed, 1, true}}, "descriptor 1: file already closed"},
	} {
		if _, err := Start(p, Options{Files: c.files}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if after := len(descriptors()); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// TestNoRoomForDescriptors: what cannot be placed is told. The limit is that of a process of its own.
func TestNoRoomForDescriptors(t *testing.T) {
	if out := playAs(t, "limited"); !strings.Contains(out, "place descriptors: invalid argument") { // F_DUPFD, man 2 fcntl
		t.Errorf("%q", out)
	}
}

func playLimited() int {
	f, err := os.Open("/dev/null")
	b := &Builder{StatusFD: 30}
	b.Stop(0)
	p, perr := b.Program()
	limit := unix.Rlimit{Cur: 31, Max: 31}
	if err := errors.Join(err, perr, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)); err != nil {
		fmt.Println(err)
		return 2
	}
	c, err := Start(p, Options{Files: []File{{f, 0, true}}})
	if err == nil {
		err = c.Drive(context.Background())
	}
	fmt.Println(err)
	return 0
}

func TestStartRefused(t *testing.T) {
	before := len(descriptors())
	p := compile(t, unix.CLONE_NEWNS|unix.CLONE_FS, func(b *Builder) { b.Stop(0) })
	if _, err := Start(p, Options{}); !errors.Is(err, syscall.EINVAL) {
		t.Error(err)
	}
	if after := len(descriptors()); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
