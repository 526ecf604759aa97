package validation

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// outcome is what one program said of one runtime.
type outcome struct {
	passed, failed map[string]int // points by their description, and how often
	errors         string         // what went wrong, for people
	code           int
}

func (o outcome) String() string {
	passed, failed := 0, 0
	for _, n := range o.passed {
		passed += n
	}
	for _, n := range o.failed {
		failed += n
	}
	if o.code != 0 {
		return fmt.Sprintf("%d / %d, exit %d", passed, failed, o.code)
	}
	return fmt.Sprintf("%d / %d", passed, failed)
}

// beats lists what o passes and other does not.
func (o outcome) beats(other outcome) (points []string) {
	for name := range o.passed {
		if o.failed[name] == 0 && (other.failed[name] > 0 || other.passed[name] == 0) {
			points = append(points, name)
		}
	}
	for name := range other.failed {
		if o.failed[name] == 0 && o.passed[name] == 0 && o.code == 0 {
			points = append(points, name)
		}
	}
	if o.code == 0 && other.code != 0 {
		points = append(points, fmt.Sprintf("exit %d", other.code))
	}
	slices.Sort(points)
	return slices.Compact(points)
}

// execute runs a program in a mount namespace of its own.
func execute(t *testing.T, dir, file, runtime string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--propagation", "private", "--", filepath.Join(dir, file))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "RUNTIME="+runtime, "TMPDIR="+filepath.Join(dir, "tmp"))
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	// A container that is left behind may hold the pipes open.
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Errorf("%s: %s hangs", runtime, file)
	}
	o := parse(out.String())
	o.errors += errs.String()
	o.code = cmd.ProcessState.ExitCode()
	return o
}

var (
	point = regexp.MustCompile(`^(ok|not ok)\b(?: \d+)?(?: -)? *(.*)$`)
	fault = regexp.MustCompile(`^\s*"(error|stderr)": "(.*)"`)
)

// parse reads TAP. Some of the programs have no points: they print an error as the remark of nothing where they fail, and
// nothing at all where they do not.
func parse(text string) outcome {
	o := outcome{passed: map[string]int{}, failed: map[string]int{}}
	seen, bad := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := point.FindStringSubmatch(line); m != nil {
			seen, bad = true, m[1] != "ok"
			switch {
			case strings.HasPrefix(m[2], "# SKIP"), strings.HasPrefix(m[2], "# TODO"):
			case bad:
				o.failed[m[2]]++
				o.errors += line + "\n"
			default:
				o.passed[m[2]]++
			}
			continue
		}
		if m := fault.FindStringSubmatch(line); m != nil {
			if bad || !seen {
				o.errors += line + "\n"
			}
			if !seen && m[1] == "error" {
				o.failed["an error: "+strings.SplitN(m[2], `\n`, 2)[0]]++
			}
		}
	}
	return o
}

func TestParse(t *testing.T) {
	got := parse("TAP version 13\nok 1 - a\n  ---\n  {\n    \"error\": \"not one\"\n  }\n  ...\nnot ok 2 - b\nok # SKIP c\nok 4 - a\n1..4\n")
	if got.passed["a"] != 2 || got.failed["b"] != 1 || len(got.passed)+len(got.failed) != 2 {
		t.Errorf("%+v", got)
	}
	silent := parse("TAP version 13\n  ---\n  {\n    \"error\": \"hooks MUST be called\\nRefer\"\n  }\n  ...\n1..0\n")
	if silent.failed["an error: hooks MUST be called"] != 1 {
		t.Errorf("%+v", silent)
	}
	if worse := parse("1..0\n").beats(silent); len(worse) != 1 {
		t.Errorf("not seen as worse: %v", worse)
	}
	if worse := silent.beats(parse("1..0\n")); len(worse) != 0 {
		t.Errorf("seen as worse: %v", worse)
	}
	if worse := got.beats(parse("ok 1 - b\n")); !slices.Equal(worse, []string{"a"}) {
		t.Errorf("%v", worse)
	}
}
