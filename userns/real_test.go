package userns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/roost-run/roost/idmap"
	"golang.org/x/sys/unix"
)

// Who the caller is cannot be pretended, so these tests run this binary again
// as the caller in question; bodies is what it does then.
func TestMain(m *testing.M) {
	bodies := map[string]func() (string, error){"choose": bodyChoose, "clone": bodyClone, "self": bodySelf}
	if body := bodies[os.Getenv("ROOST_BODY")]; body != nil {
		text, err := body()
		if err != nil {
			text = "error: " + err.Error()
		}
		fmt.Println(text)
		os.Exit(0)
	}
	before := pipes()
	code := m.Run()
	if left := leftovers(before); code == 0 && left != "" {
		fmt.Println("left behind:", left)
		code = 1
	}
	os.Exit(code)
}

// leftovers is what tests must not leave: children, and pipes that were not there
// before.
func leftovers(before map[string]bool) string {
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		return fmt.Sprintf("a child (%d, %v)", pid, err)
	}
	for fd := range pipes() {
		if !before[fd] {
			return "descriptor " + fd
		}
	}
	return ""
}

func pipes() map[string]bool {
	found := map[string]bool{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if link, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(link, "pipe:") {
			found[e.Name()+" of "+link] = true
		}
	}
	return found
}

func bodySelf() (string, error) {
	c, err := Self()
	return fmt.Sprintf("%d:%d groups %v privileged=%v setsids=%v setfcap=%v %s;%s setgroups=%v",
		c.EUID, c.EGID, c.Groups, c.Privileged, c.SetsIDs, c.Setfcap, c.UIDs, c.GIDs, c.SetgroupsAllowed), err
}

// bodyChoose chooses, and has the choice carried out on a real process.
func bodyChoose() (string, error) {
	c, err := Self()
	if err != nil {
		return "", err
	}
	choice, err := Choose(context.Background(), c, Request{New: os.Getenv("ROOST_NEW") != "", IDMap: os.Getenv("ROOST_IDMAP")})
	if err != nil {
		return "", err
	}
	result := text(choice)
	if choice.Kind == Create {
		if err := carriedOut(choice); err != nil {
			return "", fmt.Errorf("%s: %w", result, err)
		}
	}
	for _, note := range choice.Notes {
		result += "\nnote: " + note
	}
	return result, nil
}

func carriedOut(choice Choice) error {
	pid, stop, err := sleeper()
	if err != nil {
		return CloneError(err)
	}
	defer stop()
	if err := WriteMaps(context.Background(), pid, choice); err != nil {
		return err
	}
	// Join reads the same files, so that it is tried at the same time.
	m, setgroups, ok := ofProcess("/proc/" + strconv.Itoa(pid) + "/ns/user")
	if !ok || m.String() != choice.Mapping.String() {
		return fmt.Errorf("the kernel has %s", m)
	}
	if setgroups != choice.Setgroups {
		return fmt.Errorf("setgroups is %v in it", setgroups)
	}
	return nil
}

func bodyClone() (string, error) {
	if dir := os.Getenv("ROOST_CHROOT"); dir != "" {
		if err := errors.Join(syscall.Chroot(dir), os.Chdir("/")); err != nil {
			return "", err
		}
	}
	_, stop, err := sleeper()
	if err == nil {
		stop()
		return "made", nil
	}
	return "", CloneError(err)
}

// sleeper is a process in a new user namespace without maps.
func sleeper() (pid int, stop func(), err error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, err
	}
	input := os.NewFile(uintptr(ends[0]), "pipe")
	defer input.Close()
	// cat ends at once without an output.
	p, err := os.StartProcess("/bin/cat", []string{"cat"}, &os.ProcAttr{
		Env:   []string{},
		Files: []*os.File{input, os.Stderr, os.Stderr},
		Sys:   &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER},
	})
	if err != nil {
		unix.Close(ends[1])
		return 0, nil, err
	}
	stop = func() { unix.Close(ends[1]); p.Kill(); p.Wait() }
	return p.Pid, stop, nil
}

// stage puts this binary where every user may run it: $D/body. t.TempDir is
// nobody else's.
func stage(t *testing.T, files map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "roost-userns-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "etc"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(dir, "body"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Chmod(0o755), out.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// play runs a shell script that ends up in "$D"/body.
func play(t *testing.T, dir, script string, attr *syscall.SysProcAttr, env ...string) string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-ec", script)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "D=" + dir}, env...)
	cmd.SysProcAttr = attr
	cmd.WaitDelay = 10 * time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), errs.String())
	}
	return strings.TrimSpace(out.String())
}

func needNamespaces(t *testing.T) {
	t.Helper()
	for _, name := range []string{"unshare", "setpriv"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip(name + " is not installed (util-linux)")
		}
	}
	if out, err := exec.Command("unshare", "-Ur", "true").CombinedOutput(); err != nil {
		t.Skipf("no user namespaces here: %s", out)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	needNamespaces(t)
	c, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 || !c.Privileged || idmap.NotOutside("uid", idmap.Map{{Size: 400000}}, c.UIDs) != nil {
		t.Skip("needs root of the machine: other users, and other files in /etc in a private mount namespace")
	}
}
