package clients

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long one command may take before it counts as hanging. Not a performance check.
const patience = 60 * time.Second

type result struct {
	Out  string // standard output and standard error, in the order they came
	Code int    // 128+n when signal n ended it
	Args []string
}

func (r result) String() string {
	return strings.Join(r.Args, " ") + "\nexit " + itoa(r.Code) + "\n" + r.Out
}

// finish runs a command to its end. Output goes through a file: a daemon inherits the descriptor, and the end of a pipe
// would wait for the daemon.
func finish(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	out, err := os.CreateTemp(desk.dir, "out-")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	os.Remove(out.Name())
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.Env == nil {
		cmd.Env = desk.environment()
	}
	if cmd.Dir == "" {
		cmd.Dir = desk.dir
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	err = cmd.Wait()
	if !stop() {
		t.Errorf("%s: still running after %v; killed", strings.Join(cmd.Args, " "), patience)
	}
	info, _ := out.Stat()
	text := make([]byte, info.Size())
	out.ReadAt(text, 0)
	r := result{Out: string(text), Args: cmd.Args}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.Code = exit.ExitCode()
		if ws := exit.Sys().(syscall.WaitStatus); ws.Signaled() {
			r.Code = 128 + int(ws.Signal())
		}
	case err != nil:
		t.Fatal(err)
	}
	return r
}

// want fails the test unless r ended with this status and has said all of these words.
func (r result) want(t testing.TB, code int, words ...string) result {
	t.Helper()
	if r.Code != code {
		t.Fatalf("exit status %d wanted: %v", code, r)
	}
	for _, word := range words {
		if !strings.Contains(r.Out, word) {
			t.Errorf("no %q in: %v", word, r)
		}
	}
	return r
}

// lacks fails the test if r has said one of these words.
func (r result) lacks(t testing.TB, words ...string) result {
	t.Helper()
	for _, word := range words {
		if strings.Contains(r.Out, word) {
			t.Errorf("%q in: %v", word, r)
		}
	}
	return r
}

// line is the last line of r, trimmed: where engines print ids, and payloads their answer.
func (r result) line() string {
	lines := strings.Split(strings.TrimSpace(r.Out), "\n")
	return strings.Trim(lines[len(lines)-1], " \r\x00")
}

// onTerminal is the same command on a terminal of its own, as a person has it.
func onTerminal(cmd *exec.Cmd) *exec.Cmd {
	var quoted []string
	for _, arg := range cmd.Args {
		quoted = append(quoted, "'"+strings.ReplaceAll(arg, "'", `'\''`)+"'")
	}
	onit := exec.Command("script", "--quiet", "--return", "--command", "stty rows 33 cols 77; exec "+strings.Join(quoted, " "), "/dev/null")
	onit.Env = cmd.Env
	return onit
}

// eventually waits for a condition that another process brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

// need skips where a program is missing, unless the set-up promised it; then its absence is a failure.
func need(t testing.TB, program, remedy string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if promised(program) {
		t.Fatalf("%s: the set-up provides it, and yet: %s", program, remedy)
	}
	t.Skipf("%s: %s", program, remedy)
}

func promised(grant string) bool {
	return slices.Contains(strings.Split(os.Getenv("ROOST_TEST_GRANTS"), ","), grant)
}

// needRoot is for engines that an ordinary user cannot run.
func needRoot(t testing.TB) {
	t.Helper()
	if !isRoot() {
		t.Skip("root: run the suite as root as well")
	}
}

// needUser is for what is only there without privilege.
func needUser(t testing.TB) {
	t.Helper()
	if isRoot() {
		t.Skip("user: run the suite as an ordinary user as well")
	}
}

func isRoost() bool { return strings.HasPrefix(filepath.Base(desk.runtime), "roost") }

// sleeper ends at the first SIGTERM, with 3; as pid 1 only what has a handler does.
const sleeper = "trap 'exit 3' TERM; trap 'echo usr1' USR1; echo up; while :; do sleep 0.1; done"
