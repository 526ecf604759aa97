package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// result is what a command left behind.
type result struct {
	Stdout, Stderr string
	Code           int // 128+n when signal n ended it
}

func (r result) String() string {
	return fmt.Sprintf("exit %d\nstdout: %s\nstderr: %s", r.Code, r.Stdout, r.Stderr)
}

// patience is how long any one command may take before it counts as hanging. Not a performance check: nothing here
// takes a hundredth of it on a quiet machine. ROOST_TEST_PATIENCE multiplies it, for machines that are slow by nature.
var patience = 30 * time.Second * time.Duration(slowness())

func slowness() int {
	if n, err := strconv.Atoi(os.Getenv("ROOST_TEST_PATIENCE")); err == nil && n > 1 {
		return n
	}
	return 1
}

// roost runs the runtime under test with a state root that belongs to t alone.
func roost(t testing.TB, args ...string) result {
	t.Helper()
	return finish(t, command(t, args...))
}

// must is roost for a step that is expected to work.
func must(t testing.TB, args ...string) result {
	t.Helper()
	r := roost(t, args...)
	if r.Code != 0 {
		t.Fatalf("roost %s: %v", strings.Join(args, " "), r)
	}
	return r
}

// refuse is roost for a step that is expected to fail with all of these words on standard error.
func refuse(t testing.TB, words []string, args ...string) result {
	t.Helper()
	r := roost(t, args...)
	if r.Code == 0 {
		t.Errorf("roost %s: was accepted: %v", strings.Join(args, " "), r)
	}
	for _, word := range words {
		if !strings.Contains(r.Stderr, word) {
			t.Errorf("roost %s: no %q in: %v", strings.Join(args, " "), word, r)
		}
	}
	return r
}

// command prepares a call of the runtime; give it to finish, or Start it.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(home.roost, append([]string{"--root", stateRoot(t)}, args...)...)
	cmd.Dir = home.dir
	return cmd
}

// finish runs cmd to its end. Output goes through files, not pipes: a detached container inherits the descriptors, and
// the end of a pipe would wait for the container.
func finish(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return collect()
}

// capture wires cmd's output to files, where it is not wired yet; what it returns waits for the end of cmd.
func capture(t testing.TB, cmd *exec.Cmd) func() result {
	t.Helper()
	out, err := os.CreateTemp(home.dir, "out-")
	if err != nil {
		t.Fatal(err)
	}
	errs, err := os.CreateTemp(home.dir, "err-")
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(out.Name())
	os.Remove(errs.Name())
	if cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = errs
	}
	return func() result {
		t.Helper()
		defer out.Close()
		defer errs.Close()
		code := await(t, cmd)
		return result{Stdout: content(out), Stderr: content(errs), Code: code}
	}
}

func content(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	b := make([]byte, info.Size())
	n, _ := f.ReadAt(b, 0)
	return string(b[:n])
}

func await(t testing.TB, cmd *exec.Cmd) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		t.Errorf("%s: still running after %v; killed", strings.Join(cmd.Args[3:], " "), patience)
		cmd.Process.Kill()
	})
	defer stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			return 128 + int(ws.Signal())
		}
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}

// roots maps the name of a top-level test to its state root.
var roots sync.Map

// stateRoot makes the state root of this test on first use. When the test ends, it has to be empty, and no process may
// be left: whatever is there has leaked.
func stateRoot(t testing.TB) string {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	if dir, ok := roots.Load(name); ok {
		return dir.(string)
	}
	dir, err := os.MkdirTemp(home.dir, "s-")
	if err != nil {
		t.Fatal(err)
	}
	roots.Store(name, dir)
	t.Cleanup(func() {
		t.Helper()
		if t.Failed() {
			sweep(t)
		}
		for _, id := range containers(dir) {
			t.Errorf("left a state directory: %s", id)
			t.Logf("delete --force: %v", roost(t, "delete", "--force", id))
		}
		for _, p := range orphans() {
			t.Errorf("left a process: %s", p)
			if pid, err := strconv.Atoi(strings.Fields(p)[0]); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		roots.Delete(name)
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the state root: %v", err)
		}
	})
	return dir
}

// sweep deletes what a failed test had no chance to delete, so that one failure is one failure.
func sweep(t testing.TB) {
	for _, id := range containers(stateRoot(t)) {
		roost(t, "delete", "--force", id)
	}
}

// containers are the directories of a state root.
func containers(root string) (ids []string) {
	entries, _ := os.ReadDir(root)
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			ids = append(ids, e.Name())
		}
	}
	return ids
}

