package sys

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadProc(t *testing.T) {
	for _, path := range []string{"/proc/self/status", "/proc/self/mountinfo", "/proc/sys/kernel/random/boot_id", "/dev/null"} {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ReadProc(path)
		if err != nil || path != "/proc/self/status" && string(got) != string(want) || len(got) == 0 && path != "/dev/null" {
			t.Errorf("%s: %v\n%s", path, err, got)
		}
	}
	if _, err := ReadProc("/proc/self/no-such-file"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "no-such-file") {
		t.Error(err)
	}
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, maxProc+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadProc(large); !errors.Is(err, unix.EFBIG) {
		t.Error("a file without end:", err)
	}
}

func TestPidfdExit(t *testing.T) {
	cmd := exec.Command("sh", "-c", "read x; exit 42")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := PidfdExit(fd); err == nil {
		t.Error("a living process has an exit status")
	}
	in.Close()
	_ = cmd.Wait()
	ws, err := PidfdExit(fd)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
		t.Skipf("needs Linux 6.15: %v", err)
	}
	if err != nil || ws.ExitStatus() != 42 {
		t.Error(ws, err)
	}
}
