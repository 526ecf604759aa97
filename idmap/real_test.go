package idmap

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The helpers read the real /etc and their own setuid bit, so the tests of them
// run this binary again: in a private mount namespace with other files in /etc,
// as an ordinary user. bodies is what it then does.
func bodies() map[string]func() (string, error) {
	return map[string]func() (string, error){"write": bodyWrite, "subids": bodySubIDs, "direct": bodyDirect}
}

func TestMain(m *testing.M) {
	if body := bodies()[os.Getenv("ROOST_BODY")]; body != nil {
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

// bodyWrite makes a process in a new user namespace, has the helpers map it, and
// shows what came of it.
func bodyWrite() (string, error) {
	if os.Getenv("ROOST_SIGCHLD") != "" {
		signal.Ignore(syscall.SIGCHLD) // the kernel reaps, and nobody learns a status
	}
	m, err := ParseMapping(os.Getenv("ROOST_MAP"))
	if err != nil {
		return "", err
	}
	child, stop, err := sleeper(os.Getenv("ROOST_SLEEPER"))
	if err != nil {
		return "", err
	}
	defer stop()
	var h Helpers
	if dir := os.Getenv("ROOST_HELPERS"); dir != "" {
		h.Dirs = []string{dir}
	}
	if err := h.Write(context.Background(), child, m); err != nil {
		return "", err
	}
	if os.Getenv("ROOST_TWICE") != "" {
		return "", h.Write(context.Background(), child, m)
	}
	dir := "/proc/" + strconv.Itoa(child)
	uids, err1 := ownedMap(dir + "/uid_map")
	gids, err2 := ownedMap(dir + "/gid_map")
	setgroups, err3 := readProc(dir + "/setgroups")
	return fmt.Sprintf("%s;%s setgroups %s", uids, gids, strings.TrimSpace(setgroups)), firstOf(err1, err2, err3)
}

func bodySubIDs() (string, error) {
	a, err := Sources{}.Account(context.Background(), uint32(os.Getuid()), uint32(os.Getgid()))
	if err != nil {
		return "", err
	}
	uids, gids, source, err := SubIDs(context.Background(), a)
	return fmt.Sprintf("%s: %s; %s from %s", a, describe(uids), describe(gids), source), err
}

// bodyDirect maps the caller's own ids without a helper.
func bodyDirect() (string, error) {
	child, stop, err := sleeper(os.Getenv("ROOST_SLEEPER"))
	if err != nil {
		return "", err
	}
	defer stop()
	return "written", WriteDirectly(child, Mapping{UIDs: Single(uint32(os.Getuid())), GIDs: Single(uint32(os.Getgid()))}, true)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func ownedMap(path string) (Map, error) {
	text, err := readProc(path)
	if err != nil {
		return nil, err
	}
	return ParseKernel(text)
}

// sleeper is a process in a new user namespace without maps. It ends with stop.
func sleeper(program string) (pid int, stop func(), err error) {
	if program == "" {
		program = "/bin/cat"
	}
	cmd := exec.Command(program)
	cmd.Env = []string{}
	input, err := cmd.StdinPipe()
	if err != nil {
		return 0, nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	if program == "/bin/true" {
		// A process that ended and is not waited for would still be mapped.
		return cmd.Process.Pid, func() {}, cmd.Wait()
	}
	return cmd.Process.Pid, func() { input.Close(); cmd.Process.Kill(); cmd.Wait() }, nil
}

// scene is one way in which the machine may be set up.
type scene struct {
	files  map[string]string // in /etc
	setup  string            // shell, as root, in the private mount namespace; $D is a directory of its own
	user   string            // options of setpriv(1)
	env    []string
	nested bool // in a user namespace that has ids 0-65535 of the machine
}

const roosty = "--reuid=61234 --regid=61234 --clear-groups"

// etcFiles are an account with sub-ids of both kinds, over the given ones.
func etcFiles(over map[string]string) map[string]string {
	files := map[string]string{
		"passwd":        "root:x:0:0:root:/root:/bin/sh\nroosty:x:61234:61234::/:/bin/sh\n",
		"subuid":        "roosty:200000:1000\n61234:300000:1000\n",
		"subgid":        "roosty:400000:1000\n",
		"nsswitch.conf": "passwd: files\n",
	}
	for name, text := range over {
		files[name] = text
	}
	return files
}

// play runs a body in a scene and returns what it printed.
func (s scene) play(t *testing.T, body string) string {
	t.Helper()
	needRoot(t)
	dir := s.stage(t)
	const script = `set -e
mount --make-rprivate /
for f in "$D"/etc/*; do
	[ -e /etc/"${f##*/}" ] && mount --bind "$f" /etc/"${f##*/}"
done
eval "$SETUP"
exec setpriv $USERFLAGS "$D"/body
`
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "D=" + dir, "SETUP=" + s.setup, "USERFLAGS=" + s.user, "ROOST_BODY=" + body}, s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if s.nested {
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 65536}}
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings, cmd.SysProcAttr.GidMappings = ids, ids
		cmd.SysProcAttr.GidMappingsEnableSetgroups = true
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	return strings.TrimSpace(out.String())
}

// stage puts this binary and the files where an ordinary user reads them, which
// t.TempDir is not.
func (s scene) stage(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "roost-idmap-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, sub := range []string{"etc", "bin", "lib"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range s.files {
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, "/proc/self/exe", filepath.Join(dir, "body"))
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := firstOf(err, out.Chmod(0o755), out.Close()); err != nil {
		t.Fatal(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: other files in /etc, in a private mount namespace, and another user")
	}
	if m, err := ownedMap("/proc/self/uid_map"); err != nil || len(m) == 0 || m[0].Size < 4294967295 {
		t.Skip("needs root of the machine: the ids 0-400999")
	}
	needPrograms(t, "setpriv", "mount")
}

func needPrograms(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, ok := program(nil, name); !ok {
			t.Skip(name + " is not installed")
		}
	}
}
