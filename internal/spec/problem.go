package spec

import (
	"sort"
	"strconv"
	"strings"

	"github.com/roost-run/roost/internal/strictjson"
)

// maxProblems bounds what one hostile document can make us keep and print.
const maxProblems = 100

// Problem is one thing that is wrong with a configuration, or one that was given up.
type Problem struct {
	Path string // such as linux.namespaces[2].type; "" is the document itself
	Text string // one line, the remedy last
	Line int    // in the document, from 1; 0 when there is no document, and in what was given up
	Kind string // of what is refused because a policy denies it, or given up because it does not: what it is, see internal/degrade
	Loud bool   // of what was given up: the policy for it is to warn

	offset int
}

// Error is everything that is wrong with one document.
type Error struct {
	Document string // what Line counts in: "config.json", or what the caller made of it
	Problems []Problem
	Unlisted int // problems beyond the first hundred
}

// Error has one line for each problem, in the form of compilers: "config.json:12: process.args: …".
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Document)
		if p.Line > 0 {
			b.WriteString(":" + strconv.Itoa(p.Line))
		}
		b.WriteString(": " + p.String())
	}
	if e.Unlisted > 0 {
		b.WriteString("\n" + e.Document + ": and " + strconv.Itoa(e.Unlisted) + " more problems")
	}
	return b.String()
}

// String is "path: text".
func (p Problem) String() string {
	if p.Path == "" {
		return p.Text
	}
	return p.Path + ": " + p.Text
}

// report collects what a document is refused for, and what is given up.
type report struct {
	problems []Problem
	givenUp  []Problem
	unlisted int
	settled  int // how many of the problems say all there is to say about their paths
}

// refuse notes a problem whose place is looked up when there is one to show. Where the decoder found a wrong type, or the property
// is not supported at all, what else is wrong with the value is no news.
func (r *report) refuse(path, text string) {
	for _, p := range r.problems[:r.settled] {
		if within(path, p.Path) {
			return
		}
	}
	r.add(Problem{Path: path, Text: text, offset: -1})
}

// settle ends the part of the problems that silence later ones about the same paths.
func (r *report) settle() { r.settled = len(r.problems) }

// within says whether path is outer or lies in it.
func within(path, outer string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func (r *report) add(p Problem) {
	if len(r.problems) >= maxProblems {
		r.unlisted++
		return
	}
	r.problems = append(r.problems, p)
}

// giveUp notes something that was asked for and is not done. No more are kept than problems are.
func (r *report) giveUp(path, text string) {
	if len(r.givenUp) < maxProblems {
		r.givenUp = append(r.givenUp, Problem{Path: path, Text: text, offset: -1})
	}
}

// err is nil without problems. src is the document, "" when there was none.
func (r *report) err(document, src string) error {
	if len(r.problems) == 0 {
		return nil
	}
	place(r.problems, src)
	return &Error{Document: document, Problems: r.problems, Unlisted: r.unlisted}
}

// place finds the line of each problem and sorts them by it. Without a document they stay in the order of the
// Spec's fields, in which they were found.
func place(problems []Problem, src string) {
	if src == "" {
		return
	}
	paths := make([]string, len(problems))
	for i, p := range problems {
		paths[i] = p.Path
	}
	for i, at := range strictjson.Locate(src, paths) {
		switch {
		case problems[i].offset >= 0:
		case problems[i].Path == "":
			continue // about the file as a whole
		default:
			problems[i].offset = at
		}
		problems[i].Line, _ = strictjson.Position(src, problems[i].offset)
	}
	sort.SliceStable(problems, func(i, k int) bool { return problems[i].offset < problems[k].offset })
}
