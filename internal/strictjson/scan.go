package strictjson

// value goes to where the next value begins.
func (d *Decoder) value() int {
	d.peek()
	return d.pos
}

// peek passes over white space and returns the next byte, 0 at the end.
func (d *Decoder) peek() byte {
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

// literal reads true, false or null.
func (d *Decoder) literal() {
	switch d.peek() {
	case 't':
		d.word("true")
	case 'f':
		d.word("false")
	default:
		d.word("null")
	}
}

// word reads w, or fails.
func (d *Decoder) word(w string) bool {
	if d.err != nil {
		return false
	}
	if rest := d.src[d.pos:]; len(rest) < len(w) || rest[:len(w)] != w {
		d.unexpected(w)
		return false
	}
	d.pos += len(w)
	return true
}
