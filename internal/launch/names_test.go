package launch

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// headers are where the kernel's own numbers are, as Debian's linux-libc-dev has them. arm64 and riscv64 use the generic ones,
// with those calls that came before all architectures shared them.
var headers = map[string]string{
	"amd64":   "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
	"arm64":   "/usr/include/asm-generic/unistd.h",
	"riscv64": "/usr/include/asm-generic/unistd.h",
}

// TestNumbersOfSystemCalls compares our names with the kernel's headers, for architectures that we are not on, too: the
// compiler does the sum, and a constant that is negative or too large an index is an error.
func TestNumbersOfSystemCalls(t *testing.T) {
	goTool := needGo(t)
	for arch, header := range headers {
		t.Run(arch, func(t *testing.T) {
			numbers := parseHeader(t, header)
			var src strings.Builder
			src.WriteString("package main\n\nimport \"golang.org/x/sys/unix\"\n\nfunc main() {}\n\n")
			for _, c := range calls() {
				n, ok := numbers[c.name]
				if !ok {
					t.Errorf("%s: not in %s", c.name, header)
					continue
				}
				constant := "unix.SYS_" + strings.ToUpper(c.name)
				fmt.Fprintf(&src, "var _ [%s - %d]int // %s is too small\nvar _ [%d - %s]int // %s is too large\n", constant, n, c.name, n, constant, c.name)
			}
			file := filepath.Join(t.TempDir(), "numbers.go")
			if err := os.WriteFile(file, []byte(src.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(goTool, "build", "-o", os.DevNull, file)
			cmd.Env = append(os.Environ(), "GOARCH="+arch, "GOOS=linux", "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// parseHeader reads #define __NR_name number, and __NR_name __NR3264_name.
func parseHeader(t *testing.T, header string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(header)
	if err != nil {
		t.Skipf("%v: install linux-libc-dev", err)
	}
	numbers := make(map[string]int)
	define := regexp.MustCompile(`(?m)^#define\s+__NR(3264)?_(\w+)\s+(\w+)`)
	for _, m := range define.FindAllStringSubmatch(string(text), -1) {
		if n, err := strconv.Atoi(m[3]); err == nil {
			if _, there := numbers[m[2]]; !there {
				numbers[m[2]] = n
			}
		}
	}
	for _, m := range define.FindAllStringSubmatch(string(text), -1) {
		if old, ok := strings.CutPrefix(m[3], "__NR3264_"); ok && m[1] == "" {
			numbers[m[2]] = numbers[old]
		}
	}
	return numbers
}

// TestEveryCallHasAName: a composite operation must not use a call that names.go, and so the test above, does not know.
func TestEveryCallHasAName(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range calls() {
		if known[c.name] {
			t.Errorf("%s is there twice", c.name)
		}
		if syscallName(c.nr) != c.name {
			t.Errorf("%s has the number of %s", c.name, syscallName(c.nr))
		}
		known[c.name] = true
	}
	for _, dir := range []string{".", "../../runtime"} {
		for _, c := range callsIn(t, dir) {
			if !known[c] {
				t.Errorf("%s: SYS_%s is used and has no name", dir, strings.ToUpper(c))
			}
		}
	}
}

// TestNoSmallIDs: on 386 and arm calls of these names have ids of 16 bits, or sizes of 32. What abi.go names instead is right
// everywhere.
func TestNoSmallIDs(t *testing.T) {
	small := []string{"chown", "lchown", "fchown", "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "getresuid", "getresgid",
		"setgroups", "getgroups", "setfsuid", "setfsgid", "statfs", "fstatfs", "fstat", "stat", "truncate", "ftruncate", "mmap"}
	for _, dir := range []string{".", "../../runtime"} {
		for _, c := range callsIn(t, dir) {
			if slices.Contains(small, c) {
				t.Errorf("%s: SYS_%s is another call on 386 and arm: use what internal/launch/abi.go names", dir, strings.ToUpper(c))
			}
		}
	}
}

// callsIn lists the SYS_ constants in the sources of a directory, tests aside.
func callsIn(t *testing.T, dir string) []string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	var list []string
	for _, name := range files {
		if ok, err := build.Default.MatchFile(dir, filepath.Base(name)); !ok || err != nil || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(filepath.Base(name), "abi") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Skipf("%s does not parse: %v", name, err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if call, ok := strings.CutPrefix(s.Sel.Name, "SYS_"); ok {
					list = append(list, strings.ToLower(call))
				}
			}
			return true
		})
	}
	return list
}

// TestBuildVariants links the package as debuggers and testers do: the linker refuses frames that do not fit into what a
// function that may not grow its stack has, and how large they are depends on these. (Only counting atomically, for coverage,
// without optimisation is too much.)
func TestBuildVariants(t *testing.T) {
	goTool := needGo(t)
	for _, v := range []struct {
		name string
		args []string
		cgo  string
	}{
		{"not optimised", []string{"-gcflags=all=-N -l"}, "0"},
		{"race", []string{"-race"}, "1"},
		{"race, not optimised", []string{"-race", "-gcflags=all=-N -l"}, "1"},
		{"checkptr", []string{"-gcflags=-d=checkptr"}, "0"},
		{"coverage", []string{"-cover", "-covermode=atomic"}, "0"},
	} {
		t.Run(v.name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("-short: each takes seconds")
			}
			if _, err := exec.LookPath("gcc"); v.cgo == "1" && err != nil {
				t.Skip("the race detector needs a C compiler: install gcc")
			}
			binary := filepath.Join(t.TempDir(), "launch.test")
			args := append(append([]string{"test", "-c", "-o", binary}, v.args...), ".")
			cmd := exec.Command(goTool, args...)
			cmd.Env = append(os.Environ(), "CGO_ENABLED="+v.cgo)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			cmd = exec.Command(binary, "-test.run=^(TestContainer|TestWalk|TestSync|TestReapStatus|TestFind|TestVerify|TestFork)$")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// needGo gives the go command, or skips where there is none that can build here: installed tests, a user without a cache.
func needGo(t *testing.T) string {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command in PATH")
	}
	if out, err := exec.Command(goTool, "list", ".").CombinedOutput(); err != nil {
		t.Skipf("needs the sources and a cache of the go command: %v, %s", err, out)
	}
	return goTool
}
