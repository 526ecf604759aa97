package byhand

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestGatherThisHost(t *testing.T) {
	dir := t.TempDir()
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(real, "people/alice/conf"), 0o755)
	os.Symlink("people/alice", filepath.Join(real, "home"))
	t.Setenv("HOME", filepath.Join(real, "home"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(real, "people/alice/conf"))
	t.Chdir(real)

	f, err := Gather(Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Cwd != real || int(f.UID) != os.Geteuid() || len(f.Problems) > 0 {
		t.Errorf("cwd %s, uid %d, problems %v", f.Cwd, f.UID, f.Problems)
	}
	if f.Home != filepath.Join(real, "people/alice") {
		t.Errorf("home %s still has a link in it", f.Home)
	}
	if !slices.Contains(f.Private, Dir{f.Home, true}) {
		t.Errorf("the home is not private: %v", f.Private)
	}
	if has := slices.Contains(f.Private, Dir{filepath.Join(f.Home, "conf"), true}); has != (f.UID != 0) {
		t.Errorf("XDG_CONFIG_HOME private: %v, as uid %d", has, f.UID)
	}
	if !slices.Contains(f.Top, Top{Path: "/usr"}) || !slices.Contains(f.Top, Top{Path: "/etc"}) {
		t.Errorf("top: %v", f.Top)
	}
	for _, top := range f.Top {
		st, err := os.Lstat(top.Path)
		if err != nil || (st.Mode()&os.ModeSymlink != 0) != (top.Link != "") {
			t.Errorf("%+v: %v %v", top, st, err)
		}
	}
	if m, ok := mountOf(f.Mounts, "/"); !ok || m.Path != "/" {
		t.Errorf("no root in mountinfo: %v", f.Mounts)
	}
}

func TestGatherNamesEveryProblem(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	os.WriteFile("file", nil, 0o600)
	os.WriteFile("bad.env", []byte("=x\nOK=1\nA B=2\n"), 0o600)
	os.MkdirAll("root/etc", 0o700)
	os.WriteFile("root/etc/passwd", []byte(testPasswd), 0o600)
	os.WriteFile("root/etc/group", []byte(testGroup), 0o600)

	for _, c := range []struct {
		o    Options
		want []string // texts, one problem each
	}{
		{Options{Rootfs: "root", User: "alice:audio"}, nil},
		{Options{Rootfs: "root", User: "bob"}, []string{`no user "bob"`}},
		{Options{Rootfs: "none"}, []string{"is not there; it is a directory"}},
		{Options{Rootfs: "build/none"}, []string{"is not there; it is a directory"}},
		{Options{Rootfs: "alpine:3"}, []string{"looks like a container image"}},
		{Options{Rootfs: "file"}, []string{"is not a directory"}},
		{Options{Rootfs: "file/x"}, []string{"not a directory"}},
		{Options{Rootfs: "/"}, []string{"host's own root"}},
		{Options{Rootfs: "none", EnvFiles: []string{"bad.env", "none.env", "."}, Net: "container:gone"},
			[]string{"is not there", "line 1:", "line 3:", "none.env is not there", ". is not a file", "no such container"}},
	} {
		f, err := Gather(c.o, func(id string) (int, error) { return 0, errors.New("no such container " + id) })
		if err != nil {
			t.Errorf("%+v: %v", c.o, err)
			continue
		}
		if len(f.Problems) != len(c.want) {
			t.Errorf("%+v: problems %v, want %q", c.o, f.Problems, c.want)
			continue
		}
		for i, w := range c.want {
			if !strings.Contains(f.Problems[i].String(), w) {
				t.Errorf("%+v: %q, want %q", c.o, f.Problems[i], w)
			}
		}
	}
}

func TestGatherContainer(t *testing.T) {
	f, err := Gather(Options{Net: "container:me"}, func(string) (int, error) { return os.Getpid(), nil })
	if err != nil || f.Containers["me"] != (Container{Pid: os.Getpid()}) {
		t.Errorf("%+v %v", f.Containers, err)
	}
	// One container that cannot be had is one problem, however many flags name it.
	o := Options{Args: []string{"x"}, Net: "container:gone", PID: "container:gone"}
	f, _ = Gather(o, func(string) (int, error) { return 0, errors.New("gone: container does not exist") })
	if _, err := Build(o, f, testBase()); err == nil || err.Error() != "--net container:gone: gone: container does not exist" {
		t.Errorf("%v", err)
	}
}

// TestGoneDirectory: without a working directory everything absolute still works.
func TestGoneDirectory(t *testing.T) {
	dir, err := os.MkdirTemp(t.TempDir(), "gone")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	os.Remove(dir)
	o := Options{Args: []string{"true"}}
	f, err := Gather(o, nil)
	if err != nil || f.Cwd != "" {
		t.Fatalf("%q %v", f.Cwd, err)
	}
	if _, err := Build(o, f, testBase()); err != nil {
		t.Error(err)
	}
	o.Volumes = []string{"."}
	f, _ = Gather(o, nil)
	if _, err := Build(o, f, testBase()); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Error(err)
	}
}

func BenchmarkGatherAndBuild(b *testing.B) {
	o, base := Options{Args: []string{"true"}}, testBase()
	var s *specs.Spec
	for b.Loop() {
		f, err := Gather(o, nil)
		if err != nil {
			b.Fatal(err)
		}
		if s, err = Build(o, f, base); err != nil {
			b.Fatal(err)
		}
	}
	_ = s
}
