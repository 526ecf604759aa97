package delegate

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func credential(uid, cgroup int) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		UseCgroupFD: true, CgroupFD: cgroup,
		Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid), NoSetGroups: false},
	}
}

// copied is a program that executes its argument's copy, since the test binary may lie where other users cannot read.
func copied(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "delegate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	to, err := os.OpenFile(filepath.Join(dir, "test"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, self); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return to.Name()
}
