package strictjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string that begins here. Most have no escape and are a part of the document.
func (d *Decoder) text() string {
	if d.err != nil {
		return ""
	}
	d.pos++
	start := d.pos
	for d.pos < len(d.src) {
		d.pos += plainBytes(d.src[d.pos:])
		if d.pos == len(d.src) {
			break
		}
		switch c := d.src[d.pos]; {
		case c == '"':
			d.pos++
			return d.src[start : d.pos-1]
		case c == '\\':
			return d.escaped(append(make([]byte, 0, 2*(d.pos-start)+32), d.src[start:d.pos]...))
		case !d.character():
			return ""
		}
	}
	d.fail(cutOff + "; its last string has no end")
	return ""
}

// plainBytes is how many bytes at the beginning of s stand for themselves and end nothing. Strings are most of a document.
func plainBytes(s string) int {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}

// escaped reads on where the first escape was met; b is the text before it.
func (d *Decoder) escaped(b []byte) string {
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c == '"':
			d.pos++
			return string(b)
		case c == '\\':
			r, ok := d.escape()
			if !ok {
				return ""
			}
			b = utf8.AppendRune(b, r)
		default:
			at := d.pos
			if !d.character() {
				return ""
			}
			b = append(b, d.src[at:d.pos]...)
		}
	}
	d.fail(cutOff + "; its last string has no end")
	return ""
}

// character passes over one character that stands for itself.
func (d *Decoder) character() bool {
	c := d.src[d.pos]
	if c < ' ' {
		d.fail("a control character in a string; write it as an escape such as \\n")
		return false
	}
	if c < utf8.RuneSelf {
		d.pos++
		return true
	}
	r, size := utf8.DecodeRuneInString(d.src[d.pos:])
	if r == utf8.RuneError && size == 1 {
		d.fail("not UTF-8 in a string; JSON must be")
		return false
	}
	d.pos += size
	return true
}

// escape reads a backslash and what belongs to it.
func (d *Decoder) escape() (rune, bool) {
	if d.pos+1 >= len(d.src) {
		d.fail(cutOff)
		return 0, false
	}
	c := d.src[d.pos+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return d.unicode()
	default:
		d.fail("an escape that JSON does not have; a backslash itself is \\\\")
		return 0, false
	}
	d.pos += 2
	return rune(c), true
}

// unicode reads \uXXXX, and a second one where the first is half of a surrogate pair.
func (d *Decoder) unicode() (rune, bool) {
	r, ok := d.hex4()
	if !ok || !utf16.IsSurrogate(r) {
		return r, ok
	}
	at := d.pos
	if !d.at('\\') || d.pos+1 >= len(d.src) || d.src[d.pos+1] != 'u' {
		d.fail("half of a surrogate pair in a string; write both halves, or the character itself")
		return 0, false
	}
	low, ok := d.hex4()
	if !ok {
		return 0, false
	}
	pair := utf16.DecodeRune(r, low)
	if pair == utf8.RuneError {
		d.pos = at
		d.fail("half of a surrogate pair in a string; write both halves, or the character itself")
		return 0, false
	}
	return pair, true
}

// hex4 reads \uXXXX.
func (d *Decoder) hex4() (rune, bool) {
	if d.pos+6 > len(d.src) {
		d.fail(cutOff)
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.src[d.pos+2 : d.pos+6]) {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			d.fail("\\u needs four hexadecimal digits")
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	d.pos += 6
	return r, true
}
