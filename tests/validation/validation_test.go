package validation

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/validation.md")

const suite = "github.com/opencontainers/runtime-tools"

// excused are files of which a difference from runc is known, with the reason. What has none any more is logged.
func excused(file string) string {
	switch {
	case strings.HasPrefix(file, "linux_cgroups_"), file == "delete_resources":
		return "limits, in directories of cgroup v1"
	}
	return ""
}

// attempts is how often a runtime may try. Some programs race with what they start, and lose against a runtime that is
// quicker than they expect: one pass counts.
func attempts(file string) int {
	switch file {
	case "pidfile", // kills `true`, which has to be running still
		"killsig",   // sends a signal before the shell has had time to set its trap
		"poststart": // wants what the process writes to be there before what the hook writes
		return 10
	}
	return 1
}

// TestSuite runs every program against each of the runtimes in RUNTIMES ("runc /path/to/roost"). The first is the measure.
func TestSuite(t *testing.T) {
	runtimes := strings.Fields(os.Getenv("RUNTIMES"))
	if len(runtimes) != 2 {
		t.Skip("runtimes: RUNTIMES names none; `make test-clients` does")
	}
	if os.Geteuid() != 0 {
		t.Skip("root: the suite makes device nodes and changes owners")
	}
	for i, name := range runtimes {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skipf("%s: %v", name, err)
		}
		runtimes[i] = path
	}
	dir, files := build(t)
	var rows []row
	for _, file := range files {
		r := row{file: file}
		t.Run(file, func(t *testing.T) {
			r.measure = execute(t, dir, file, runtimes[0])
			for range attempts(file) {
				r.roost = execute(t, dir, file, runtimes[1])
				if r.worse = r.measure.beats(r.roost); len(r.worse) == 0 {
					break
				}
			}
			r.excuse = excused(file)
			if len(r.worse) > 0 && r.excuse == "" {
				t.Errorf("%s passes and %s does not:\n%s\n%s", runtimes[0], runtimes[1], strings.Join(r.worse, "\n"), r.roost.errors)
			}
			if len(r.worse) == 0 && r.excuse != "" && len(r.measure.passed) > 0 {
				t.Logf("%s needs no excuse any more", file)
			}
		})
		if r.measure.passed != nil { // else -run leaves it out
			rows = append(rows, r)
		}
	}
	if len(rows) != len(files) {
		return
	}
	write(t, table(rows, version(t, runtimes[0]), version(t, runtimes[1])))
}

// build makes the programs and what they expect beside them. It returns the directory and the programs' names.
func build(t *testing.T) (dir string, files []string) {
	t.Helper()
	var err error
	// Not t.TempDir: a failure to remove it is no failure of a runtime's.
	if dir, err = os.MkdirTemp("/var/tmp", "roost-validation-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exec.Command("rm", "-rf", "--one-file-system", dir).Run() })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "build", "-o", dir+"/", suite+"/cmd/runtimetest", suite+"/validation/...")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && e.Name() != "runtimetest" {
			files = append(files, e.Name())
		}
	}
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", suite).Output()
	if err != nil {
		t.Fatal(err)
	}
	archives, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(module)), "rootfs-*.tar.gz"))
	for _, archive := range archives {
		raw, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(archive)), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) < 50 || len(archives) == 0 {
		t.Fatalf("the suite is not as it was: programs %v, root file systems %v", files, archives)
	}
	keepCgroups(t)
	return dir, files
}

// keepCgroups removes the cgroups that the suite leaves behind, where nothing was before.
func keepCgroups(t *testing.T) {
	trees, _ := filepath.Glob("/sys/fs/cgroup/*")
	var ours []string
	for _, tree := range append(trees, "/sys/fs/cgroup") {
		for _, name := range []string{"testdir", "cgrouptest"} {
			if path := filepath.Join(tree, name); !exists(path) {
				ours = append(ours, filepath.Join(path, "cgrouptest"), path)
			}
		}
	}
	t.Cleanup(func() {
		for _, path := range ours {
			os.Remove(path)
		}
	})
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func version(t *testing.T, runtime string) string {
	t.Helper()
	out, err := exec.Command(runtime, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.ReplaceAll(first, "version ", "")
}

// write puts the table where the caller wants it, and into the documentation with -update.
func write(t *testing.T, text string) {
	t.Helper()
	paths := []string{os.Getenv("TABLE")}
	if *update {
		paths = append(paths, "../../docs/validation.md")
	}
	for _, path := range slices.DeleteFunc(paths, func(p string) bool { return p == "" }) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}

type row struct {
	file           string
	measure, roost outcome
	worse          []string
	excuse         string
}

func table(rows []row, names ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The OCI validation suite\n\nWhat %s of May 2025 says of %s and of %s: points passed / failed, and how the program\nended. "+
		"Written by `make test TESTPATH=./tests/validation TESTFLAGS=-update`.\n\n", suite, names[0], names[1])
	fmt.Fprintf(&b, "| file | %s | %s | |\n|---|---|---|---|\n", names[0], names[1])
	for _, r := range rows {
		verdict := "same"
		switch better := r.roost.beats(r.measure); {
		case len(r.worse) > 0 && r.excuse != "":
			verdict = "excused: " + r.excuse
		case len(r.worse) > 0:
			verdict = "**worse**"
		case len(better) > 0:
			verdict = "better"
		}
		fmt.Fprintf(&b, "| %s | %v | %v | %s |\n", r.file, r.measure, r.roost, verdict)
	}
	return b.String()
}
