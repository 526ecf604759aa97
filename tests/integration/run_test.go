package integration

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestRunExitStatus(t *testing.T) {
	for _, c := range []struct {
		script string
		want   int
	}{
		{"exit 0", 0}, {"exit 1", 1}, {"exit 42", 42}, {"exit 255", 255},
		{"exit 137", 137},
	} {
		if r := runOnce(t, sh(c.script)); r.Code != c.want {
			t.Errorf("%s: %v", c.script, r)
		}
	}
}

// 128+n. From inside, a pid 1 gets no signal that it does not handle, so one case has no pid namespace.
func TestRunSignalled(t *testing.T) {
	dir, id := tempDir(t), newID(t)
	bundle := newBundle(t, with(sh("echo up >/out/up; exec sleep 1000"), bind(dir, "/out")))
	cmd := command(t, "run", "--bundle", bundle, id)
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the payload is up", func() bool { return exists(dir + "/up") })
	if err := syscall.Kill(state(t, id).Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if r := collect(); r.Code != 137 {
		t.Errorf("killed from outside: %v", r)
	}
	if r := runOnce(t, with(sh("kill -SEGV $$"), dropNamespace(specs.PIDNamespace), hostProc)); r.Code != 139 {
		t.Errorf("killed by itself: %v", r)
	}
}

func TestRunLeavesNothing(t *testing.T) {
	id := newID(t)
	if r := roost(t, "run", "--bundle", newBundle(t, sh("sleep 1000 & exit 3")), id); r.Code != 3 {
		t.Errorf("run: %v", r)
	}
	refuse(t, []string{"container does not exist"}, "state", id)
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
}

// Every signal that makes sense reaches the payload.
func TestRunForwardsSignals(t *testing.T) {
	for _, sig := range []struct {
		name   string
		number syscall.Signal
		ends   bool
	}{
		{"HUP", syscall.SIGHUP, true}, {"INT", syscall.SIGINT, true}, {"TERM", syscall.SIGTERM, true}, {"QUIT", syscall.SIGQUIT, true},
		{"USR1", syscall.SIGUSR1, false}, {"USR2", syscall.SIGUSR2, false}, {"ALRM", syscall.SIGALRM, false}, {"CONT", syscall.SIGCONT, false},
	} {
		t.Run(sig.name, func(t *testing.T) {
			dir, id := tempDir(t), newID(t)
			bundle := newBundle(t, with(sh("trap 'exit 9' "+sig.name+"; echo up >/out/up; while :; do sleep 1000 & wait; done"), bind(dir, "/out")))
			cmd := command(t, "run", "--bundle", bundle, id)
			collect := capture(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the payload is up", func() bool { return exists(dir + "/up") })
			if err := cmd.Process.Signal(sig.number); err != nil {
				t.Fatal(err)
			}
			// Those that end a program are caught before the payload is there. The others are forwarded from a moment after the start only
			// (internal/terminal, Ready: waiting for them would cost 7 % of a run), and the payload may be up before that.
			if !sig.ends {
				time.AfterFunc(time.Second, func() { cmd.Process.Signal(sig.number) })
			}
			if r := collect(); r.Code != 9 {
				t.Errorf("%v", r)
			}
		})
	}
}

func TestRunStandardStreams(t *testing.T) {
	id := newID(t)
	cmd := command(t, "run", "--bundle", newBundle(t, sh("cat; echo to-stderr >&2")), id)
	cmd.Stdin = strings.NewReader("through a pipe\n")
	if r := finish(t, cmd); r.Code != 0 || r.Stdout != "through a pipe\n" || r.Stderr != "to-stderr\n" {
		t.Errorf("%v", r)
	}
}

// Closed standard streams are /dev/null for the payload, never a file that roost happened to open.
func TestRunClosedStreams(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	bundle := newBundle(t, with(sh("for n in 0 1 2; do readlink /proc/$$/fd/$n; done >/out/fds"), bind(dir, "/out")))
	cmd := command(t, "run", "--bundle", bundle, newID(t))
	cmd.Args = append([]string{"sh", "-c", `exec "$@" <&- >&- 2>&-`, "sh"}, append([]string{cmd.Path}, cmd.Args[1:]...)...)
	cmd.Path = "/bin/sh"
	if r := finish(t, cmd); r.Code != 0 {
		t.Errorf("%v", r)
	}
	raw, _ := os.ReadFile(dir + "/fds")
	for _, target := range lines(string(raw)) {
		if target != "/dev/null" && target != "/out/fds" {
			t.Errorf("a closed stream became %q", target)
		}
	}
}

func TestRunPidFile(t *testing.T) {
	dir := tempDir(t)
	id := newID(t)
	must(t, "run", "-d", "--pid-file", dir+"/pid", "--bundle", newBundle(t, sh(sleeper)), id)
	raw, err := os.ReadFile(dir + "/pid")
	if err != nil || string(raw) != strconv.Itoa(state(t, id).Pid) {
		t.Errorf("pid file holds %q (%v), want the bare pid as runc writes it", raw, err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("a temporary file is left beside the pid file: %v", entries)
	}
	must(t, "delete", "--force", id)
}

// A pid file's name that somebody else can place must not be followed.
func TestRunPidFileIsNotFollowed(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	if err := os.WriteFile(dir+"/canary", []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("canary", dir+"/pid"); err != nil {
		t.Fatal(err)
	}
	id := newID(t)
	roost(t, "run", "--pid-file", dir+"/pid", "--bundle", newBundle(t, nil), id)
	if raw, _ := os.ReadFile(dir + "/canary"); string(raw) != "untouched" {
		t.Errorf("wrote through a symlink: %q", raw)
	}
}

func TestRunKeepAndReplace(t *testing.T) {
	needRoost(t)
	bundle, id := newBundle(t, sh("exit 5")), newID(t)
	if r := roost(t, "run", "--keep", "--bundle", bundle, id); r.Code != 5 {
		t.Fatalf("%v", r)
	}
	wantStatus(t, id, "stopped")
	refuse(t, []string{"container with given ID already exists"}, "run", "--bundle", bundle, id)
	if r := roost(t, "run", "--replace", "--bundle", bundle, id); r.Code != 5 {
		t.Errorf("--replace a stopped one: %v", r)
	}
	refuse(t, []string{"container does not exist"}, "state", id)
	if r := roost(t, "run", "--replace", "--bundle", bundle, id); r.Code != 5 {
		t.Errorf("--replace nothing: %v", r)
	}
	// --replace clears what a killed predecessor left; it does not kill a living one.
	must(t, "run", "-d", "--bundle", newBundle(t, sh(sleeper)), id)
	refuse(t, nil, "run", "--replace", "--bundle", bundle, id)
	wantStatus(t, id, "running")
	must(t, "delete", "--force", id)
}

func TestRunDetachNeedsNoTerminalSocket(t *testing.T) {
	refuse(t, []string{"cannot allocate tty if", "without setting console socket"}, "run", "-d", "--bundle", newBundle(t, func(s *specs.Spec) { s.Process.Terminal = true }), newID(t))
	refuse(t, []string{"cannot use console socket if", "will not detach or allocate tty"}, "run", "--console-socket", "/nowhere", "--bundle", newBundle(t, nil), newID(t))
}

// --preserve-fds N hands on 3 … 3+N-1 and nothing after them.
func TestRunPreserveFds(t *testing.T) {
	for _, c := range []struct{ flag, want string }{{"0", "0 1 2"}, {"1", "0 1 2 3"}, {"2", "0 1 2 3 4"}} {
		cmd := command(t, "run", "--preserve-fds", c.flag, "--bundle", newBundle(t, sh("cd /proc/1/fd; echo *")), newID(t))
		for range 5 {
			f, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		}
		r := finish(t, cmd)
		got := strings.Fields(strings.TrimSpace(r.Stdout))
		// The shell keeps one more open while it expands the pattern: the directory itself.
		if len(got) > 0 && len(got) == len(strings.Fields(c.want))+1 {
			got = got[:len(got)-1]
		}
		if r.Code != 0 || strings.Join(got, " ") != c.want {
			t.Errorf("--preserve-fds %s: %v", c.flag, r)
		}
	}
	if isThisRoost() { // others take what their own language runtime has open there
		refuse(t, []string{"preserve-fds"}, "run", "--preserve-fds", "3", "--bundle", newBundle(t, nil), newID(t))
	}
}

// Sentences that callers look for, at create, not only at start.
func TestExecutableErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		argv  []string
		words []string
		not   string
	}{
		{"not in PATH", []string{"no-such-program"}, []string{`executable file not found in $PATH`}, "permission denied"},
		{"no such path", []string{"/no/such/program"}, []string{"no such file or directory"}, "permission denied"},
		{"not executable", []string{"/bin/not-executable"}, []string{"permission denied"}, "not found"},
		{"a directory", []string{"/etc"}, []string{"/etc"}, "not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, command := range []string{"create", "run"} {
				r := refuse(t, c.words, command, "--bundle", newBundle(t, args(c.argv...)), newID(t))
				if r.Code != 1 {
					t.Errorf("%s: own errors are 1: %v", command, r)
				}
				if strings.Contains(strings.ToLower(r.Stderr), c.not) {
					t.Errorf("%s: callers would take %q for the other class: %v", command, c.not, r)
				}
			}
			if left := containers(stateRoot(t)); len(left) > 0 {
				t.Errorf("left state: %q", left)
			}
		})
	}
	// Only execve can tell that a file is no program.
	refuse(t, []string{"exec format error"}, "run", "--bundle", newBundle(t, args("/bin/not-a-program")), newID(t))
}

