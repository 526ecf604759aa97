package top

import "strings"

// Glyphs are what bars are made of, from empty to full.
type Glyphs []rune

// Blocks need a terminal that shows Unicode; ASCII does everywhere.
func Blocks() Glyphs { return Glyphs(" ▁▂▃▄▅▆▇█") }

// ASCII are Glyphs that look darker from one to the next.
func ASCII() Glyphs { return Glyphs(" .:-=+*#@") }

// GlyphsFor are those that a locale can show, by the variables that decide, the first that is set (man 7 locale).
func GlyphsFor(lcAll, lcCtype, lang string) Glyphs {
	for _, locale := range []string{lcAll, lcCtype, lang} {
		if locale == "" {
			continue
		}
		_, set, _ := strings.Cut(strings.ToLower(locale), ".")
		set, _, _ = strings.Cut(set, "@")
		if set == "utf-8" || set == "utf8" {
			return Blocks()
		}
		break
	}
	return ASCII()
}

// bar draws the last of the values, one a column, of which full fills the column. A value that is not nothing shows.
func (g Glyphs) bar(values []float64, full float64, width int) string {
	values = values[max(0, len(values)-width):]
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(values)))
	for _, v := range values {
		step := 0
		if v > 0 && full > 0 {
			step = min(max(1, int(v/full*float64(len(g)-1)+0.5)), len(g)-1)
		}
		b.WriteRune(g[step])
	}
	return b.String()
}

func largest(values []float64) (most float64) {
	for _, v := range values {
		most = max(most, v)
	}
	return most
}
