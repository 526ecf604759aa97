package house

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a command at the root of the tree, with a copy of the environment plus these variables.
func run(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// writable skips where somebody else's tree, or no cache, makes a build impossible: the account that the unit tests run
// as does not own the tree.
func writable(t testing.TB) {
	t.Helper()
	if err := exec.Command("go", "env", "GOCACHE").Run(); err != nil {
		t.Skipf("go: not in PATH: %v", err)
	}
	if f, err := os.CreateTemp(root(t), ".writable-"); err != nil {
		t.Skip("the tree: not ours to build in; the suite of its owner builds it")
	} else {
		f.Close()
		os.Remove(f.Name())
	}
}

// Static, for both architectures, and the same bytes twice.
func TestBuilds(t *testing.T) {
	writable(t)
	dir := t.TempDir()
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		var built [2][]byte
		for i, env := range [][]string{nil, {"HOME=" + dir, "LANG=C"}} {
			cache := strings.TrimSpace(run(t, nil, "go", "env", "GOCACHE"))
			modules := strings.TrimSpace(run(t, nil, "go", "env", "GOMODCACHE"))
			out := filepath.Join(dir, arch)
			run(t, append(env, "GOOS=linux", "GOARCH="+arch, "GOCACHE="+cache, "GOMODCACHE="+modules), "make", "--no-print-directory", "build-to", "OUTPUT="+out)
			raw, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			built[i] = raw
		}
		if !bytes.Equal(built[0], built[1]) {
			t.Errorf("%s: two builds of one tree differ", arch)
		}
		if bytes.Contains(built[0], []byte(root(t))) {
			t.Errorf("%s: names the directory that it was built in", arch)
		}
		static(t, arch, built[0], machine)
	}
}

func static(t *testing.T, arch string, binary []byte, machine elf.Machine) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != machine {
		t.Errorf("%s: built for %v", arch, f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("%s: not static", arch)
		}
	}
}

// BUILDTAGS adds, and with a dash leaves a default out.
func TestBuildTags(t *testing.T) {
	for given, want := range map[string]string{"": "netgo,osusergo", "extra": "netgo,osusergo,extra", "-netgo": "osusergo", "-netgo a -osusergo b": "a,b"} {
		out := run(t, nil, "make", "--no-print-directory", "--dry-run", "build", "BUILDTAGS="+given)
		if !strings.Contains(out, "-tags '"+want+"'") {
			t.Errorf("BUILDTAGS=%q: %s", given, out)
		}
	}
	out := run(t, nil, "make", "--no-print-directory", "--dry-run", "build", "EXTRA_VERSION=+deb1")
	if !strings.Contains(out, "+deb1 ") {
		t.Errorf("EXTRA_VERSION: %s", out)
	}
}

// A distribution installs below DESTDIR, a user below ~/.local.
func TestInstall(t *testing.T) {
	writable(t)
	dir := t.TempDir()
	for _, c := range []struct{ destdir, prefix string }{{dir + "/package", "/usr"}, {"", dir + "/home/.local"}} {
		run(t, nil, "make", "--no-print-directory", "install", "DESTDIR="+c.destdir, "PREFIX="+c.prefix)
		at := c.destdir + c.prefix
		for _, name := range []string{"bin/roost", "share/man/man1/roost.1", "share/bash-completion/completions/roost", "share/zsh/site-functions/_roost", "share/fish/vendor_completions.d/roost.fish"} {
			if info, err := os.Stat(filepath.Join(at, name)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := os.Stat(filepath.Join(root(t), "bin/roost-seccomp")); err == nil { // there was what it is built of
			if out := run(t, nil, at+"/libexec/roost/roost-seccomp", "--version"); !strings.Contains(out, "libseccomp: ") {
				t.Errorf("roost-seccomp: %s", out)
			}
		}
		out := run(t, nil, at+"/bin/roost", "--version")
		if l := strings.Split(strings.TrimSpace(out), "\n"); len(l) != 3 || !strings.HasPrefix(l[0], "roost version ") || !strings.HasPrefix(l[1], "commit: ") || !strings.HasPrefix(l[2], "spec: ") {
			t.Errorf("--version: %q", out)
		}
		run(t, nil, "make", "--no-print-directory", "uninstall", "DESTDIR="+c.destdir, "PREFIX="+c.prefix)
		filepath.WalkDir(at, func(path string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() {
				t.Errorf("uninstall left %s", path)
			}
			return nil
		})
	}
}
