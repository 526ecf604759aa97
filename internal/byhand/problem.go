package byhand

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with the command line, and the flag it belongs to ("" for none).
type Problem struct{ Flag, Text string }

func (p Problem) String() string {
	if p.Flag == "" {
		return p.Text
	}
	return p.Flag + ": " + p.Text
}

// Error holds every problem of a command line, in the order of the flags' groups.
type Error struct{ Problems []Problem }

// Error has one line a problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problems collects; a value of it is passed down by pointer so that nobody stops at the first.
type problems []Problem

func (p *problems) add(flag, format string, args ...any) {
	*p = append(*p, Problem{Flag: flag, Text: fmt.Sprintf(format, args...)})
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return &Error{Problems: p}
}