// PATH is the container's, and the first that is executable wins.
func TestPathSearch(t *testing.T) {
	root := ownRootfs(t)
	for _, d := range []string{"a", "b", "c"} {
		if err := os.Mkdir(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("a/tool", "#!/bin/sh\necho a\n", 0o644)
	write("b/tool", "#!/bin/sh\necho b\n", 0o755)
	write("c/tool", "#!/bin/sh\necho c\n", 0o755)
	r := runOnce(t, with(args("tool"), rootfs(root, true), func(s *specs.Spec) {
		s.Process.Env = []string{"PATH=/a:/b:/c:/bin"}
	}))
	if r.Code != 0 || r.Stdout != "b\n" {
		t.Errorf("%v", r)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("ROOST_TEST_SECRET", "must not get in")
	got := output(t, "env | sort", func(s *specs.Spec) {
		s.Process.Env = []string{"PATH=/bin", "A=1", "B=two words", "C=", "D=a=b"}
	})
	want := "A=1\nB=two words\nC=\nD=a=b\nHOME=/root\nPATH=/bin"
	// A shell sets some of its own.
	var kept []string
	for _, l := range lines(got) {
		if !strings.HasPrefix(l, "PWD=") && !strings.HasPrefix(l, "SHLVL=") && !strings.HasPrefix(l, "OLDPWD=") && !strings.HasPrefix(l, "_=") {
			kept = append(kept, l)
		}
	}
	if strings.Join(kept, "\n") != want {
		t.Errorf("environment:\n%s\nwant:\n%s", strings.Join(kept, "\n"), want)
	}
}

// HOME comes from the container's passwd unless the configuration says it.
func TestHome(t *testing.T) {
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"PATH=/bin"}, "/root"},
		{[]string{"PATH=/bin", "HOME=/tmp"}, "/tmp"},
	} {
		if got := output(t, "echo $HOME", func(s *specs.Spec) { s.Process.Env = c.env }); got != c.want {
			t.Errorf("HOME with %v is %q, want %q", c.env, got, c.want)
		}
	}
}

// A working directory that is not there is made; a file in its place is an error.
func TestWorkingDirectory(t *testing.T) {
	root := ownRootfs(t)
	got := output(t, "pwd", rootfs(root, false), func(s *specs.Spec) { s.Process.Cwd = "/made/for/it" })
	if got != "/made/for/it" {
		t.Errorf("cwd is %q", got)
	}
	refuse(t, []string{"/etc/passwd"}, "run", "--bundle", newBundle(t, func(s *specs.Spec) { s.Process.Cwd = "/etc/passwd" }), newID(t))
}

func TestHostname(t *testing.T) {
	if got := output(t, "hostname", func(s *specs.Spec) { s.Hostname = "somewhere" }); got != "somewhere" {
		t.Errorf("hostname is %q", got)
	}
	refuse(t, []string{"hostname"}, "run", "--bundle", newBundle(t, with(dropNamespace(specs.UTSNamespace), func(s *specs.Spec) { s.Hostname = "x" })), newID(t))
}
