package gen

import (
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra/doc"

	"github.com/roost-run/roost/internal/flags"
)

// Write makes roost.bash, roost.zsh, roost.fish and a man page for each command that is not hidden, in dir. The same
// tables make the same bytes.
func Write(dir string, root *flags.Command, commands []*flags.Command) error {
	top := tree(root, commands)
	file := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(
		top.GenBashCompletionFileV2(file("roost.bash"), true),
		top.GenZshCompletionFile(file("roost.zsh")),
		top.GenFishCompletionFile(file("roost.fish"), true),
	)
	top.DisableAutoGenTag = true // it has today's date
	edition := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	header := &doc.GenManHeader{Section: "1", Source: "roost", Manual: "roost", Date: &edition}
	return errors.Join(err, doc.GenManTree(top, header, dir))
}

// description is the text of a man page, in the Markdown that cobra's generator reads: indented lines become
// verbatim blocks there only when they are indented by four and stand apart.
func description(c *flags.Command) string {
	var b strings.Builder
	if len(c.Usage) > 1 {
		for _, usage := range c.Usage {
			b.WriteString("    roost " + c.Name + " " + usage + "\n")
		}
		b.WriteString("\n")
	}
	block := false
	for line := range strings.Lines(c.Long) {
		indented := strings.HasPrefix(line, "  ")
		if indented != block && strings.TrimSpace(line) != "" {
			b.WriteString("\n")
			block = indented
		}
		if indented {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	if b.Len() == 0 {
		return c.Short + "."
	}
	return b.String()
}
