package cgroupv2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// base is a cgroup that may have others below it: the root of the hierarchy, or one that was delegated to the caller, who then goes
// out of its way (systemd-run --user --scope -p Delegate=yes).
func base(t *testing.T) *Group {
	t.Helper()
	mount, err := Mount()
	if err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	path := mount
	if os.Getuid() != 0 {
		own, err := Own()
		if err != nil {
			t.Skip("needs cgroup v2:", err)
		}
		path = strings.TrimSuffix(filepath.Join(mount, own), "/roost-test-self")
	}
	g, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	leaveAsFound(t, g)
	if os.Getuid() != 0 {
		self, _, err := g.child("roost-test-self", nil)
		if err != nil {
			missing(t, "cpu", "root or a delegated cgroup: "+err.Error())
		}
		defer self.Close()
		if err := self.write("cgroup.procs", "0"); err != nil {
			missing(t, "cpu", "root or a delegated cgroup: "+err.Error())
		}
	}
	return g
}

// missing skips, naming what is missing, unless the set-up promised it. Who has been granted a controller has a cgroup.
func missing(t *testing.T, grant, what string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("ROOST_TEST_GRANTS"), ","), grant) {
		t.Fatalf("%s: the set-up provides it, and yet there is none: %s", grant, what)
	}
	t.Skip("needs " + what)
}

// leaveAsFound takes back the controllers that the test shares out in a cgroup that is not its own.
func leaveAsFound(t *testing.T, g *Group) {
	before, err := g.read("cgroup.subtree_control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		after, _ := g.read("cgroup.subtree_control")
		for _, c := range strings.Fields(string(after)) {
			if !slices.Contains(strings.Fields(string(before)), c) {
				_ = g.write("cgroup.subtree_control", "-"+c)
			}
		}
	})
}

// group is a cgroup of the test's own, with controllers: the test is skipped where those cannot be had.
func group(t *testing.T, controllers ...string) (*Group, string) {
	t.Helper()
	parent := base(t)
	have, err := parent.Controllers()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range controllers {
		if !slices.Contains(have, c) {
			missing(t, c, "the "+c+" controller of cgroup v2")
		}
	}
	g, err := Make(parent.Dir(), fmt.Sprintf("roost-test-%d", os.Getpid()), controllers)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, unix.EROFS) {
		t.Skip("needs root or a delegated cgroup:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		path := g.Path()
		_ = Kill(path)
		g.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := Remove(ctx, path); err != nil {
			t.Error(err)
		}
	})
	return g, g.Path()
}

func inside(g *Group, script string) ([]byte, error) {
	cmd := exec.Command("sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.Dir().Fd())}
	return cmd.CombinedOutput()
}

func TestTheKernelTakesTheFilterAndHoldsIt(t *testing.T) {
	g, _ := group(t)
	kmsg := int64(11)
	memory := int64(1)
	rules := Rules([]specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}, {Allow: true, Type: "c", Major: &memory, Minor: &kmsg, Access: "r"}})
	if err := g.FilterDevices(rules); errors.Is(err, os.ErrPermission) {
		t.Skip("needs root of the machine:", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for script, ok := range map[string]bool{
		"echo >/dev/null":             true,
		"exec 3</dev/kmsg":            true,
		"exec 3>/dev/kmsg":            false, // read only
		"exec 3</dev/mem":             false,
		"head -c 1 /dev/urandom | wc": true,
		"exec 3</dev/loop-control":    false,
		"exec 3<>/dev/ptmx":           true,
	} {
		out, err := inside(g, script)
		if (err == nil) != ok {
			t.Errorf("%s: %v %s", script, err, out)
		}
	}
}

func TestAGroupWithProcessesIsNotTaken(t *testing.T) {
	g, path := group(t)
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(g.Dir().Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if _, err := Create(path); !errors.Is(err, ErrPopulated) {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(path, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Remove(ctx, path); !errors.Is(err, unix.EBUSY) {
		t.Error(err)
	}
}

func TestOpenRefusesWhatIsNoCgroup(t *testing.T) {
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory was taken")
	}
}
