package nofile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// One program per way of building, since each has an order of initialisation of its own: with -race and
// with cgo other packages take part.
var builds = []struct {
	name string
	cgo  string
	args []string
}{
	{"static", "0", nil},
	{"trimpath", "0", []string{"-trimpath", "-ldflags=-s -w"}},
	{"cgo", "1", nil},
	{"race", "1", []string{"-race"}},
}

func TestSeenBeforeGoRaisesIt(t *testing.T) {
	for _, b := range builds {
		t.Run(b.name, func(t *testing.T) {
			if testing.Short() && b.cgo == "1" {
				t.Skip("-short: builds the standard library once more")
			}
			program := build(t, b.cgo, b.args)
			for _, soft := range []uint64{64, 100} {
				out := under(t, program, fmt.Sprintf("ulimit -Sn %d && ulimit -Hn 200", soft))
				var gotSoft, gotHard, now uint64
				if _, err := fmt.Sscan(out, &gotSoft, &gotHard, &now); err != nil {
					t.Fatalf("report printed %q: %v", out, err)
				}
				if gotSoft != soft || gotHard != 200 {
					t.Errorf("Original() = %d, %d, want %d, 200: Go initialises packages in another order now", gotSoft, gotHard, soft)
				}
				if now <= soft {
					t.Errorf("soft limit of a running Go program is %d, started with %d: Go does not raise it any more, and this package is needless", now, soft)
				}
			}
		})
	}
}

// The soft limit at the hard one is the case that Go leaves alone.
func TestNothingToRaise(t *testing.T) {
	out := under(t, build(t, "0", nil), "ulimit -n 80")
	if out != "80 80 80" {
		t.Errorf("report = %q, want 80 80 80", out)
	}
}

func TestImportsOnlyUnsafe(t *testing.T) {
	out, err := exec.Command(goTool(t), "list", "-f", `{{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if got := strings.TrimSpace(string(out)); got != "unsafe" {
		t.Errorf("imports %q, want unsafe alone (see doc.go)", got)
	}
}

func goTool(t *testing.T) string {
	t.Helper()
	tool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("missing: the go command in PATH, which this test builds programs with")
	}
	return tool
}

func build(t *testing.T, cgo string, args []string) string {
	t.Helper()
	if cgo == "1" {
		if _, err := exec.LookPath("gcc"); err != nil {
			t.Skip("missing: gcc, which cgo needs")
		}
	}
	program := filepath.Join(t.TempDir(), "report")
	cmd := exec.Command(goTool(t), append(append([]string{"build", "-o", program}, args...), "./testdata/report")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %v: %v\n%s", args, err, out)
	}
	return program
}

func under(t *testing.T, program, limits string) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", limits+` && exec "$0"`, program).CombinedOutput()
	if err != nil {
		t.Fatalf("%s; %s: %v\n%s", limits, program, err, out)
	}
	return strings.TrimSpace(string(out))
}
