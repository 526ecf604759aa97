package strictjson

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxProblems bounds what one hostile document can make us keep and print.
const maxProblems = 100

const cutOff = "cut off: the document ends in the middle"

// Problem is something in a well-formed document that is not what was asked for.
type Problem struct {
	Path   string // of the value, as the package comment describes
	Text   string // one line, without the path
	Offset int    // in bytes from the start of the document; -1 when it is nowhere in it
}

// SyntaxError is what made the decoder stop.
type SyntaxError struct {
	Line, Column int    // from 1; columns are characters
	Offset       int    // bytes from the start of the document
	Path         string // of the value that was being read
	Text         string
	Truncated    bool // the document ended where more was needed
}

// Error is "line:column: path: text".
func (e *SyntaxError) Error() string {
	where := strconv.Itoa(e.Line) + ":" + strconv.Itoa(e.Column) + ": "
	if e.Path != "" {
		where += e.Path + ": "
	}
	return where + e.Text
}

// Problems returns what was noted, in the order of the document, at most a hundred; unlisted counts the rest.
func (d *Decoder) Problems() (listed []Problem, unlisted int) { return d.problems, d.unlisted }

// Note adds a problem at the value that is read now, or was read last.
func (d *Decoder) Note(text string) { d.note(d.pos, text) }

func (d *Decoder) note(offset int, text string) {
	if d.err != nil {
		return
	}
	if len(d.problems) >= maxProblems {
		d.unlisted++
		return
	}
	d.problems = append(d.problems, Problem{Path: d.Path(), Text: text, Offset: offset})
}

// expect says whether the next value is of this kind; if not, it notes that and skips the value.
func (d *Decoder) expect(want Kind) bool {
	got := d.Kind()
	if got == want && d.err == nil {
		return true
	}
	if got == Nothing {
		d.unexpected(want.String())
		return false
	}
	d.note(d.pos, "is "+got.String()+"; must be "+want.String())
	d.skip()
	return false
}

// unexpected fails with what was wanted and what is there instead.
func (d *Decoder) unexpected(want string) {
	if d.peek(); d.pos >= len(d.src) {
		d.fail(cutOff + ", where " + want + " must follow")
		return
	}
	r, size := utf8.DecodeRuneInString(d.src[d.pos:])
	if r == utf8.RuneError && size == 1 {
		d.fail("found the byte 0x" + strconv.FormatUint(uint64(d.src[d.pos]), 16) + " where " + want + " must be")
		return
	}
	d.fail("found " + strconv.QuoteRune(r) + " where " + want + " must be")
}

// fail ends the reading: the position goes to the end, where no value is.
func (d *Decoder) fail(text string) {
	if d.err != nil {
		return
	}
	line, column := Position(d.src, d.pos)
	d.err = &SyntaxError{
		Line: line, Column: column, Offset: d.pos, Path: d.Path(), Text: text,
		Truncated: strings.HasPrefix(text, cutOff),
	}
	d.pos = len(d.src)
}

// Position turns an offset into a line and a column, both from 1; columns are characters.
func Position(src string, offset int) (line, column int) {
	before := src[:min(max(offset, 0), len(src))]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// Noted is how many problems there are so far.
func (d *Decoder) Noted() int { return len(d.problems) + d.unlisted }

// ForgetProblems drops what was noted, for a caller that finds out late that it reads something else altogether.
func (d *Decoder) ForgetProblems() { d.problems, d.unlisted = nil, 0 }
