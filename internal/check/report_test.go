package check

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
)

func TestExitStatus(t *testing.T) {
	for status, items := range map[int][]Item{0: {ok("a.b", "x"), note("a.c", "x")}, 2: {warning("a.b", "x"), note("a.c", "x")}, 3: {wrong("a.b", "x"), warning("a.c", "x")}} {
		if got := NewReport(items).ExitStatus(); got != status {
			t.Errorf("%v: %d, want %d", items, got, status)
		}
	}
}

// The host that the tests run on: whatever it is, every item is complete, documented, and there once.
func TestHost(t *testing.T) {
	doc, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	items := Host(context.Background(), Place{Path: t.TempDir()})
	seen := map[string]bool{}
	for _, i := range items {
		complete(t, i)
		if seen[i.ID] {
			t.Errorf("%s is there twice", i.ID)
		}
		seen[i.ID] = true
		if !strings.Contains(string(doc), "`"+i.ID+"`") {
			t.Errorf("%s is not in docs/check.md", i.ID)
		}
		t.Log(i.State, i.ID, i.Summary)
	}
	if len(items) < 20 {
		t.Errorf("only %d items", len(items))
	}
}

// Every id in the code is documented, and every documented one is in the code.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/check.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, dir := range []string{".", "../probe"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
				raw, err := os.ReadFile(dir + "/" + e.Name())
				if err != nil {
					t.Fatal(err)
				}
				source.Write(raw)
			}
		}
	}
	areas := `(?:caller|state|userns|ids|security|mounts|cgroup|network|bundle)`
	for _, m := range regexp.MustCompile(`"(`+areas+`\.[a-z-]+)"`).FindAllStringSubmatch(source.String(), -1) {
		if !strings.Contains(string(doc), "`"+m[1]+"`") {
			t.Errorf("%s is not in docs/check.md", m[1])
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)\\.([a-z0-9-]+)` \\|").FindAllStringSubmatch(string(doc), -1) {
		id := m[1] + "." + m[2]
		if !strings.Contains(source.String(), `"`+id+`"`) && !((m[1] == "kernel" || m[1] == "tools") && strings.Contains(source.String(), `"`+m[2]+`"`)) {
			t.Errorf("%s is documented, and there is no such item", id)
		}
	}
}

func TestJSON(t *testing.T) {
	i := warning("cgroup.version", "hybrid").says("/proc/self/cgroup", "0::/").remedy(Admin, "boot", "so")
	text, err := json.Marshal(NewReport([]Item{i, ok("a.b", "fine")}))
	want := `{"version":1,"state":"warning","items":[{"id":"cgroup.version","state":"warning","summary":"hybrid","evidence":[{"source":"/proc/self/cgroup","says":"0::/"}],"remedy":"boot\nso","who":"administrator"},{"id":"a.b","state":"ok","summary":"fine"}]}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v\nwant %s", text, err, want)
	}
}

func TestText(t *testing.T) {
	one, two := ok("kernel.one", "one, for this"), ok("kernel.two", "two, for that")
	one.brief, two.brief = brief{name: "one"}, brief{name: "two"}
	bad := warning("cgroup.version", strings.Repeat("word ", 30)).says("/a", "b").remedy(Admin, "do", "exactly   this")
	r := NewReport([]Item{ok("caller.privilege", "you").says("/x", "y"), one, two, bad})
	text := r.Text(Style{Width: 80})
	for _, line := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("longer than 80: %s", line)
		}
	}
	for _, part := range []string{"who you are\n  ok       privilege  you\n", "  ok       one, two\n", "  warning  version  word", "           /a: b\n", "        -> do\n               exactly   this\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	if strings.Contains(text, "\x1b") || strings.Contains(text, "/x: y") {
		t.Error(text)
	}
	verbose := r.Text(Style{Width: 80, Verbose: true, Colour: true})
	for _, part := range []string{"/x: y", "one, for this", "\x1b[33mwarning\x1b[0m", "\x1b[1mwho you are\x1b[0m"} {
		if !strings.Contains(verbose, part) {
			t.Errorf("no %q in\n%s", part, verbose)
		}
	}
}

func TestBundle(t *testing.T) {
	host := []Item{warning("mounts.proc", "masked"), ok("mounts.sysfs", "x"), note("mounts.mqueue", "the host's")}
	b := Bundle{}
	expect(t, b.Items(host), want{"bundle.plan", OK, "all"})
	b.Problems = []spec.Problem{
		{Path: "process.cwd", Text: "is not absolute", Line: 7},
		{Path: "linux.resources.memory.limit", Text: "not here; " + degrade.Remedy(degrade.Memory), Kind: "memory"},
	}
	b.GivenUp = []spec.Problem{{Path: "linux.resources.memory.limit", Text: "not here", Kind: "memory", Loud: true}, {Path: "linux.resources.devices", Text: "no filter", Kind: "devices"}, {Path: "root.path", Text: "loud", Loud: true}}
	b.Mounts = []FileSystem{{Index: 3, Type: "proc", StandIn: true}, {Index: 4, Type: "sysfs", Refused: true}, {Index: 5, Type: "tmpfs"}, {Index: 6, Type: "mqueue", StandIn: true}}
	b.Later, b.Cgroup = []spec.Problem{{Path: "process.oomScoreAdj", Text: "lower", Kind: "oom"}}, "a scope"
	items := b.Items(host)
	expect(t, items, want{"bundle.config", Error, "config.json:7"}, want{"bundle.refused", Error, ""})
	got := map[string]string{}
	for _, i := range items {
		got[i.Path] = i.State.String() + " " + i.Policy + " " + i.Kind + " " + i.Remedy
	}
	for path, want := range map[string]string{
		"process.cwd": "error   ", "linux.resources.memory.limit": "error deny memory run without it: --degrade memory=warn", "linux.resources.devices": "note ignore devices ",
		"root.path": "warning warn  ", "mounts[3]": "note ignore proc ", "mounts[4]": "error deny sysfs ", "mounts[6]": "note ignore mqueue ",
		"process.oomScoreAdj": "warning warn oom ", "": "ok   ",
	} {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
	if len(got) != 9 {
		t.Errorf("%d items: %v", len(got), got)
	}
	expect(t, Bundle{Err: errors.New("no config.json")}.Items(nil), want{"bundle.config", Error, "no config.json"})
}
