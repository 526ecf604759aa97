package cgroupv2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// start is a script in the cgroup that ends with the test.
func start(t *testing.T, g *Group, script string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.Dir().Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}

func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// ended kills everything in the cgroup and removes it, which is what must always work.
func ended(t *testing.T, g *Group) {
	t.Helper()
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	if err := Remove(patience(t), g.Path()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.Path()); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestManySubCgroups(t *testing.T) {
	g, path := group(t)
	const many = 2000
	for i := range many {
		if err := os.Mkdir(fmt.Sprintf("%s/%d", path, i), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	child, err := g.down("1234")
	if err != nil {
		t.Fatal(err)
	}
	defer child.Close()
	one := start(t, child, "exec sleep 60")
	if pids, err := g.Processes(); err != nil || !slices.Equal(pids, []int{one.Process.Pid}) {
		t.Error(pids, err)
	}
	ended(t, g)
}

func TestDeepSubCgroups(t *testing.T) {
	g, path := group(t)
	name := strings.Repeat("x", 200)
	deep, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 { // 20,000 bytes of path
		if err := unix.Mkdirat(int(deep.dir.Fd()), name, 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := deep.down(name)
		if err != nil {
			t.Fatal(err)
		}
		deep.Close()
		deep = next
	}
	defer deep.Close()
	one := start(t, deep, "exec sleep 60")
	if pids, err := g.Processes(); err != nil || !slices.Equal(pids, []int{one.Process.Pid}) {
		t.Error(pids, err)
	}
	if err := g.Freeze(patience(t)); err != nil {
		t.Error(err)
	}
	ended(t, g)
}

func TestThreadedSubCgroups(t *testing.T) {
	g, path := group(t)
	for _, dir := range []string{"/a", "/a/b"} {
		if err := os.Mkdir(path+dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+dir+"/cgroup.type", []byte("threaded"), 0); err != nil {
			t.Fatal(err)
		}
	}
	one := start(t, g, "exec sleep 60")
	if err := os.WriteFile(path+"/a/b/cgroup.threads", fmt.Append(nil, one.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	if pids, err := g.Processes(); err != nil || !slices.Equal(pids, []int{one.Process.Pid}) {
		t.Error(pids, err)
	}
	ended(t, g)
}

// The kernel takes no name with a newline: /proc/PID/cgroup could be misread.
func TestStrangeNames(t *testing.T) {
	g, path := group(t)
	if err := os.Mkdir(path+"/a\nb", 0o755); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	for _, name := range []string{" ", "\x01", "a b", "-rf", "*", "\xff\xfe", "...", strings.Repeat("long", 1000)[:3900]} {
		if err := os.Mkdir(path+"/"+name, 0o755); err != nil {
			t.Error(err)
		}
	}
	ended(t, g)
}

// What forks without an end, and makes cgroups, is killed as a whole.
func TestForksAndMakesCgroups(t *testing.T) {
	if b, _ := os.ReadFile("/proc/cpuinfo"); strings.Contains(string(b), "User Mode Linux") {
		t.Skip("needs a kernel that survives it: a fork that is given up panics user-mode Linux, see tests/vm/suite.sh")
	}
	g, path := group(t)
	start(t, g, fmt.Sprintf(`
		f() { i=0; while :; do sleep 0.01 & mkdir %[1]s/$1-$i; i=$((i+1)); done; }
		f 1 & f 2 & while :; do (sleep 0.01 &); done`, path))
	time.Sleep(200 * time.Millisecond)
	if pids, err := g.Processes(); err != nil || len(pids) < 3 {
		t.Error(pids, err)
	}
	if err := g.Freeze(patience(t)); err != nil {
		t.Error(err)
	}
	if frozen, err := g.Frozen(); err != nil || !frozen {
		t.Error(frozen, err)
	}
	ended(t, g) // frozen as it is
}

func TestGone(t *testing.T) {
	g, path := group(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if pids, err := g.Processes(); err != nil || len(pids) > 0 {
		t.Error(pids, err)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	if err := Kill(path); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	if err := Remove(patience(t), path); err != nil {
		t.Error(err)
	}
	if err := g.Freeze(patience(t)); err == nil {
		t.Error("what is gone was frozen")
	}
	err := g.Apply(Settings{{File: "cgroup.max.depth", Value: "1", Path: "x"}, {File: "memory.swap.max", Value: "max", Path: "y", Optional: true}})
	if err == nil || strings.Count(err.Error(), "no such") != 2 {
		t.Error(err)
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	_, path := group(t)
	link := t.TempDir() + "/link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link); err == nil {
		t.Error("a link was followed")
	}
}

func waitFor(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never came to be so")
		}
	}
}
