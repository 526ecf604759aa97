package runtime

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseStat(t *testing.T) {
	const rest = " 5 6 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9"
	for _, test := range []struct {
		name string
		text string
		want stat
	}{
		{"plain", "4 (cat) R" + rest, stat{state: 'R', ppid: 5, session: 7, start: 12345}},
		{"a space", "4 (my cat) S" + rest, stat{state: 'S', ppid: 5, session: 7, start: 12345}},
		{"a parenthesis", "4 (a) Z 1 2 3) S" + rest, stat{state: 'S', ppid: 5, session: 7, start: 12345}},
		{"all of another's line", "4 (x) Z 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0) S" + rest, stat{state: 'S', ppid: 5, session: 7, start: 12345}},
		{"a new line", "4 (a\nb) D" + rest, stat{state: 'D', ppid: 5, session: 7, start: 12345}},
		{"nothing", "4 () X" + rest, stat{state: 'X', ppid: 5, session: 7, start: 12345}},
		{"only parentheses", "4 ())))) X" + rest, stat{state: 'X', ppid: 5, session: 7, start: 12345}},
		{"no UTF-8", "4 (\xff\xfe\x01) I" + rest, stat{state: 'I', ppid: 5, session: 7, start: 12345}},
	} {
		if got, err := parseStat(test.text); err != nil || got.state != test.want.state || got.ppid != test.want.ppid || got.session != test.want.session || got.start != test.want.start {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
	// A process whose first thread alone has ended lives.
	if st, err := parseStat("4 (cat) Z" + strings.Replace(rest, " 20 0 1 ", " 20 0 5 ", 1)); err != nil || st.dead() {
		t.Errorf("%+v, %v", st, err)
	}
	for _, text := range []string{"", ")", "4 cat R" + rest, "4 (cat)", "4 (cat) R 5 6 7", "4 (cat) R x 6 7" + rest, "4 (cat) R" + strings.Replace(rest, "12345", "-1", 1)} {
		if got, err := parseStat(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("4 (cat) R 5 6 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9")
	f.Add(")))")
	f.Fuzz(func(_ *testing.T, text string) { _, _ = parseStat(text) }) // no panic
}

// TestHostileName: the kernel lets a process call itself anything.
func TestHostileName(t *testing.T) {
	name := ") Z 1 1 1"
	path := t.TempDir() + "/" + name
	raw, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Skipf("/bin/sleep is missing: %v", err)
	}
	if err := os.WriteFile(path, raw, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "1000")
	if err := cmd.Start(); err != nil {
		t.Skipf("programs in the temporary directory cannot be executed: %v", err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	st, err := readStat(cmd.Process.Pid)
	if err != nil || st.ppid != os.Getpid() || st.dead() {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestIdentity: a process is itself as long as it lives, and nobody else ever.
func TestIdentity(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	id, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	open := func(id identity) error {
		fd, err := id.open()
		if err == nil {
			unix.Close(fd)
		}
		return err
	}
	if err := open(id); err != nil {
		t.Error(err)
	}
	for name, other := range map[string]identity{
		"an earlier process of the pid": {id.pid, id.start - 1, id.boot, 0},
		"a later process of the pid":    {id.pid, id.start + 1, id.boot, 0},
		"another boot":                  {id.pid, id.start, "00000000-0000-0000-0000-000000000000", 0},
		"no boot":                       {id.pid, id.start, "", 0},
		"no process":                    {1 << 30, id.start, id.boot, 0},
		"no pid":                        {0, id.start, id.boot, 0},
		"a negative pid":                {-5, id.start, id.boot, 0},
	} {
		if err := open(other); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_ = cmd.Process.Kill()
	until(t, "a zombie", func() bool { return errors.Is(open(id), ErrNotRunning) }) // not waited for yet
	_ = cmd.Wait()
	if err := open(id); !errors.Is(err, ErrNotRunning) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := identify(id.pid); !gone(err) {
		t.Errorf("identify after the end: %v", err)
	}
}

// TestIdentityLink: what the link says survives, and what is no identity is not taken for one.
func TestIdentityLink(t *testing.T) {
	s := &Store{root: t.TempDir()}
	if err := os.Mkdir(s.root+"/x", 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := s.openDirectory("x")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if got, ok := d.readIdentity(); ok {
		t.Errorf("without a link: %v", got)
	}
	for _, want := range []identity{{2, 0, "b", 0}, {1<<31 - 1, 1<<64 - 1, "8a3c-1", 1<<64 - 1}} {
		if err := d.writeIdentity(want); err != nil {
			t.Fatal(err)
		}
		if got, ok := d.readIdentity(); !ok || got != want {
			t.Errorf("%v, %v; not %v", got, ok, want)
		}
	}
	for _, text := range []string{"", "1 2 b", "0 2 b", "-7 2 b", "7 -2 b", "7 2", "7 2 b c", "x 2 b", strings.Repeat("7", 300)} {
		if got, ok := parseIdentity(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestMemberSignal: a signal never reaches a later process of the same pid.
func TestMemberSignal(t *testing.T) {
	cmd := exec.Command("/bin/sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	st, err := readStat(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := (member{cmd.Process.Pid, st.start + 1}).signal(unix.SIGKILL); err != unix.ESRCH {
		t.Error(err)
	}
	if err := (member{cmd.Process.Pid, st.start}).signal(0); err != nil {
		t.Error(err)
	}
}

// TestBootID says where a pid means something: the boot, in 36 characters, and the pid namespace.
func TestBootID(t *testing.T) {
	boot, err := bootID()
	id, namespace, ok := strings.Cut(boot, "/")
	if err != nil || !ok || len(id) != 36 || !strings.HasPrefix(namespace, "pid:[") || strings.ContainsAny(boot, " \n") {
		t.Error(boot, err)
	}
}

// TestOtherPidNamespace: a process that cannot be seen from here has not ended because of that, as long as somebody is in its
// pid namespace.
func TestOtherPidNamespace(t *testing.T) {
	id, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if past, err := id.isPast(); past || err != nil {
		t.Error(past, err)
	}
	other := exec.Command("sleep", "1000")
	other.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID}
	if err := other.Start(); err != nil {
		t.Skipf("needs user namespaces: %v", err)
	}
	namespace := namespaceLink(other.Process.Pid, "pid")
	id.boot = id.boot[:36] + "/" + namespace
	past, err := id.isPast()
	if past || err == nil || !strings.Contains(err.Error(), namespace) {
		t.Error(past, err)
	}
	if fd, err := id.open(); err == nil || errors.Is(err, ErrNotRunning) {
		t.Error(fd, err)
	}
	_ = other.Process.Kill()
	_ = other.Wait()
	first := namespaceLink(os.Getpid(), "pid") == "pid:[4026531836]" // who is elsewhere cannot tell
	if past, err := id.isPast(); past != first || (err == nil) != first {
		t.Error(past, err)
	}
	id.boot = "00000000-0000-0000-0000-000000000000/pid:[1]"
	if past, err := id.isPast(); !past || err != nil {
		t.Error(past, err)
	}
}
