package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// openDir is a temporary directory that another user can reach, unlike t.TempDir's below a 0700 one.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "roost-bench-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// compile builds one of the C programs as run.sh does.
func compile(t *testing.T, dir, name string, sources ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("gcc is not installed")
	}
	path := filepath.Join(dir, name)
	args := []string{"-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", path}
	for _, source := range sources {
		args = append(args, filepath.Join("c", source))
	}
	if out, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return path
}

// asOrdinaryUser runs a command as the caller, or as nobody when the caller is root.
func asOrdinaryUser(state string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin", "HOME=/", "XDG_RUNTIME_DIR=" + state}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

const nobody = 65534

// ordinaryID is the id that asOrdinaryUser's commands have.
func ordinaryID() int {
	if os.Getuid() == 0 {
		return nobody
	}
	return os.Getuid()
}

func needUserNamespaces(t *testing.T) {
	t.Helper()
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		cmd.SysProcAttr.Cloneflags = 0
	}
	if err := cmd.Run(); err != nil {
		t.Skipf("no user namespace for an ordinary user here: %v", err)
	}
}
