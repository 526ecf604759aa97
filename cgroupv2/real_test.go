package cgroupv2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// group is a cgroup of the test's own, which only root can make here.
func group(t *testing.T) (*Group, string) {
	t.Helper()
	mount, err := Mount()
	if err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	own, err := Own()
	if err != nil {
		t.Skip("needs cgroup v2:", err)
	}
	path := filepath.Join(mount, own, fmt.Sprintf("roost-test-%d", os.Getpid()))
	g, err := Create(path)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, unix.EROFS) {
		t.Skip("needs root, or a cgroup that may be written:", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.Close()
		if err := Remove(context.Background(), path); err != nil {
			t.Error(err)
		}
	})
	return g, path
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
