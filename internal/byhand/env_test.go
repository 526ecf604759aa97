package byhand

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseEnvFile(t *testing.T) {
	for _, c := range []struct {
		name, text string
		lines      []string
		bad        int
	}{
		{"plain", "A=1\nB=2\n", []string{"A=1", "B=2"}, 0},
		{"no newline at the end", "A=1", []string{"A=1"}, 0},
		{"comments and empty lines", "# x\n\n  # y\nA=1 # not a comment\n", []string{"A=1 # not a comment"}, 0},
		{"nothing is unquoted", `A="x y"`, []string{`A="x y"`}, 0},
		{"a key alone", "A\n", []string{"A"}, 0},
		{"an empty value", "A=\n", []string{"A="}, 0},
		{"spaces", "  A= b \n", []string{"A= b "}, 0},
		{"carriage returns", "A=1\r\nB=2\r\n", []string{"A=1", "B=2"}, 0},
		{"byte order mark", "\uFEFFA=1", []string{"A=1"}, 0},
		{"every bad line", "=x\nA B=1\nC=\x00\nD=\xff\nE=1", []string{"E=1"}, 4},
	} {
		lines, bad := parseEnvFile(c.text)
		if !reflect.DeepEqual(lines, c.lines) || len(bad) != c.bad {
			t.Errorf("%s: %q, bad %q", c.name, lines, bad)
		}
	}
}

func TestReadEnvFile(t *testing.T) {
	dir := t.TempDir()
	at := func(n string) string { return filepath.Join(dir, n) }
	if err := unix.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(at("big"), make([]byte, maxFile+1), 0o600)
	os.WriteFile(at("ok"), []byte("A=1\n"), 0o600)
	for name, want := range map[string]string{at("none"): "is not there", dir: "is not a file", at("fifo"): "nobody writes", at("big"): "larger", "/dev/zero": "is not a file"} {
		if _, err := readEnvFile(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if text, err := readEnvFile(at("ok")); text != "A=1\n" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	// As the shell passes <(command).
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	go func() { w.WriteString("B=2\n"); w.Close() }()
	if text, err := readEnvFile("/proc/self/fd/" + strconv.Itoa(int(r.Fd()))); text != "B=2\n" || err != nil {
		t.Errorf("pipe: %q %v", text, err)
	}
}

func TestResolveEnv(t *testing.T) {
	environ := []string{"A=1", "LC_ALL=C", "LC_TIME=", "BASH_FUNC_x%%=() { :; }", "E=a=b"}
	got, err := ResolveEnv([]string{"X=y", "A", "UNSET", "LC_*", "E", "EMPTY="}, environ)
	if want := []string{"X=y", "A=1", "LC_ALL=C", "LC_TIME=", "E=a=b", "EMPTY="}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v", got, err)
	}
	if got, _ := ResolveEnv([]string{"*"}, environ); len(got) != 4 {
		t.Errorf("everything: %q", got)
	}
	_, err = ResolveEnv([]string{"=secret", "", "A B=c", "X=\x00", "OK=1"}, nil)
	if e, ok := err.(*Error); !ok || len(e.Problems) != 4 || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestEnvironmentOrder(t *testing.T) {
	f := laptop()
	f.EnvFiles["a"], f.EnvFiles["b"] = []string{"X=a", "Y=a", "PATH=/a"}, []string{"Y=b"}
	s, err := Build(Options{Args: []string{"x"}, EnvFiles: []string{"a", "b"}, Env: []string{"X=e", "HOME=/h"}}, f, testBase())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"PATH=/a", "container=roost", "HOSTNAME=roost", "HOME=/h", "LANG=de_DE.UTF-8", "LC_TIME=C", "X=e", "Y=b"}
	if !slices.Equal(s.Process.Env, want) {
		t.Errorf("%q, want %q", s.Process.Env, want)
	}
}
