package integration

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// fatal is the record of an error; see docs/errors.md.
type fatal struct {
	Level, Msg, Code, Kind, Step, Path, Hint string
	Time                                     time.Time
	Errno, Exit                              int
}

// failing runs a command that has to fail, with a JSON log, and returns its record: the file has to hold that one object and nothing
// else, in one line, since podman decodes the whole of it.
func failing(t testing.TB, args ...string) (fatal, result) {
	t.Helper()
	log := filepath.Join(tempDir(t), "log")
	r := roost(t, append([]string{"--log", log, "--log-format", "json", "--debug"}, args...)...)
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	var f fatal
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || d.More() || bytes.Count(raw, []byte("\n")) != 1 {
		t.Fatalf("%v: not one object in one line: %s\n%v", err, raw, r)
	}
	if r.Code == 0 || f.Level != "error" || time.Since(f.Time).Abs() > time.Hour {
		t.Errorf("%+v: %v", f, r)
	}
	if r.Stderr != "roost: "+f.Msg+"\n" {
		t.Errorf("the log has %q: %v", f.Msg, r)
	}
	if f.Hint != "" && !strings.HasSuffix(f.Msg, "; "+f.Hint) && !strings.Contains(f.Msg, f.Hint) {
		t.Errorf("the hint %q is not in %q", f.Hint, f.Msg)
	}
	return f, r
}

// podman tells classes of errors apart by these, in this order (libpod/oci_util.go); 125 is neither.
func podmanClass(msg string) int {
	switch {
	case regexp.MustCompile("(?i).*permission denied.*|.*operation not permitted.*").MatchString(msg):
		return 126
	case regexp.MustCompile("(?i).*executable file not found in.*|.*no such file or directory.*|.*open executable.*").MatchString(msg):
		return 127
	}
	return 125
}

