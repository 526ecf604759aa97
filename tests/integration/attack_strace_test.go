package integration

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// samples is how many system calls of each command are tried; with ROOST_TEST_LONG in the environment, all of them.
const samples = 25

// traced runs roost below strace as a tracer that nobody waits for (-D), so that the command's end is roost's.
func traced(t testing.TB, trace []string, args ...string) *exec.Cmd {
	t.Helper()
	plain := command(t, args...)
	cmd := exec.Command("strace", append(append([]string{"-D", "-f", "-q"}, trace...), plain.Args...)...)
	cmd.Dir = plain.Dir
	return cmd
}

// needStrace is for a tracer that may trace.
func needStrace(t testing.TB) {
	t.Helper()
	if out, err := exec.Command("strace", "-D", "-f", "-o", os.DevNull, "/bin/true").CombinedOutput(); err != nil {
		t.Skipf("strace: %v: %s; install strace, and let ptrace(2) be allowed here", err, bytes.TrimSpace(out))
	}
}

// longest is how many system calls that one of the traced processes makes that makes the most.
func longest(t testing.TB, args ...string) (most int) {
	t.Helper()
	prefix := filepath.Join(tempDir(t), "trace")
	finish(t, traced(t, []string{"-ff", "-o", prefix}, args...))
	files, _ := filepath.Glob(prefix + ".*")
	for _, name := range files {
		raw, _ := os.ReadFile(name)
		most = max(most, bytes.Count(raw, []byte("(")))
	}
	if most == 0 {
		t.Fatal("strace wrote nothing")
	}
	return min(most, 1200) // a payload may make any number
}

// SIGKILL at the Nth system call of the command, and of each process that it makes: one `delete --force`, or one `gc`, clears
// whatever is there then.
func TestKilledAtEverySystemCall(t *testing.T) {
	needRoost(t)
	needStrace(t)
	bundle, quick := newBundle(t, sh("sleep 1000 & exec sleep 1000")), newBundle(t, nil)
	running := func(t *testing.T, id string) { must(t, "run", "-d", "--bundle", bundle, id) }
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, id string)
		argv    func(id string) []string
	}{
		{"create", nil, func(id string) []string { return []string{"create", "--bundle", bundle, id} }},
		{"run", nil, func(id string) []string { return []string{"run", "--bundle", quick, id} }},
		{"run detached", nil, func(id string) []string { return []string{"run", "-d", "--bundle", quick, id} }},
		{"run with init", nil, func(id string) []string { return []string{"run", "--init", "--bundle", quick, id} }},
		{"start", func(t *testing.T, id string) { must(t, "create", "--bundle", bundle, id) }, func(id string) []string { return []string{"start", id} }},
		{"exec", running, func(id string) []string { return []string{"exec", id, "/bin/true"} }},
		{"delete", running, func(id string) []string { return []string{"delete", "--force", id} }},
		{"delete without a pid namespace", func(t *testing.T, id string) {
			must(t, "run", "-d", "--bundle", newBundle(t, with(sh("sleep 1000 & exec sleep 1000"), dropNamespace("pid"), hostProc)), id)
		}, func(id string) []string { return []string{"delete", "--force", id} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := newID(t)
			prepare := func() {
				if c.prepare != nil {
					c.prepare(t, id)
				}
			}
			prepare()
			whole := longest(t, c.argv(id)...)
			must(t, "delete", "--force", id)
			step := max(1, whole/samples)
			if os.Getenv("ROOST_TEST_LONG") != "" {
				step = 1
			}
			t.Logf("%d system calls, every %d", whole, step)
			first := 1 + rand.IntN(step)
			mounts := mountpoints()
			for n := first; n <= whole; n += step {
				prepare()
				finish(t, traced(t, []string{"-o", os.DevNull, "-e", fmt.Sprintf("inject=all:signal=SIGKILL:when=%d", n)}, c.argv(id)...))
				clearedOnce(t, id, n)
				if now := mountpoints(); now != mounts {
					t.Errorf("left mounts: %q", strings.TrimPrefix(now, mounts))
				}
				if t.Failed() {
					t.Fatalf("killed at system call %d of %d", n, whole)
				}
			}
		})
	}
}

// clearedOnce clears by id, or, every third time, without knowing it, and looks. What is whole is not gc's to take.
func clearedOnce(t testing.TB, id string, n int) {
	t.Helper()
	if n%3 == 0 {
		must(t, "gc")
		if exists(filepath.Join(stateRoot(t), id)) {
			state(t, id)
		}
	}
	must(t, "delete", "--force", id)
	if left := containers(stateRoot(t)); len(left) > 0 {
		t.Errorf("left state: %q", left)
	}
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
}
