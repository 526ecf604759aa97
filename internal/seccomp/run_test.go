package seccomp

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		places
		want []string
	}{
		"installed": {places{exe: "/opt/x/bin/roost", argv0: "roost", path: "/bin:/opt/x/bin"},
			[]string{"/opt/x/bin", "/opt/x/libexec/roost", "/usr/libexec/roost", "/usr/local/libexec/roost", "/bin", "/usr/local/bin", "/usr/bin"}},
		"a sealed copy": {places{exe: "/memfd:roost (deleted)", argv0: "/home/u/bin/roost"},
			[]string{"/home/u/bin", "/home/u/libexec/roost", "/usr/libexec/roost", "/usr/local/libexec/roost", "/usr/local/bin", "/usr/bin"}},
		"replaced since": {places{exe: "/home/u/bin/roost (deleted)", argv0: "./roost"},
			[]string{"/home/u/bin", "/home/u/libexec/roost", "/usr/libexec/roost", "/usr/local/libexec/roost", "/usr/local/bin", "/usr/bin"}},
		"relative places are nobody's": {places{exe: "", argv0: "bin/roost", path: ".::bin:/x"},
			[]string{"/usr/libexec/roost", "/usr/local/libexec/roost", "/x", "/usr/local/bin", "/usr/bin"}},
	} {
		if got := c.directories(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func missing(t *testing.T) {
	t.Helper()
	if path, err := (places{}).find(); err == nil {
		t.Skipf("no installed compiler: %s is there", path)
	}
}

func TestNoCompiler(t *testing.T) {
	missing(t)
	d := newDesk(t)
	_, err := d.open(section)
	if !errors.Is(err, ErrNoHelper) || !strings.Contains(err.Error(), d.dir) {
		t.Error(err)
	}
	// What cannot be executed is none.
	must(t, os.WriteFile(d.dir+"/"+program, []byte("#!/bin/sh\n"), 0o644))
	if _, err := d.open(section); !errors.Is(err, ErrNoHelper) {
		t.Error(err)
	}
	must(t, os.Remove(d.dir+"/"+program))
	must(t, os.Mkdir(d.dir+"/"+program, 0o755))
	if _, err := d.open(section); !errors.Is(err, ErrNoHelper) {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(d.root); len(entries) > 0 {
		t.Error("something was left:", entries)
	}
}

func TestCompilerSays(t *testing.T) {
	for script, want := range map[string]string{
		`echo "linux.seccomp.flags[0]: no" >&2; echo "linux.seccomp.defaultAction: missing" >&2; exit 1`: "linux.seccomp.flags[0]: no\nlinux.seccomp.defaultAction: missing",
		`echo "roost-seccomp: no memory" >&2; exit 2`:                                                    "exit status 2: roost-seccomp: no memory",
		`echo "linux.seccomp: x" >&2; echo "panic: y" >&2; exit 1`:                                       "exit status 1: linux.seccomp: x; panic: y",
		`exit 3`:             "exit status 3",
		`kill -9 $$`:         "killed by signal 9",
		`exit 0`:             "what roost-seccomp made: damaged",
		`echo rubbish`:       "what roost-seccomp made: damaged",
		`/bin/cat`:           "what roost-seccomp made: damaged", // the section itself
		`/bin/cat /dev/zero`: "exit status 1: ",                  // the file does not grow: EPERM
		`/usr/bin/yes >&2`:   "exit status 1: y; y",              // nor does this one
	} {
		d := newDesk(t)
		d.script(t, script)
		_, err := d.open(section)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %.300v", script, err)
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("%s: %d bytes", script, len(err.Error()))
		}
		var bad *ProfileError
		if errors.As(err, &bad) != strings.HasPrefix(want, "linux.seccomp") {
			t.Errorf("%s: a %T", script, err)
		}
		if entries, _ := os.ReadDir(d.root); len(entries) > 0 {
			t.Errorf("%s: something was kept: %v", script, entries)
		}
	}
}

// A filter for another section is none, however well it is made.
func TestCompilerAnswersElse(t *testing.T) {
	d := newDesk(t)
	d.compiler(t, Encode(sample(), []byte("{}")))
	if _, err := d.open(section); err == nil || !strings.Contains(err.Error(), "of another section") {
		t.Error(err)
	}
}

func TestCompilerThatCannotRun(t *testing.T) {
	d := newDesk(t)
	must(t, os.WriteFile(d.dir+"/"+program, []byte("#!/no/such/interpreter\n"), 0o755))
	if _, err := d.open(section); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

// The compiler gets the section and nothing else of ours.
func TestCompilerGets(t *testing.T) {
	d := newDesk(t)
	t.Setenv("SECRET", "x")
	d.script(t, `/bin/cat >`+d.dir+`/stdin; /usr/bin/env >`+d.dir+`/env; ls /proc/self/fd >`+d.dir+`/fd; exit 3`)
	_, _ = d.open(section)
	got, _ := os.ReadFile(d.dir + "/stdin")
	if string(got) != section {
		t.Errorf("%q", got)
	}
	env, _ := os.ReadFile(d.dir + "/env")
	if strings.Contains(string(env), "SECRET") || !strings.Contains(string(env), "LC_ALL=C") {
		t.Errorf("%q", env)
	}
	if fds, _ := os.ReadFile(d.dir + "/fd"); string(fds) != "0\n1\n2\n3\n" { // 3 is ls's own
		t.Errorf("%q", fds)
	}
}

func TestCompilerThatHangs(t *testing.T) {
	d := newDesk(t)
	d.script(t, `exec /bin/sleep 1000`)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(cause) })
	_, err := open(ctx, d.root, []byte(section), func() places { return places{exe: d.dir + "/roost"} })
	if !errors.Is(err, cause) {
		t.Error(err)
	}
}

func TestSupported(t *testing.T) {
	if err := Supported(0); err != nil {
		t.Skip("seccomp:", err)
	}
	if err := Supported(1 << 20); err == nil || !strings.Contains(err.Error(), "flags") {
		t.Error(err)
	}
	for _, f := range SupportedFlags() {
		if f.Name == "" {
			t.Error(f)
		}
	}
	if len(SupportedFlags()) < 3 { // since Linux 4.17
		t.Error(SupportedFlags())
	}
}
