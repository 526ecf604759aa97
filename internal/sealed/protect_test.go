package sealed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const child = "ROOST_TEST_SEALED"

// TestMain is the protected program, too: it says what it was executed from, and tries what a container would.
func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	if err := Protect(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	link, _ := os.Readlink(self)
	_, writing := os.OpenFile(self, os.O_WRONLY, 0)
	fd, err := unix.Open(self, unix.O_RDONLY, 0)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, again := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_RDWR, 0)
	chmod := unix.Chmod(self, 0o777)
	f, _ := look(fd)
	fmt.Printf("link=%s fixed=%v write=%v reopen=%v chmod=%v args=%q\n", link, f.Fixed, writing != nil, again != nil, chmod, os.Args)
	os.Exit(0)
}

// TestProtect runs a program that its own user may write: it must find itself somewhere else, where it cannot.
func TestProtect(t *testing.T) {
	program := t.TempDir() + "/program"
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, data, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-one", "two three")
	cmd.Args[0] = "short"
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err, string(out))
	}
	got := string(out)
	if !strings.Contains(got, "fixed=true") || !strings.Contains(got, `args=["`+program+`" "-one" "two three"]`) || !strings.Contains(got, "reopen=true") {
		t.Error(got)
	}
	after, err := os.Stat(program)
	if err != nil || after.Mode().Perm() != 0o755 {
		t.Error("the program's own mode changed", after.Mode(), err)
	}
}

func TestSealedCopyCannotBeWritten(t *testing.T) {
	fd, err := unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	mem, err := sealedCopy(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(mem)
	if _, err := unix.Pwrite(mem, []byte("x"), 0); !errors.Is(err, unix.EPERM) {
		t.Error("write:", err)
	}
	if err := unix.Ftruncate(mem, 0); !errors.Is(err, unix.EPERM) {
		t.Error("truncate:", err)
	}
	if f, err := look(mem); err != nil || !f.Fixed {
		t.Error(f, err)
	}
}
