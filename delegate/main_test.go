package delegate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// question is what a copy of the test asks, from wherever it was put; answer is what it got.
type question struct {
	Mode, CgroupsPath string
	Systemd, Needed   bool
	Controllers       []string
	Make              bool // split, enable and make the cgroup, with a process born in it
}

type answer struct {
	Mode, Why, Path, Own, Err, Born string
	Enable, Controllers, Missing    []string
}

const questionsVariable = "ROOST_TEST_QUESTIONS"

func TestMain(m *testing.M) {
	if text := os.Getenv(questionsVariable); text != "" {
		respond(text)
		return
	}
	os.Exit(m.Run())
}

func respond(text string) {
	var questions []question
	if err := json.Unmarshal([]byte(text), &questions); err != nil {
		panic(err)
	}
	b := make([]byte, 1)
	_, _ = os.Stdin.Read(b) // whoever started this may have something to do first
	answers := []answer{}
	for _, q := range questions {
		answers = append(answers, q.ask())
	}
	_ = json.NewEncoder(os.Stdout).Encode(answers)
}

func (q question) ask() (a answer) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g, err := Acquire(ctx, Request{ID: "box", Mode: q.Mode, CgroupsPath: q.CgroupsPath, Systemd: q.Systemd, Needed: q.Needed, Controllers: q.Controllers})
	if err != nil {
		a.Err = err.Error()
		if e := refusal(err); e != nil {
			a.Missing = e.Missing
		}
		return a
	}
	defer g.Close()
	a = answer{Mode: g.Mode, Why: g.Why, Path: g.Path, Enable: g.Enable, Controllers: g.Controllers}
	if q.Make {
		if a.Born, err = g.make(ctx); err != nil {
			a.Err = err.Error()
		}
	}
	b, _ := os.ReadFile("/proc/self/cgroup")
	_, a.Own, _ = strings.Cut(string(b), "0::")
	a.Own = strings.TrimSpace(a.Own)
	return a
}

// make is what a caller does with a grant of a directory.
func (g *Grant) make(ctx context.Context) (born string, err error) {
	if err := g.Split(ctx); err != nil {
		return "", err
	}
	for _, c := range g.Enable {
		if err := os.WriteFile(path.Join(g.Dir.Name(), "cgroup.subtree_control"), []byte("+"+c), 0); err != nil {
			return "", err
		}
	}
	if err := unix.Mkdirat(int(g.Dir.Fd()), g.Name, 0o755); err != nil {
		return "", fmt.Errorf("mkdir %s: %w", g.Path, err)
	}
	defer func() { _ = unix.Unlinkat(int(g.Dir.Fd()), g.Name, unix.AT_REMOVEDIR) }()
	return bornIn(g.Path)
}

// bornIn is the cgroup of a process that is born in one.
func bornIn(dir string) (string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	defer d.Close()
	cmd := exec.Command("cat", "/proc/self/cgroup")
	cmd.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: int(d.Fd())}
	out, err := cmd.CombinedOutput()
	_, own, _ := strings.Cut(string(out), "0::")
	return strings.TrimSpace(own), err
}

// ask runs a copy of the test by a command, which it is appended to.
func ask(t *testing.T, command []string, prepare func(*exec.Cmd), questions ...question) []answer {
	t.Helper()
	text, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command = append(append([]string{}, command...), self)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), questionsVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	if prepare != nil {
		prepare(cmd)
	}
	out, err := cmd.Output()
	var answers []answer
	if err == nil {
		err = json.Unmarshal(out, &answers)
	}
	if err != nil || len(answers) != len(questions) {
		t.Fatalf("%v: %v: %s", command, err, out)
	}
	return answers
}
