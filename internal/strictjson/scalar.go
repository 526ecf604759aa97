package strictjson

import "strconv"

// Text reads a string. Anything else is a problem, and "".
func (d *Decoder) Text() string {
	if !d.expect(String) {
		return ""
	}
	return d.text()
}

// Bool reads true or false. Anything else is a problem, and false.
func (d *Decoder) Bool() bool {
	if !d.expect(Bool) {
		return false
	}
	value := d.src[d.pos] == 't'
	d.literal()
	return value && d.err == nil
}

// Uint reads a whole number of at most limit. Anything else is a problem, and 0: a sign, a fraction or an exponent,
// even where the value would be whole (encoding/json has the same rule).
func (d *Decoder) Uint(limit uint64) uint64 {
	if !d.expect(Number) {
		return 0
	}
	at := d.pos
	literal := d.number()
	n, err := strconv.ParseUint(literal, 10, 64)
	if err == nil && n <= limit {
		return n
	}
	d.misfit(at, literal, "0", strconv.FormatUint(limit, 10))
	return 0
}

// Int reads a whole number between least and most, as Uint does.
func (d *Decoder) Int(least, most int64) int64 {
	if !d.expect(Number) {
		return 0
	}
	at := d.pos
	literal := d.number()
	n, err := strconv.ParseInt(literal, 10, 64)
	if err == nil && n >= least && n <= most {
		return n
	}
	d.misfit(at, literal, strconv.FormatInt(least, 10), strconv.FormatInt(most, 10))
	return 0
}

// Literal reads a number and returns it as it is written.
func (d *Decoder) Literal() string {
	if !d.expect(Number) {
		return ""
	}
	return d.number()
}

func (d *Decoder) misfit(at int, literal, least, most string) {
	if d.err != nil {
		return
	}
	if len(literal) > 24 {
		literal = literal[:24] + "…"
	}
	d.note(at, literal+" is not a whole number from "+least+" to "+most)
}
