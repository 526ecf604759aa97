package house

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tracked lists the files of the tree that match, without what is built.
func tracked(t testing.TB, patterns ...string) []string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--"}, patterns...)...)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("git: this is no work tree of git, or it belongs to somebody else: %v", err)
	}
	return strings.Fields(string(out))
}

// One file, one idea: around 300 lines. 400 is where "around" ends (500 for tests, whose tables are long); what is
// generated is not counted.
func TestSmallFiles(t *testing.T) {
	for _, name := range tracked(t, "*.go") {
		raw, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			continue // deleted, not yet committed
		}
		most := 400
		if strings.HasSuffix(name, "_test.go") {
			most = 500
		}
		if n := bytes.Count(raw, []byte("\n")); n > most && !bytes.Contains(raw, []byte("// Code generated ")) {
			t.Errorf("%s has %d lines", name, n)
		}
	}
}

// Each package says in doc.go what it is for.
func TestDocumented(t *testing.T) {
	for _, p := range packages(t, "./...") {
		if p.Name == "main" && !strings.Contains(p.ImportPath, "/cmd/") || strings.Contains(p.ImportPath, "/testdata/") {
			continue
		}
		if len(p.GoFiles) > 0 && (p.Doc == "" || !exists(filepath.Join(p.Dir, "doc.go"))) {
			t.Errorf("%s has no doc.go with a package comment", p.ImportPath)
		}
	}
}

func TestLicence(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root(t), "LICENSE"))
	if err != nil || !bytes.Contains(raw, []byte("Apache License")) || !bytes.Contains(raw, []byte("Version 2.0, January 2004")) {
		t.Errorf("LICENSE is not the Apache License 2.0: %v", err)
	}
}

// Links between the documents lead somewhere.
func TestLinks(t *testing.T) {
	for _, name := range tracked(t, "*.md") {
		raw, err := os.ReadFile(filepath.Join(root(t), name))
		if err != nil {
			continue
		}
		for _, part := range strings.Split(string(raw), "](")[1:] {
			target, _, _ := strings.Cut(part, ")")
			target, _, _ = strings.Cut(target, "#")
			if target == "" || strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			if !exists(filepath.Join(root(t), filepath.Dir(name), target)) {
				t.Errorf("%s links to %s, which is not there", name, target)
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
