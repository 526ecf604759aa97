package house

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/roost-run/roost"

// layer is a rule of the design: which of our own packages the ones below dir may import, besides themselves.
type layer struct {
	dir  string
	may  []string // prefixes; "" is none of ours
	deny []string // packages of others
	but  string   // which of them has a rule of its own
}

// On the hot path a process start is the product: each of these costs more at start than roost has to give.
var slow = []string{"net", "net/http", "text/template", "html/template", "regexp", "os/user", "os/exec", "crypto/sha256", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/godbus/dbus/v5", "github.com/seccomp/libseccomp-golang"}

// Dependencies point one way: cmd → runtime → leaves → internal; a leaf knows one kernel interface and no other leaf.
func rules() []layer {
	leaf := func(dir string) layer { return layer{dir: dir, may: []string{"internal/"}} }
	return []layer{
		{dir: "cmd", may: []string{"runtime", "userns", "idmap", "delegate", "netns", "rdt", "internal/"}},
		{dir: "cmd/roost", may: []string{"runtime", "userns", "idmap", "delegate", "netns", "rdt", "internal/"}, deny: slow},
		{dir: "runtime", may: []string{"userns", "idmap", "delegate", "cgroupv2", "netns", "rdt", "internal/"}, deny: slow},
		{dir: "userns", may: []string{"idmap", "internal/"}, deny: slow},
		leaf("idmap"), leaf("delegate"), leaf("cgroupv2"), leaf("netns"), leaf("rdt"),
		{dir: "internal", may: []string{"internal/"}, but: "internal/check"},
		// A command's own, in a package for its size: it asks the leaves.
		{dir: "internal/check", may: []string{"userns", "idmap", "delegate", "cgroupv2", "internal/"}, deny: slow},
		{dir: "internal/fault", may: nil},
		{dir: "internal/strictjson", may: nil},
		{dir: "internal/degrade", may: []string{"internal/fault"}},
		{dir: "internal/spec", may: []string{"internal/fault", "internal/strictjson"}, deny: slow},
		{dir: "internal/notify", may: []string{"internal/fault", "internal/sys"}, deny: slow},
		// What compiles filters and what keeps them; libseccomp is the compiler's alone.
		{dir: "cmd/roost-seccomp", may: []string{"internal/seccomp", "internal/spec", "internal/strictjson", "internal/fault"}},
		{dir: "internal/seccomp", may: []string{"internal/fault", "internal/launch", "internal/oneshot", "internal/strictjson", "internal/sys"}, deny: slow},
		{dir: "internal/launch", may: []string{"internal/sys", "internal/launch"}, deny: slow},
		{dir: "internal/sys", may: []string{"internal/sys"}, deny: slow},
		{dir: "internal/nofile", may: nil, deny: nil},
		{dir: "tests", may: []string{"tests/"}},
	}
}

type pkg struct {
	ImportPath string
	Dir        string
	Doc        string
	Name       string
	GoFiles    []string
	Imports    []string
	Deps       []string
}

func packages(t testing.TB, args ...string) (all []pkg) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Dir,Doc,Name,GoFiles,Imports,Deps"}, args...)...)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLayers(t *testing.T) {
	all := packages(t, "./...")
	for _, p := range all {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		for _, rule := range rules() {
			if !within(path, []string{rule.dir}) || rule.but != "" && within(path, []string{rule.but}) {
				continue
			}
			for _, imported := range p.Imports {
				own, ok := strings.CutPrefix(imported, module+"/")
				if ok && !within(own, append(rule.may, rule.dir)) {
					t.Errorf("%s imports %s; %s may import %v only", path, own, rule.dir, rule.may)
				}
				if slices.Contains(rule.deny, imported) {
					t.Errorf("%s imports %s, which costs too much at every start", path, imported)
				}
			}
		}
	}
}

func within(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if path == strings.TrimSuffix(p, "/") || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/") {
			return true
		}
	}
	return false
}

// What the binary links is what every start pays for, through however many packages it came.
func TestSlowPackagesStayOut(t *testing.T) {
	for _, p := range packages(t, "./cmd/roost") {
		for _, dep := range slow {
			if slices.Contains(p.Deps, dep) {
				t.Errorf("cmd/roost links %s (go mod why, go list -deps)", dep)
			}
		}
	}
}

// Raw system calls and unsafe live where they are reviewed, and nowhere else.
func TestUnsafeStaysIn(t *testing.T) {
	allowed := []string{"internal/launch", "internal/sys", "internal/nofile"}
	for _, p := range packages(t, "./...") {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		if slices.Contains(p.Imports, "unsafe") && !within(path, allowed) {
			t.Errorf("%s imports unsafe; only %v may", path, allowed)
		}
		if slices.Contains(p.Imports, "C") {
			t.Errorf("%s uses cgo", path)
		}
	}
}