// Each error has its code, and the words that callers look for: containerd, podman, moby, CRI-O.
func TestErrorRecords(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	running, ended, created := start(t, sh(sleeper)), start(t, sh("true")), newID(t)
	must(t, "create", "--bundle", newBundle(t, sh("true")), created)
	stopped(t, ended)
	bundle := func(change func(*specs.Spec)) []string {
		return []string{"create", "--bundle", newBundle(t, change), newID(t)}
	}
	for _, c := range []struct {
		name   string
		args   []string
		code   string
		status int
		words  []string
		not    string // what callers would take it for
		podman int    // 0 where podman never sees it
		want   fatal  // fields that are set must be these; Step and Hint a part of them
	}{
		{"not in PATH", bundle(args("no-such-program")), "E_EXEC_NOT_FOUND", 1, []string{"executable file not found in $PATH"}, "permission", 127,
			fatal{Errno: 2, Exit: 127, Path: "no-such-program", Step: "find no-such-program", Hint: "set PATH"}},
		{"no such path", bundle(args("/no/such/program")), "E_EXEC_NOT_FOUND", 1, []string{"no such file or directory"}, "permission", 127, fatal{Errno: 2, Exit: 127, Path: "/no/such/program"}},
		{"not executable", bundle(args("/bin/not-executable")), "E_EXEC_PERMISSION", 1, []string{"permission denied"}, "not found", 126, fatal{Errno: 13, Exit: 126}},
		{"a directory", bundle(args("/etc")), "E_EXEC_FORMAT", 1, []string{"is a directory"}, "not found", 125, fatal{Errno: 21, Exit: 126}},
		{"no program", []string{"run", "--bundle", newBundle(t, args("/bin/not-a-program")), newID(t)}, "E_EXEC_FORMAT", 1, []string{"exec format error"}, "", 125, fatal{Errno: 8, Exit: 126, Step: "exec /bin/not-a-program"}},
		{"exec of what is not there", []string{"exec", running, "no-such-program"}, "E_EXEC_NOT_FOUND", 255, []string{"exec failed: ", "executable file not found in $PATH"}, "permission", 127, fatal{Exit: 127}},
		{"exec in what has ended", []string{"exec", ended, "true"}, "E_NOT_RUNNING", 255, []string{"exec failed: ", "cannot exec in a stopped container", "container not running"}, "", 125, fatal{Exit: 125}},
		{"exec before start", []string{"exec", created, "true"}, "E_NOT_RUNNING", 255, []string{"container not running"}, "", 0, fatal{Hint: "start it first"}},
		{"exec of another", []string{"exec", "nobody", "true"}, "E_NO_CONTAINER", 255, []string{"container does not exist"}, "no such file", 125, fatal{Exit: 125}},
		{"exec as another", []string{"exec", "--user", "nobody-here", running, "true"}, "E_USER", 255, []string{"no such user"}, "no such file", 125, fatal{Hint: "name one of those"}},
		{"exec elsewhere", []string{"exec", "--cwd", "/no/where", running, "true"}, "E_PROCESS", 255, []string{"/no/where"}, "", 0, fatal{Errno: 2, Path: "/no/where", Step: "enter the working directory"}},
		{"state", []string{"state", "nobody"}, "E_NO_CONTAINER", 1, []string{"container does not exist"}, "", 0, fatal{}},
		{"start", []string{"start", "nobody"}, "E_NO_CONTAINER", 1, []string{"container does not exist"}, "", 125, fatal{}},
		{"delete", []string{"delete", "nobody"}, "E_NO_CONTAINER", 1, []string{"does not exist"}, "", 125, fatal{}}, // containerd: as good as deleted
		{"kill", []string{"kill", "nobody", "9"}, "E_NO_CONTAINER", 1, []string{"does not exist"}, "", 0, fatal{}},
		{"kill what has ended", []string{"kill", ended, "9"}, "E_NOT_RUNNING", 1, []string{"container not running"}, "", 125, fatal{}}, // containerd and CRI-O: not found
		{"kill with what", []string{"kill", running, "SIGNONSENSE"}, "E_USAGE", 1, []string{"unknown signal"}, "", 0, fatal{Hint: "give a name such as TERM"}},
		{"start again", []string{"start", running}, "E_RUNNING", 1, []string{"cannot start an already running container"}, "", 0, fatal{}},
		{"start what has ended", []string{"start", ended}, "E_NOT_RUNNING", 1, []string{"cannot start a container that has stopped"}, "", 0, fatal{}},
		{"delete what runs", []string{"delete", running}, "E_RUNNING", 1, []string{"cannot delete container " + running + " that is not stopped: running", "container still running"}, "", 0, fatal{Hint: "kill it first, or use --force"}},
		{"create again", []string{"create", "--bundle", newBundle(t, nil), running}, "E_CONTAINER_EXISTS", 1, []string{"container with given ID already exists"}, "", 125, fatal{Hint: "choose another id"}},
		{"no id", []string{"create", "--bundle", newBundle(t, nil), "a/b"}, "E_INVALID_ID", 1, []string{"invalid container ID format"}, "", 125, fatal{}},
		{"no bundle", []string{"create", "--bundle", dir, newID(t)}, "E_NO_BUNDLE", 1, []string{dir + "/config.json"}, "no such file", 125, fatal{Errno: 2, Hint: "--bundle"}},
		{"configuration", bundle(func(s *specs.Spec) { s.Process.Cwd = "relative" }), "E_CONFIG", 1, []string{"process.cwd"}, "", 125, fatal{Path: "process.cwd"}},
		{"root", bundle(func(s *specs.Spec) { s.Root.Path = dir + "/nowhere" }), "E_ROOTFS", 1, []string{"root.path"}, "no such file", 125, fatal{Hint: "unpack a root file system there"}},
		{"mount source", bundle(bind(dir+"/nowhere", "/mnt")), "E_MOUNT", 1, []string{dir + "/nowhere"}, "", 0, fatal{Errno: 2, Path: dir + "/nowhere", Step: "open " + dir + "/nowhere"}},
		{"mount of nothing", bundle(func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "nopefs", Source: "x"})
		}), "E_MOUNT", 1, []string{"mount nopefs on /mnt"}, "", 125, fatal{Errno: 19}},
		{"namespace", bundle(namespace(specs.UTSNamespace, dir)), "E_NAMESPACE", 1, []string{"is no namespace"}, "", 125, fatal{}},
		{"id map", []string{"run", "--idmap", "nonsense", "--bundle", newBundle(t, noUserNamespace), newID(t)}, "E_IDMAP", 1, []string{"--idmap=nonsense"}, "", 125, fatal{Hint: "write CONTAINER:HOST:SIZE"}},
		{"pid file", append([]string{"create", "--pid-file", dir + "/no/where"}, bundle(nil)[1:]...), "E_PID_FILE", 1, []string{"pid file"}, "", 0, fatal{Errno: 2}},
		{"terminal", bundle(func(s *specs.Spec) { s.Process.Terminal = true }), "E_USAGE", 1, []string{"cannot allocate tty if", "without setting console socket"}, "", 125, fatal{}},
		{"console socket", append([]string{"create", "--console-socket", dir + "/nobody"}, bundle(func(s *specs.Spec) { s.Process.Terminal = true })[1:]...), "E_TERMINAL", 1, []string{"console socket " + dir + "/nobody"}, "", 0, fatal{Errno: 2, Hint: "create it before the container"}},
		{"no such flag", []string{"state", "--nonsense", running}, "E_USAGE", 1, []string{"unknown flag --nonsense"}, "", 0, fatal{Exit: 125, Hint: "see: roost state --help"}},
		{"no such command", []string{"nonsense"}, "E_USAGE", 1, []string{"unknown command"}, "", 0, fatal{}},
		{"a command of later", []string{"checkpoint", running}, "E_NOT_SUPPORTED", 1, []string{"not supported"}, "", 0, fatal{}},
		{"the state root", []string{"--root", "/proc/no/where", "create", "--bundle", newBundle(t, nil), newID(t)}, "E_STATE", 1, []string{"state root"}, "", 0, fatal{Hint: "choose another --root"}},
		{"a hook", bundle(func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/false"}}} }), "E_HOOK", 1, []string{"hooks.createRuntime[0] /bin/false"}, "", 125, fatal{Path: "/bin/false", Step: "hooks.createRuntime[0]"}},
		{"a hook that is not there", bundle(func(s *specs.Spec) { s.Hooks = &specs.Hooks{CreateContainer: []specs.Hook{{Path: "/no/hook"}}} }), "E_HOOK", 1, []string{"/no/hook"}, "", 0, fatal{Errno: 2, Path: "/no/hook"}},
		{"an unknown end", []string{"wait", ended}, "E_NO_STATUS", 254, []string{"its exit status is not known"}, "", 0, fatal{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, r := failing(t, c.args...)
			if f.Code != c.code || r.Code != c.status {
				t.Errorf("%s with status %d, want %s with %d: %+v", f.Code, r.Code, c.code, c.status, f)
			}
			for _, word := range c.words {
				if !strings.Contains(f.Msg, word) {
					t.Errorf("no %q in %q", word, f.Msg)
				}
			}
			if c.not != "" && strings.Contains(strings.ToLower(f.Msg), c.not) {
				t.Errorf("%q in %q", c.not, f.Msg)
			}
			if got := podmanClass(f.Msg); c.podman != 0 && got != c.podman {
				t.Errorf("podman takes %q for %d, want %d", f.Msg, got, c.podman)
			}
			if c.want.Exit == 0 {
				c.want.Exit = 125
			}
			if f.Exit != c.want.Exit || c.want.Errno != 0 && f.Errno != c.want.Errno || c.want.Path != "" && f.Path != c.want.Path ||
				!strings.Contains(f.Step, c.want.Step) || !strings.Contains(f.Hint, c.want.Hint) {
				t.Errorf("%+v, want %+v", f, c.want)
			}
		})
	}
	for _, id := range []string{running, ended, created} {
		must(t, "delete", "--force", id)
	}
}

