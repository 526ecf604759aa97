package strictjson

// number reads a number by the grammar of RFC 8259, which is narrower than strconv's: no leading zero, no plus sign,
// no digit left out before or after the point.
func (d *Decoder) number() string {
	if d.err != nil {
		return ""
	}
	start := d.pos
	if d.at('-') {
		d.pos++
	}
	if d.at('0') {
		d.pos++
		if d.digit() {
			d.fail("a number with a leading zero; write it without, in decimal")
			return ""
		}
	} else if !d.digits() {
		return ""
	}
	if d.at('.') {
		d.pos++
		if !d.digits() {
			return ""
		}
	}
	if d.at('e') || d.at('E') {
		d.pos++
		if d.at('+') || d.at('-') {
			d.pos++
		}
		if !d.digits() {
			return ""
		}
	}
	return d.src[start:d.pos]
}

func (d *Decoder) at(c byte) bool { return d.pos < len(d.src) && d.src[d.pos] == c }

func (d *Decoder) digit() bool {
	return d.pos < len(d.src) && d.src[d.pos] >= '0' && d.src[d.pos] <= '9'
}

func (d *Decoder) digits() bool {
	if !d.digit() {
		d.unexpected("a digit")
		return false
	}
	for d.digit() {
		d.pos++
	}
	return true
}
