package flags

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

const helpWidth = 100 // columns; a terminal that is narrower wraps by itself

// Help is the text of "roost NAME --help".
func (c *Command) Help() string {
	var b strings.Builder
	b.WriteString("roost " + c.Name + ": " + c.Short + "\n\n")
	for i := range c.Usage {
		if i == 0 {
			b.WriteString("Usage: ")
		} else {
			b.WriteString("       ")
		}
		b.WriteString(c.synopsis(i) + "\n")
	}
	if c.Long != "" {
		b.WriteString("\n" + strings.TrimSpace(c.Long) + "\n")
	}
	b.WriteString(c.FlagHelp())
	return b.String()
}

// FlagHelp is the part of the help that lists flags, with its headings; "" when there are none.
func (c *Command) FlagHelp() string {
	sections := []string{""}
	for _, f := range c.Flags {
		if !slices.Contains(sections, f.Section) {
			sections = append(sections, f.Section)
		}
	}
	var b strings.Builder
	for _, section := range sections {
		if rows := c.flagRows(section); len(rows) > 0 {
			b.WriteString("\n" + cmp.Or(section, "Flags") + ":\n" + Columns(rows))
		}
	}
	return b.String()
}

func (c *Command) synopsis(i int) string {
	name := "roost"
	if c.Name != "" {
		name += " " + c.Name
	}
	if i >= len(c.Usage) || c.Usage[i] == "" {
		return name
	}
	return name + " " + c.Usage[i]
}

func (c *Command) flagRows(section string) [][2]string {
	var rows [][2]string
	for i := range c.Flags {
		f := &c.Flags[i]
		if f.Hidden || f.Unsupported != "" || f.Section != section {
			continue
		}
		left := "    --" + f.Name
		if f.Short != 0 {
			left = "-" + string(rune(f.Short)) + ", --" + f.Name
		}
		if !f.IsBool() {
			left += " " + f.arg()
		}
		rows = append(rows, [2]string{left, f.Text()})
	}
	return rows
}

// Text is the help of the flag with its default and what else holds for it.
func (f *Flag) Text() string {
	text := f.Help
	if f.Ignored {
		text += " (accepted, without effect)"
	}
	if _, ok := f.To.(*[]string); ok {
		text += " (repeatable)"
	}
	if d := f.Default(); d != "" {
		text += " (default " + d + ")"
	}
	return text
}

// Columns sets rows in two columns, the second wrapped.
func Columns(rows [][2]string) string {
	width := 0
	for _, row := range rows {
		if n := utf8.RuneCountInString(row[0]); n > width && n <= 32 {
			width = n
		}
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString("  " + row[0])
		n := utf8.RuneCountInString(row[0])
		if n > width {
			b.WriteByte('\n')
			n = -2
		}
		pad := strings.Repeat(" ", width-n+2)
		for i, line := range wrap(row[1], helpWidth-width-4) {
			if i > 0 {
				pad = strings.Repeat(" ", width+4)
			}
			b.WriteString(pad + line + "\n")
		}
	}
	return b.String()
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
