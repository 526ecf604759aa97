package integration

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

//go:embed testdata/call.c
var callSource []byte

// callTool is a program that makes system calls by their numbers, compiled once, unless ROOST_TEST_CALL is where it was: the machines of
// tests/vm have no compiler.
var callTool = sync.OnceValues(func() (string, error) {
	if made := os.Getenv("ROOST_TEST_CALL"); made != "" && exists(made) {
		return made, nil
	}
	source, program := filepath.Join(home.dir, "call.c"), filepath.Join(home.dir, "call")
	if err := os.WriteFile(source, callSource, 0o644); err != nil {
		return "", err
	}
	if out, err := exec.Command("gcc", "-static", "-O1", "-o", program, source).CombinedOutput(); err != nil {
		return "", fmt.Errorf("gcc: %w: %s", err, out)
	}
	return program, nil
})

// calling makes the payload one that makes these system calls: see testdata/call.c.
func calling(t testing.TB, calls ...string) func(*specs.Spec) {
	t.Helper()
	program, err := callTool()
	if err != nil {
		t.Skipf("gcc: %v; install gcc and libc6-dev", err)
	}
	return with(bind(program, "/call", "ro"), func(s *specs.Spec) { s.Process.Args = append([]string{"/call"}, calls...) })
}

// nr is a call in the tool's words.
func nr[T ~int | ~uint64](number T, args ...uint64) string {
	text := fmt.Sprint(uint64(number))
	for _, a := range args {
		text += fmt.Sprintf(",%#x", a)
	}
	return text
}

// filtered adds a profile: what is given, for the machine's own architecture where none is named.
func filtered(profile specs.LinuxSeccomp) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Linux.Seccomp = &profile }
}

// denying allows all but these, which do what is said.
func denying(action specs.LinuxSeccompAction, names ...string) specs.LinuxSeccomp {
	return specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: names, Action: action}},
	}
}

// needSeccomp is for a runtime that can compile profiles.
func needSeccomp(t testing.TB) {
	t.Helper()
	if !isThisRoost() {
		return
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(home.roost), "roost-seccomp")); err != nil {
		missing(t, "seccomp", "no roost-seccomp beside roost; `make build` makes it where gcc, pkg-config and libseccomp-dev are installed")
	}
}

// defaultProfile is the one that roost ships, for this machine.
func defaultProfile(t testing.TB) specs.LinuxSeccomp {
	t.Helper()
	path := os.Getenv("ROOST_TEST_PROFILE")
	if path == "" {
		path = "../../contrib/seccomp/default.json"
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var profile specs.LinuxSeccomp
	if err := json.Unmarshal(raw, &profile); err != nil {
		t.Fatal(err)
	}
	return profile
}

// printed are the lines of a payload that ended well.
func printed(t testing.TB, r result) []string {
	t.Helper()
	if r.Code != 0 {
		t.Errorf("%v", r)
	}
	return lines(r.Stdout)
}

func wantLines(t testing.TB, r result, want ...string) {
	t.Helper()
	if got := printed(t, r); !slices.Equal(got, want) {
		t.Errorf("%q, not %q", strings.Join(got, " "), strings.Join(want, " "))
	}
}
