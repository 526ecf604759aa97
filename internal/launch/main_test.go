package launch

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain fails when the tests leave a descriptor, a process or a mount behind. With roleEnv set, the binary is not the
// tests but a process that a test needs beside itself.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role))
	}
	before := descriptors()
	code := m.Run()
	if left := leftovers(before); left != "" {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = max(code, 1)
	}
	os.Exit(code)
}

const roleEnv = "ROOST_LAUNCH_TEST_ROLE"

func play(role string) int {
	switch role {
	case "secret":
		return playSecret()
	case "parent":
		return playParent()
	case "limited":
		return playLimited()
	}
	fmt.Fprintln(os.Stderr, "unknown role", role)
	return 2
}

// leftovers names what is there that was not there before. What was killed a moment ago may take a moment to go.
func leftovers(before map[string]bool) string {
	var left []string
	for range 100 {
		left = left[:0]
		for d := range descriptors() {
			if !before[d] {
				left = append(left, "descriptor "+d)
			}
		}
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
			left = append(left, fmt.Sprintf("a child (pid %d, %v)", pid, err))
		}
		if len(left) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, mountMark) {
			left = append(left, "mount "+line)
		}
	}
	return strings.Join(left, ", ")
}

// mountMark is in the name of everything that tests mount.
const mountMark = "roost-launch-test"

// descriptors lists what this process has open, "number → what". What the Go runtime opens for itself, once and at any time,
// is left out: the poller, and since Go 1.25 the files of our cgroup.
func descriptors() map[string]bool {
	list := make(map[string]bool)
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		to, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || strings.HasPrefix(to, "anon_inode:[event") || strings.HasPrefix(to, "/sys/fs/cgroup/") ||
			to == fmt.Sprintf("/proc/%d/fd", os.Getpid()) {
			continue
		}
		list[e.Name()+" → "+to] = true
	}
	return list
}

// playAs runs this binary in a role and gives what it prints.
func playAs(t *testing.T, role string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// compile makes a program and fails the test when it cannot be made.
func compile(t testing.TB, flags uint64, f func(b *Builder)) *Program {
	t.Helper()
	b := &Builder{StatusFD: 9, Flags: flags}
	f(b)
	p, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// start starts a program and drives it; the child is killed and waited for when the test ends, if it is still there.
func start(t testing.TB, p *Program, files ...File) (*Child, error) {
	t.Helper()
	c, err := Start(p, Options{Files: files})
	if err != nil {
		skipWithoutNamespaces(t, p, err)
		t.Fatal(err)
	}
	err = c.Drive(t.Context())
	t.Cleanup(func() {
		c.Kill()
		_, _ = c.Wait()
		c.Close()
	})
	return c, err
}

func skipWithoutNamespaces(t testing.TB, p *Program, err error) {
	if p.Flags != 0 && (err == syscall.EPERM || err == syscall.ENOSPC) {
		t.Skipf("clone3 with new namespaces: %v: user namespaces are not to be had here", err)
	}
}

// finish runs a program to its end.
func finish(t testing.TB, p *Program, files ...File) syscall.WaitStatus {
	t.Helper()
	c, err := start(t, p, files...)
	if err != nil {
		t.Fatal(err)
	}
	ws, err := c.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return ws
}

// output runs a program to its end, with descriptors 1 and 2 on a pipe, and gives what came out.
func output(t testing.TB, p *Program, files ...File) (string, syscall.WaitStatus) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c, err := start(t, p, append([]File{{w, 1, true}, {w, 2, true}}, files...)...)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r)
	ws, err := c.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return string(text), ws
}

// execute ends a program as real ones end.
func execute(b *Builder, argv ...string) {
	args := make([]Arg, len(argv))
	for i, a := range argv {
		args[i] = b.String(a)
	}
	b.ExecNext()
	b.Call("execute "+argv[0], syscall.SYS_EXECVE, args[0], b.Pointers(args), b.Pointers([]Arg{b.String("PATH=/bin:/usr/bin")}))
}

// tellTo writes the value of a slot, as a message of its own kind, to the descriptor fd.
func tellTo(b *Builder, fd int, a Arg) {
	b.ReportTo(Const(fd))
	b.add(opTell, "tell", "tell", []Arg{Const(kindTest), a})
}

const kindTest = 99

// stopWith ends a program with a slot's value as the status.
func stopWith(b *Builder, a Arg) { b.add(opStop, "end", "exit_group", []Arg{a}) }

// open gives an *os.File that the test closes.
func open(t testing.TB, path string, flags int) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// pipe gives both ends of a pipe, closed with the test.
func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// nobody is an id that no account has.
const nobody = 54321

// asOrdinary is for tests that mean something for an ordinary user only. Root runs this one test again as one; the test then
// returns at once.
func asOrdinary(t *testing.T) (done bool) {
	t.Helper()
	if os.Getuid() != 0 {
		return false
	}
	cmd := exec.Command(publicCopy(t), "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as uid %d: %v\n%s", nobody, err, out)
	} else if strings.Contains(string(out), "--- SKIP") {
		t.Skipf("as uid %d: %s", nobody, out)
	}
	return true
}

// publicCopy is this binary where everybody can execute it: go test builds it in a directory of mode 0700.
func publicCopy(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "roost-launch-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "launch.test")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, self, 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}
