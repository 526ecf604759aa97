package house

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Codes of errors are a promise: each is documented once and used, with the exit status that the code has.
func TestErrorCodes(t *testing.T) {
	source := readFile(t, "internal/fault/code.go")
	doc := readFile(t, "docs/errors.md")
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(E_[A-Z_]+)` \\| [^|]+ \\| ([0-9]+) \\| [^|]+ \\|$").FindAllStringSubmatch(doc, -1) {
		if documented[m[1]] != "" {
			t.Errorf("%s is documented twice", m[1])
		}
		documented[m[1]] = m[2]
	}
	var program strings.Builder
	for _, name := range tracked(t, "*.go") {
		if !strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "internal/fault/") {
			if raw, err := os.ReadFile(filepath.Join(root(t), name)); err == nil {
				program.Write(raw)
			}
		}
	}
	var codes []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) +Code = "(E_[A-Z_]+)"$`).FindAllStringSubmatch(source, -1) {
		codes = append(codes, m[2])
		if !regexp.MustCompile(`\bfault\.` + m[1] + `\b`).MatchString(program.String()) {
			t.Errorf("%s: nothing fails with it", m[2])
		}
		if documented[m[2]] == "" {
			t.Errorf("%s is not in docs/errors.md", m[2])
		}
		want := "125"
		switch {
		case m[1] == "ExecNotFound":
			want = "127"
		case strings.HasPrefix(m[1], "Exec"):
			want = "126"
		}
		if documented[m[2]] != want {
			t.Errorf("%s is documented with exit %s, want %s", m[2], documented[m[2]], want)
		}
	}
	if len(codes) < 20 {
		t.Fatalf("only %d codes were found", len(codes))
	}
	for code := range documented {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is documented, and there is no such code", code)
		}
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
