package check

import (
	"strings"
	"unicode/utf8"
)

// Style is how a report is written for people.
type Style struct {
	Verbose bool // evidence and remedies of everything
	Colour  bool
	Width   int // of lines, where they can be broken
}

// Text is the report for people: a line for each item, by areas, and below it what is behind it where that matters.
func (r Report) Text(s Style) string {
	w := page{Style: s, told: map[string]string{}}
	for rest := r.Items; len(rest) > 0; {
		n := 1
		for n < len(rest) && area(rest[n].ID) == area(rest[0].ID) {
			n++
		}
		w.area(rest[:n])
		rest = rest[n:]
	}
	return w.b.String()
}

func area(id string) string {
	before, _, _ := strings.Cut(id, ".")
	return before
}

func name(id string) string {
	_, after, _ := strings.Cut(id, ".")
	return after
}

// title is what an area is about.
func title(area string) string {
	switch area {
	case "caller":
		return "who you are"
	case "state":
		return "where things are kept"
	case "userns":
		return "namespaces"
	case "ids":
		return "user and group ids"
	case "security":
		return "security modules"
	case "mounts":
		return "mounts in a container"
	case "cgroup":
		return "cgroups: limits, freezing, killing"
	case "kernel":
		return "features of the kernel"
	case "tools":
		return "programs beside roost"
	case "network":
		return "the host's network"
	case "bundle":
		return "this bundle"
	}
	return area
}

type page struct {
	Style
	b    strings.Builder
	told map[string]string // long reasons, and where they were first told
}

// area writes the items of one. Those that have a brief are summed up, unless all is to be told.
func (w *page) area(items []Item) {
	w.b.WriteString(w.bold(title(area(items[0].ID))) + "\n")
	width := 0
	for _, i := range items {
		if w.Verbose || i.brief.name == "" {
			width = max(width, len(name(i.ID)))
		}
	}
	done := map[string]bool{}
	for _, i := range items {
		if w.Verbose || i.brief.name == "" {
			w.item(i, width)
			continue
		}
		if key := i.State.String() + i.brief.begin; !done[key] {
			done[key] = true
			w.line(i.State, "", i.brief.begin+strings.Join(alike(items, i), ", "))
		}
	}
}

// alike are the names of those that are summed up with i.
func alike(items []Item, i Item) (names []string) {
	for _, o := range items {
		if o.State == i.State && o.brief.name != "" && o.brief.begin == i.brief.begin {
			names = append(names, o.brief.name)
		}
	}
	return names
}

func (w *page) item(i Item, width int) {
	if i.Path != "" {
		w.line(i.State, "", i.Path+": "+w.once(i))
	} else {
		w.line(i.State, name(i.ID)+strings.Repeat(" ", width-len(name(i.ID)))+"  ", i.Summary)
	}
	if i.State == OK && !w.Verbose {
		return
	}
	for _, e := range i.Evidence {
		if e.Says == i.Path { // it was just said
			continue
		}
		w.wrap("           ", "  ", e.Source+": "+strings.ReplaceAll(e.Says, "\n", "; "))
	}
	for n, line := range strings.Split(i.Remedy, "\n") {
		switch {
		case line == "":
		case n == 0:
			w.wrap("        -> ", "", line)
		default:
			w.b.WriteString("               " + line + "\n")
		}
	}
}

// once is the summary, without a reason that was told before: several limits are often refused for one.
func (w *page) once(i Item) string {
	const long = 80
	what, reason, found := strings.Cut(i.Summary, ": ")
	if !found || len(reason) < long || w.Verbose {
		return i.Summary
	}
	if first := w.told[reason]; first != "" {
		return what + ", as for " + first
	}
	w.told[reason] = i.Path
	return i.Summary
}

func (w *page) line(s State, label, text string) {
	word := s.String() + strings.Repeat(" ", 7-len(s.String()))
	if !w.Colour {
		w.wrap("  "+word+"  "+label, "", text)
		return
	}
	before := w.b.Len()
	w.wrap("  "+word+"  "+label, "", text)
	written := w.b.String()[before:]
	all := w.b.String()[:before] + strings.Replace(written, word, colour(s)+word+"\x1b[0m", 1)
	w.b.Reset()
	w.b.WriteString(all)
}

func colour(s State) string {
	return [...]string{"\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[1;31m"}[s]
}

func (w *page) bold(text string) string {
	if w.Colour {
		return "\x1b[1m" + text + "\x1b[0m"
	}
	return text
}

// wrap writes text behind a prefix, broken between words; further lines stand below the text's beginning.
func (w *page) wrap(prefix, more, text string) {
	indent := utf8.RuneCountInString(prefix)
	w.b.WriteString(prefix)
	at := indent
	for n, word := range strings.Fields(text) {
		length := utf8.RuneCountInString(word)
		switch {
		case n == 0:
		case at+1+length > w.Width:
			w.b.WriteString("\n" + strings.Repeat(" ", indent) + more)
			at = indent + len(more)
		default:
			w.b.WriteByte(' ')
			at++
		}
		w.b.WriteString(word)
		at += length
	}
	w.b.WriteByte('\n')
}