// newBundle makes a bundle from what `spec` prints for this caller, over the shared busybox root file system (read-only),
// changed by mutate. It returns the bundle's directory.
func newBundle(t testing.TB, mutate func(*specs.Spec)) string {
	t.Helper()
	dir := tempDir(t)
	args := []string{"spec", "--bundle", dir}
	if !isRoot() {
		args = append(args, "--rootless")
	}
	must(t, args...)
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s specs.Spec
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	s.Root.Path = home.rootfs
	s.Process.Terminal = false
	s.Process.Args = []string{"/bin/true"}
	if mutate != nil {
		mutate(&s)
	}
	writeConfig(t, dir, &s)
	return dir
}

// sh is the most usual mutation: what to run.
func sh(script string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.Args = []string{"/bin/sh", "-c", script} }
}

// sleeper is a payload that goes at the first SIGTERM, as pid 1 only does with a handler.
const sleeper = "trap 'exit 0' TERM; while :; do sleep 100 & wait; done"

func with(changes ...func(*specs.Spec)) func(*specs.Spec) {
	return func(s *specs.Spec) {
		for _, change := range changes {
			change(s)
		}
	}
}

func writeConfig(t testing.TB, bundle string, s *specs.Spec) {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

// tempDir is t.TempDir with a short name, under a directory that container users may search.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(home.dir, "b-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove %s: %v", dir, err)
		}
	})
	return dir
}

// start creates and starts a detached container, deleted when the test ends. It returns its id.
func start(t testing.TB, mutate func(*specs.Spec)) string {
	t.Helper()
	id := newID(t)
	must(t, "run", "--detach", "--bundle", newBundle(t, mutate), id)
	return id
}

// newID is a fresh container id, whose container, if any, is deleted when the test ends.
func newID(t testing.TB) string {
	t.Helper()
	stateRoot(t)
	id := fmt.Sprintf("c%d", time.Now().UnixNano())
	home.ids.add(id)
	t.Cleanup(func() { roost(t, "delete", "--force", id) })
	return id
}

// runOnce runs a bundle in the foreground.
func runOnce(t testing.TB, mutate func(*specs.Spec), flags ...string) result {
	t.Helper()
	args := slices.Concat([]string{"run", "--bundle", newBundle(t, mutate)}, flags, []string{newID(t)})
	return roost(t, args...)
}

// output is runOnce for a script that has to succeed: its standard output, trimmed.
func output(t testing.TB, script string, changes ...func(*specs.Spec)) string {
	t.Helper()
	r := runOnce(t, with(append([]func(*specs.Spec){sh(script)}, changes...)...))
	if r.Code != 0 {
		t.Fatalf("%s: %v", script, r)
	}
	return strings.TrimSpace(r.Stdout)
}

// state is what `state` says.
func state(t testing.TB, id string) specs.State {
	t.Helper()
	var s specs.State
	r := must(t, "state", id)
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
		t.Fatalf("state: %v: %s", err, r.Stdout)
	}
	if r.Stderr != "" {
		t.Errorf("state wrote to standard error, which callers merge with its output: %s", r.Stderr)
	}
	return s
}

func wantStatus(t testing.TB, id, want string) specs.State {
	t.Helper()
	s := state(t, id)
	if string(s.Status) != want {
		t.Fatalf("status is %s, want %s", s.Status, want)
	}
	return s
}

// eventually waits for a condition that another process brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// suspend stops a process, and waits until none of its threads runs any more: each hears of the signal when it is next scheduled.
func suspend(t testing.TB, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is stopped", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, thread := range threads {
			if stat, err := os.ReadFile(thread); err == nil && !strings.Contains(string(stat), ") T ") {
				return false
			}
		}
		return err == nil && len(threads) > 0
	})
}

// catches waits until a process handles a signal. Without that, the first of a pid namespace never hears of it.
func catches(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	eventually(t, fmt.Sprintf("process %d catches %v", pid, sig), func() bool {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, mask, _ := strings.Cut(string(status), "SigCgt:\t")
		mask, _, _ = strings.Cut(mask, "\n")
		set, parseErr := strconv.ParseUint(mask, 16, 64)
		return err == nil && parseErr == nil && set&(1<<(sig-1)) != 0
	})
}

func stopped(t testing.TB, id string) {
	t.Helper()
	eventually(t, id+" stops", func() bool { return state(t, id).Status == specs.StateStopped })
}

func isRoot() bool { return os.Geteuid() == 0 }

func lines(s string) []string {
	return strings.Split(strings.TrimSpace(s), "\n")
}

func oneLine(b []byte) string { return string(bytes.TrimSpace(b)) }
