package integration

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestExecExitStatus(t *testing.T) {
	id := start(t, sh(sleeper))
	for _, want := range []int{0, 1, 42, 255} {
		if r := roost(t, "exec", id, "/bin/sh", "-c", "exit "+strconv.Itoa(want)); r.Code != want {
			t.Errorf("exit %d: %v", want, r)
		}
	}
	if r := roost(t, "exec", id, "/bin/sh", "-c", "kill -KILL $$"); r.Code != 137 {
		t.Errorf("killed: %v", r)
	}
	// Own errors of exec are 255, so that a caller can tell them from most payloads.
	for _, c := range []struct {
		word string
		argv []string
	}{
		{"executable file not found in $PATH", []string{id, "no-such-program"}},
		{"no such file or directory", []string{id, "/no/such/program"}},
		{"permission denied", []string{id, "/bin/not-executable"}},
		{"container does not exist", []string{"no-such-container", "true"}},
	} {
		if r := refuse(t, []string{c.word}, append([]string{"exec"}, c.argv...)...); r.Code != 255 {
			t.Errorf("exec %v: own errors are 255: %v", c.argv, r)
		}
	}
	must(t, "delete", "--force", id)
}

func TestExecFlags(t *testing.T) {
	id := start(t, with(sh(sleeper), func(s *specs.Spec) { s.Process.Env = []string{"PATH=/bin", "A=container"} }))
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"environment", []string{id, "sh", "-c", "echo $A $HOME"}, "container /root"},
		{"--env", []string{"--env", "A=flag", "--env", "B=more, with a comma", id, "sh", "-c", "echo $A; echo $B"}, "flag\nmore, with a comma"},
		{"--cwd", []string{"--cwd", "/etc", id, "pwd"}, "/etc"},
		{"flags end at the id", []string{id, "echo", "-e", "--cwd"}, "--cwd"},
		{"no new privileges", []string{"--no-new-privs", id, "grep", "NoNewPrivs", "/proc/self/status"}, "NoNewPrivs:\t1"},
		{"-u by number", []string{"-u", "0:0", id, "id", "-u"}, "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := must(t, append([]string{"exec"}, c.args...)...)
			if got := strings.TrimRight(r.Stdout, "\n"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	must(t, "delete", "--force", id)
}

// exec joins what the container has, all of it, and no more.
func TestExecJoins(t *testing.T) {
	id := start(t, sh(sleeper))
	const script = `for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done; hostname; cat /proc/1/comm`
	r := must(t, "exec", id, "/bin/sh", "-c", "cd /proc/1/ns && for n in cgroup ipc mnt net pid user uts; do readlink $n; done; hostname; cat /proc/1/comm")
	if same := must(t, "exec", id, "/bin/sh", "-c", script); same.Stdout != r.Stdout {
		t.Errorf("exec is in\n%s\nthe container in\n%s", same.Stdout, r.Stdout)
	}
	must(t, "delete", "--force", id)
}

// CVE-2026-30892: crun took "-u 1" for uid 0. CVE-2026-46680: a number over 32 bits was looked up as a name.
func TestExecUser(t *testing.T) {
	needRoost(t)
	needSubIDs(t)
	root := ownRootfs(t)
	spoil := passwd + "4294967296:x:0:0::/:/bin/sh\n+1:x:0:0::/:/bin/sh\n"
	if err := os.WriteFile(root+"/etc/passwd", []byte(spoil), 0o644); err != nil {
		t.Fatal(err)
	}
	id := start(t, with(sh(sleeper), rootfs(root, true), manyIDs(t), capable))
	for _, c := range []struct{ user, want string }{
		{"0", "0:0"}, {"1", "1:1"}, {"1:2", "1:2"}, {"1000", "1000:1000"}, {"alice", "1000:1000"}, {"alice:audio", "1000:29"},
		{"root", "0:0"}, {"1000:0", "1000:0"}, {"1234", "1234:0"}, {"01", ""}, {":5", ""}, {"+1", ""}, {"1x", ""},
		{"4294967296", ""}, {"4294967295", ""}, {"-1", ""}, {"nobody-here", ""}, {"alice:nogroup-here", ""}, {"1:4294967296", ""},
		{"70000", ""},
	} {
		r := roost(t, "exec", "--user="+c.user, id, "/bin/sh", "-c", "echo $(id -u):$(id -g)")
		switch {
		case c.want == "" && r.Code == 0:
			t.Errorf("-u %s was accepted and became %s", c.user, r.Stdout)
		case c.want != "" && strings.TrimSpace(r.Stdout) != c.want:
			t.Errorf("-u %s: want %s: %v", c.user, c.want, r)
		}
	}
	if r := must(t, "exec", "-u", "alice", id, "/bin/sh", "-c", "echo $HOME; id -G"); r.Stdout != "/home/alice\n1000 29 44\n" {
		t.Errorf("alice: %v", r)
	}
	if r := must(t, "exec", "-u", "1000:1000", "-g", "5", "--additional-gids", "6", id, "id", "-G"); strings.TrimSpace(r.Stdout) != "1000 5 6" {
		t.Errorf("additional groups: %v", r)
	}
	must(t, "delete", "--force", id)
}

// A passwd that the image made must not hang the host's tools.
func TestExecHostilePasswd(t *testing.T) {
	needRoost(t)
	for name, spoil := range map[string]func(path string) error{
		"fifo":      func(p string) error { return syscall.Mkfifo(p, 0o644) },
		"symlink":   func(p string) error { return os.Symlink("/dev/zero", p) },
		"directory": func(p string) error { return os.Mkdir(p, 0o755) },
		"missing":   func(string) error { return nil },
		"no end":    func(p string) error { return os.WriteFile(p, []byte(strings.Repeat("x", 1<<20)), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			root := ownRootfs(t)
			for _, file := range []string{"/etc/passwd", "/etc/group"} {
				os.Remove(root + file)
				if err := spoil(root + file); err != nil {
					t.Fatal(err)
				}
			}
			id := start(t, with(sh(sleeper), rootfs(root, true)))
			if r := must(t, "exec", id, "/bin/sh", "-c", "echo $HOME"); r.Stdout != "/\n" && r.Stdout != "/root\n" {
				t.Errorf("%v", r)
			}
			refuse(t, nil, "exec", "--user", "alice", id, "true")
			must(t, "delete", "--force", id)
		})
	}
}

func TestExecProcessFile(t *testing.T) {
	dir := tempDir(t)
	id := start(t, sh(sleeper))
	process := specs.Process{
		Args: []string{"/bin/sh", "-c", "echo $FROM; pwd"}, Env: []string{"PATH=/bin", "FROM=file"}, Cwd: "/etc",
	}
	raw, _ := json.Marshal(process)
	if err := os.WriteFile(dir+"/process.json", raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := must(t, "exec", "--process", dir+"/process.json", id); r.Stdout != "file\n/etc\n" {
		t.Errorf("%v", r)
	}
	refuse(t, nil, "exec", "--process", dir+"/missing.json", id)
	if err := syscall.Mkfifo(dir+"/fifo.json", 0o644); err != nil {
		t.Fatal(err)
	}
	if isThisRoost() { // others hang
		refuse(t, []string{"fifo.json"}, "exec", "--process", dir+"/fifo.json", id)
	}
	must(t, "delete", "--force", id)
}

func TestExecDetached(t *testing.T) {
	dir := tempDir(t)
	id := start(t, with(sh(sleeper), bind(dir, "/out")))
	must(t, "exec", "--detach", "--pid-file", dir+"/pid", id, "/bin/sh", "-c", "echo up >/out/up; exec sleep 1000")
	eventually(t, "the second process is up", func() bool { return exists(dir + "/up") })
	raw, _ := os.ReadFile(dir + "/pid")
	pid, err := strconv.Atoi(oneLine(raw))
	if err != nil {
		t.Fatalf("pid file holds %q", raw)
	}
	eventually(t, "the pid file's process is the payload", func() bool { return strings.Contains(describe(pid), "sleep 1000") })
	must(t, "delete", "--force", id)
	eventually(t, "it dies with the container", func() bool { return syscall.Kill(pid, 0) != nil })
}

func TestExecPreserveFds(t *testing.T) {
	id := start(t, sh(sleeper))
	cmd := command(t, "exec", "--preserve-fds", "1", id, "/bin/sh", "-c", "cat <&3; ls /proc/$$/fd; true")
	f, err := os.Open(home.rootfs + "/etc/canary")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	cmd.ExtraFiles = []*os.File{f, null, null}
	if r := finish(t, cmd); r.Code != 0 || strings.Join(lines(r.Stdout), " ") != "untouched 0 1 2 3" {
		t.Errorf("%v", r)
	}
	must(t, "delete", "--force", id)
}

// Inheritable stays empty unless it is asked for (CVE-2022-24769 and its family), with --cap too.
func TestExecCaps(t *testing.T) {
	id := start(t, with(sh(sleeper), func(s *specs.Spec) { s.Process.NoNewPrivileges = false }))
	for _, flags := range [][]string{nil, {"--cap", "CAP_NET_RAW"}, {"-c", "CAP_SYS_ADMIN"}} {
		argv := append(append([]string{"exec"}, flags...), id, "grep", "^Cap", "/proc/self/status")
		r := must(t, argv...)
		caps := capSets(r.Stdout)
		if caps["CapInh"] != 0 {
			t.Errorf("%v: inheritable is not empty: %s", flags, r.Stdout)
		}
		for _, c := range []struct {
			flag string
			bit  uint
		}{{"CAP_NET_RAW", 13}, {"CAP_SYS_ADMIN", 21}} {
			asked := len(flags) == 2 && flags[1] == c.flag
			if got := caps["CapEff"]&(1<<c.bit) != 0; got != asked {
				t.Errorf("%v: %s effective: %v", flags, c.flag, got)
			}
		}
	}
	if isThisRoost() { // others warn and go on
		refuse(t, []string{"CAP_NO_SUCH"}, "exec", "--cap", "CAP_NO_SUCH", id, "true")
	}
	must(t, "delete", "--force", id)
}

// What needs a later capability of roost is refused by name, not accepted and ignored.
func TestExecCgroupThatIsNotThere(t *testing.T) {
	needRoost(t)
	id := start(t, sh(sleeper))
	refuse(t, []string{"cgroup"}, "exec", "--cgroup=/x", id, "true") // there is none of that name
	must(t, "delete", "--force", id)
}

// A created container has no process of its own yet; what exec does then is a decision that has to be kept.
func TestExecIntoCreated(t *testing.T) {
	needRoost(t)
	id := newID(t)
	must(t, "create", "--bundle", newBundle(t, sh(sleeper)), id)
	r := roost(t, "exec", id, "/bin/true")
	t.Logf("exec into a created container: %v", r)
	if r.Code != 0 && r.Code != 255 {
		t.Errorf("neither done nor refused: %v", r)
	}
	wantStatus(t, id, "created")
	must(t, "delete", "--force", id)
}

// A container that stops whoever joins it (SIGSTOP) must not hang the caller.
func TestExecStoppedJoiner(t *testing.T) {
	needRoost(t)
	id := start(t, sh(`while :; do for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = 1 ] || kill -STOP $p 2>/dev/null; done; done`))
	// The payload itself may be what was stopped: then only the container's end ends it.
	cmd := command(t, "exec", id, "/bin/true")
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Second, func() { roost(t, "delete", "--force", id) })
	t.Logf("exec beside a process that stops all others: %v", collect())
	must(t, "delete", "--force", id)
}
