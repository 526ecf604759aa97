package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// lonely is roost in a directory of its own, with the compiler of profiles or without.
func lonely(t *testing.T, compiler bool) func(args ...string) *exec.Cmd {
	t.Helper()
	dir := tempDir(t)
	names := []string{"roost"}
	if compiler {
		names = append(names, "roost-seccomp")
	}
	for _, name := range names {
		from := home.roost
		if name != "roost" {
			from = filepath.Join(filepath.Dir(home.roost), name)
		}
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return func(args ...string) *exec.Cmd {
		cmd := command(t, args...)
		cmd.Path, cmd.Args[0] = filepath.Join(dir, "roost"), "roost"
		return cmd
	}
}

func noCompiler(t *testing.T) {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/libexec/roost", "/usr/local/libexec/roost", "/usr/bin", "/usr/local/bin") {
		if _, err := os.Stat(dir + "/roost-seccomp"); err == nil {
			t.Skipf("a machine without an installed roost-seccomp: there is one in %s", dir)
		}
	}
}

// The compiler is found beside a roost that had to protect itself, and what it made is enough for one without a compiler.
func TestSeccompCompilerBeside(t *testing.T) {
	needRoost(t)
	needSeccomp(t)
	noCompiler(t)
	bundle := newBundle(t, filtered(denying(specs.ActErrno, "getppid")))
	with, without := lonely(t, true), lonely(t, false)
	for _, roost := range []func(...string) *exec.Cmd{with, without} {
		if r := finish(t, roost("run", "--bundle", bundle, newID(t))); r.Code != 0 {
			t.Fatalf("%v", r)
		}
	}
	// As an engine calls it: without PATH.
	os.RemoveAll(filepath.Join(stateRoot(t), ".seccomp:filters"))
	cmd := with("run", "--bundle", bundle, newID(t))
	cmd.Env = []string{"XDG_RUNTIME_DIR=" + os.Getenv("XDG_RUNTIME_DIR")}
	if r := finish(t, cmd); r.Code != 0 {
		t.Errorf("%v", r)
	}
}

// Without one a bundle with a profile is refused, and nothing is left; who says so gets a container without a filter, and can see that.
func TestSeccompWithoutCompiler(t *testing.T) {
	needRoost(t)
	noCompiler(t)
	roost := lonely(t, false)
	bundle := newBundle(t, with(sh("grep Seccomp: /proc/self/status"), filtered(denying(specs.ActErrno, "getppid"))))
	for _, command := range []string{"run", "create"} {
		r := finish(t, roost(command, "--bundle", bundle, newID(t)))
		for _, word := range []string{"config.json", "linux.seccomp: ", "roost-seccomp", "install", "--degrade seccomp=warn"} {
			if r.Code == 0 || !strings.Contains(r.Stderr, word) {
				t.Errorf("%s: no %q in %v", command, word, r)
			}
		}
	}
	if entries, _ := os.ReadDir(stateRoot(t)); len(entries) != 0 {
		t.Errorf("left: %v", entries)
	}
	r := finish(t, roost("run", "--degrade", "seccomp=ignore", "--bundle", bundle, newID(t)))
	if r.Code != 0 || !strings.Contains(r.Stdout, "Seccomp:\t0") || r.Stderr != "" {
		t.Errorf("%v", r)
	}
	r = finish(t, roost("run", "--degrade", "seccomp=warn", "--bundle", bundle, newID(t)))
	if r.Code != 0 || !strings.Contains(r.Stdout, "Seccomp:\t0") || !strings.Contains(r.Stderr, "linux.seccomp") {
		t.Errorf("%v", r)
	}
	id := newID(t)
	if r := finish(t, roost("create", "--degrade", "seccomp=ignore", "--bundle", bundle, id)); r.Code != 0 {
		t.Fatalf("%v", r)
	}
	if s := state(t, id); !strings.Contains(s.Annotations["run.roost.degraded"], "linux.seccomp: ") {
		t.Errorf("%+v", s)
	}
	must(t, "delete", "--force", id)
	// An image cannot ask for that.
	bundle = newBundle(t, with(filtered(denying(specs.ActErrno, "getppid")), func(s *specs.Spec) {
		s.Annotations = map[string]string{"run.roost.degrade": "seccomp=ignore"}
	}))
	if r := finish(t, roost("run", "--bundle", bundle, newID(t))); r.Code == 0 || !strings.Contains(r.Stderr, "linux.seccomp: ") {
		t.Errorf("%v", r)
	}
}

// Nothing of what somebody else put in its place is taken for a filter.
func TestSeccompPlantedFilter(t *testing.T) {
	needRoost(t)
	needSeccomp(t)
	bundle := newBundle(t, with(calling(t, nr(unix.SYS_GETPPID)), filtered(denying(specs.ActErrno, "getppid"))))
	kept := filepath.Join(stateRoot(t), ".seccomp:filters")
	wantLines(t, must(t, "run", "--bundle", bundle, newID(t)), "-1")
	files, err := os.ReadDir(kept)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	path := filepath.Join(kept, files[0].Name())
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func() error{
		"half":                 func() error { return os.Truncate(path, int64(len(good)/2)) },
		"zeros":                func() error { return os.WriteFile(path, make([]byte, len(good)), 0o600) },
		"writable for others":  func() error { return os.Chmod(path, 0o666) },
		"a directory for all":  func() error { return os.Chmod(kept, 0o777) },
		"a link in its place":  func() error { os.Remove(path); return os.Symlink("/etc/passwd", path) },
		"a FIFO in its place":  func() error { os.Remove(path); return unix.Mkfifo(path, 0o600) },
		"no directory at all":  func() error { return os.RemoveAll(kept) },
		"a file as directory":  func() error { os.RemoveAll(kept); return os.WriteFile(kept, nil, 0o600) },
		"somebody's directory": func() error { os.RemoveAll(kept); return os.Symlink("/", kept) },
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(kept) // a link
			os.RemoveAll(kept)
			must(t, "run", "--bundle", bundle, newID(t))
			if err := plant(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				wantLines(t, must(t, "run", "--bundle", bundle, newID(t)), "-1")
			}
		})
	}
	os.Remove(kept)
}
