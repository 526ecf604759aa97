package strictjson

// value goes to where the next value begins.
func (d *Decoder) value() int {
	d.peek()
	return d.pos
}

// peek passes over white space and returns the next byte, 0 at the end.
func (d *Decoder) peek() byte {
	if d.pos < len(d.src) && d.src[d.pos] > ' ' {
		return d.src[d.pos]
	}
	return d.pass()
}

// pass is the part of peek that is too long for its callers to hold.
func (d *Decoder) pass() byte {
	src, at := d.src, d.pos
	for ; at < len(src); at++ {
		if c := src[at]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			d.pos = at
			return c
		}
	}
	d.pos = at
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