func noUserNamespace(s *specs.Spec) {
	s.Linux.Namespaces, s.Linux.UIDMappings, s.Linux.GIDMappings = without(s.Linux.Namespaces, specs.UserNamespace), nil, nil
}

func without(list []specs.LinuxNamespace, kind specs.LinuxNamespaceType) (kept []specs.LinuxNamespace) {
	for _, n := range list {
		if n.Type != kind {
			kept = append(kept, n)
		}
	}
	return kept
}

// What a policy denies says which, and a warning is no record of its own: neither before the fatal one nor without one.
func TestErrorRecordOfPolicy(t *testing.T) {
	needRoost(t)
	log := filepath.Join(tempDir(t), "log")
	run := func(policy string, change func(*specs.Spec)) []string {
		return []string{"run", "--degrade", policy, "--bundle", newBundle(t, change), newID(t)}
	}
	set := func(args []string) []string { return append([]string{"--log", log, "--log-format", "json"}, args...) }
	t.Setenv("NOTIFY_SOCKET", "vsock:1:1")
	f, _ := failing(t, run("notify=deny", nil)...)
	if f.Code != "E_DEGRADED" || f.Kind != "notify" || f.Hint != "run without it: --degrade notify=warn" {
		t.Errorf("%+v", f)
	}
	if !isRoot() {
		lower := -500
		f, _ := failing(t, run("oom=deny", func(s *specs.Spec) { s.Process.OOMScoreAdj = &lower })...)
		if f.Code != "E_DEGRADED" || f.Kind != "oom" || f.Step == "" || f.Path != "/proc/self/oom_score_adj" {
			t.Errorf("%+v", f)
		}
		f, _ = failing(t, run("sysfs=deny", with(onHostNetwork, func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "sysfs", Source: "sysfs"})
		}))...)
		if f.Code != "E_DEGRADED" || f.Kind != "sysfs" || !strings.Contains(f.Step, "mount sysfs on /mnt") || f.Errno != 1 {
			t.Errorf("%+v", f)
		}
		f, _ = failing(t, run("all=deny,notify=ignore", func(s *specs.Spec) { // a mistake, whatever the policies
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: []string{"nope=1"}})
		})...)
		if f.Code != "E_MOUNT" || f.Kind != "" {
			t.Errorf("%+v", f)
		}
	}
	if f, _ := failing(t, run("notify=warn", args("no-such-program"))...); f.Code != "E_EXEC_NOT_FOUND" {
		t.Errorf("%+v", f)
	}
	// A mistake beside it is the mistake of whoever wrote the configuration.
	f, _ = failing(t, run("notify=deny", func(s *specs.Spec) {
		s.Hostname, s.Linux.Namespaces = "x", without(s.Linux.Namespaces, specs.UTSNamespace)
	})...)
	if f.Code != "E_CONFIG" || f.Kind != "" {
		t.Errorf("%+v", f)
	}
	if r := roost(t, set(run("notify=warn", nil))...); r.Code != 0 || r.Stderr != "" {
		t.Error(r)
	}
	if raw, err := os.ReadFile(log); err != nil || len(raw) > 0 {
		t.Errorf("a command that did what it should writes %q: %v", raw, err)
	}
}

// Callers read what these print together with standard error.
func TestNothingBesideResults(t *testing.T) {
	id := start(t, sh(sleeper))
	for _, args := range [][]string{{"features"}, {"--debug", "features"}, {"state", id}, {"--version"}} {
		if r := must(t, args...); r.Stderr != "" {
			t.Errorf("%v: %v", args, r)
		}
	}
	must(t, "delete", "--force", id)
}
