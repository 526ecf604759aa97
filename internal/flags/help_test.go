package flags

import (
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	v := values{Format: "table", N: 2}
	cmd := table(&v)
	cmd.Short, cmd.Long = "try things", "A paragraph.\n"
	cmd.Usage = append(cmd.Usage, "[flags] -- CMD")
	cmd.Flags[2].Help = strings.Repeat("word ", 40)
	cmd.Flags[5].Section = "Flags of another kind"
	got := cmd.Help()
	for _, part := range []string{"roost try: try things\n", "Usage: roost try [flags] ID\n       roost try [flags] -- CMD\n\nA paragraph.\n",
		"  -b, --bundle DIR", "-f, --format table|json", "(default table)", "    --preserve-fds N", "(default 2)", "(accepted, without effect)",
		"\nFlags of another kind:\n", "(repeatable)"} {
		if !strings.Contains(got, part) {
			t.Errorf("no %q in\n%s", part, got)
		}
	}
	if strings.Contains(got, "apparmor") {
		t.Error("an unsupported flag is offered")
	}
	for line := range strings.Lines(got) {
		if len(line) > helpWidth+1 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestWalk(t *testing.T) {
	for _, c := range []struct {
		words string
		stop  bool
		flag  string
		n     int
		over  bool
	}{
		{"", false, "", 0, false},
		{"--bundle", false, "bundle", 0, false},
		{"-b", false, "bundle", 0, false},
		{"-dtb", false, "bundle", 0, false},
		{"-dt", false, "", 0, false},
		{"-b /x", false, "", 0, false},
		{"-b/x", false, "", 0, false},
		{"--bundle=/x c1", false, "", 1, false},
		{"c1", true, "", 1, true},
		{"--keep -- c1", false, "", 1, true},
		{"-Q --zzz", false, "", 0, false},
	} {
		cmd := table(new(values))
		cmd.Stop = c.stop
		p := cmd.Walk(strings.Fields(c.words))
		name := ""
		if p.Flag != nil {
			name = p.Flag.Name
		}
		if name != c.flag || p.Positional != c.n || p.Over != c.over {
			t.Errorf("%q: %q %+v", c.words, name, p)
		}
	}
}
