package strictjson

import "iter"

// MaxDepth is how deep arrays and objects may nest: the runtime-spec needs seven, and the decoder is recursive.
const MaxDepth = 100

// smallObject is how many keys are compared one by one before a map is worth its allocation.
const smallObject = 16

// Decoder reads one JSON document from front to back. After a syntax error every method returns the zero value
// and every loop ends, so that a caller need not look for errors in between.
type Decoder struct {
	src      string
	pos      int
	err      *SyntaxError
	frames   []frame
	keys     []string // of all objects that are open, the innermost last
	problems []Problem
	unlisted int

	// Room for an ordinary document, so that the slices above need no allocation of their own.
	frameRoom [12]frame
	keyRoom   [48]string
}

// New starts at the beginning of src.
func New(src string) *Decoder {
	d := &Decoder{src: src}
	d.frames = d.frameRoom[:0]
	d.keys = d.keyRoom[:0]
	return d
}

// Kind is what a value is, known from its first byte.
type Kind uint8

// The kinds of JSON values. Nothing is the end of the document, or a byte that begins no value.
const (
	Nothing Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// String names the kind as an error message does.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "true or false"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	}
	return "nothing"
}

// Kind looks at the next value without reading it.
func (d *Decoder) Kind() Kind {
	switch c := d.peek(); {
	case c == '"':
		return String
	case c == '{':
		return Object
	case c == '[':
		return Array
	case c == 't', c == 'f':
		return Bool
	case c == 'n':
		return Null
	case c == '-', c >= '0' && c <= '9':
		return Number
	}
	return Nothing
}

// Object reads an object: the loop body gets each key and reads its value. A value that the body does not read
// is skipped, and so is the rest when the body breaks off. Anything but an object is a problem and has no keys.
func (d *Decoder) Object() iter.Seq[string] {
	return func(yield func(string) bool) { d.object(yield) }
}

// Array reads an array: the loop body gets each index and reads the element. As with Object, what is not read
// is skipped, and anything but an array is a problem without elements.
func (d *Decoder) Array() iter.Seq[int] {
	return func(yield func(int) bool) { d.array(yield) }
}

func (d *Decoder) object(yield func(string) bool) {
	if !d.open(Object) {
		return
	}
	base := len(d.keys)
	var many map[string]struct{}
	for first := true; d.more('}', first); first = false {
		at := d.pos
		key, ok := d.key()
		if !ok {
			break
		}
		d.frames[len(d.frames)-1].key = key
		if many == nil && len(d.keys)-base >= smallObject {
			many = keySet(d.keys[base:])
		}
		if d.seen(key, base, many) {
			d.note(at, "given twice; keep one of them")
			d.skip()
			continue
		}
		if start := d.value(); yield != nil && d.err == nil {
			if !yield(key) {
				yield = nil
			}
			d.skipUnread(start)
		} else {
			d.skip()
		}
	}
	d.keys = d.keys[:base]
	d.close()
}

func (d *Decoder) array(yield func(int) bool) {
	if !d.open(Array) {
		return
	}
	for i := 0; d.more(']', i == 0); i++ {
		d.frames[len(d.frames)-1].index = i
		if start := d.value(); yield != nil && d.err == nil {
			if !yield(i) {
				yield = nil
			}
			d.skipUnread(start)
		} else {
			d.skip()
		}
	}
	d.close()
}

// seen says whether the innermost object had the key before, and remembers it.
func (d *Decoder) seen(key string, base int, many map[string]struct{}) bool {
	if many != nil {
		_, had := many[key]
		many[key] = struct{}{}
		return had
	}
	for _, k := range d.keys[base:] {
		if k == key {
			return true
		}
	}
	d.keys = append(d.keys, key)
	return false
}

func keySet(keys []string) map[string]struct{} {
	set := make(map[string]struct{}, 4*len(keys))
	for _, k := range keys {
		set[k] = struct{}{}
	}
	return set
}

// Skip reads over one value, with all the checks of the grammar.
func (d *Decoder) Skip() { d.skip() }

// Raw reads over one value like Skip and returns its text, without the white space around it.
func (d *Decoder) Raw() string {
	start, end := d.Span()
	return d.src[start:end]
}

// Span is Raw as offsets in the document, for whoever has that in another form. They are equal after a syntax error.
func (d *Decoder) Span() (start, end int) {
	start = d.value()
	d.skip()
	if d.err != nil {
		return 0, 0
	}
	return start, d.pos
}

// Null reads a null and says so; anything else stays unread.
func (d *Decoder) Null() bool { return d.peek() == 'n' && d.word("null") }

// End says whether the document was whole and nothing follows it. The error is a [*SyntaxError].
func (d *Decoder) End() error {
	if d.peek(); d.err == nil && d.pos < len(d.src) {
		d.fail("something follows the end of the document; remove it")
	}
	if d.err != nil {
		return d.err
	}
	return nil
}

func (d *Decoder) skip() {
	switch d.Kind() {
	case Object:
		d.object(nil)
	case Array:
		d.array(nil)
	case String:
		d.text()
	case Number:
		d.number()
	case Bool, Null:
		d.literal()
	default:
		d.unexpected("a value")
	}
}

func (d *Decoder) skipUnread(start int) {
	if d.pos == start && d.err == nil {
		d.skip()
	}
}

// open enters an array or object, or notes that the value is something else.
func (d *Decoder) open(want Kind) bool {
	if !d.expect(want) {
		return false
	}
	if len(d.frames) >= MaxDepth {
		d.fail("nested too deep: more than 100 levels")
		return false
	}
	d.pos++
	d.frames = append(d.frames, frame{index: -1})
	return true
}

func (d *Decoder) close() { d.frames = d.frames[:len(d.frames)-1] }

// more reads what stands between elements and says whether another one follows.
func (d *Decoder) more(end byte, first bool) bool {
	c := d.peek()
	switch {
	case d.err != nil:
		return false
	case c == end:
		d.pos++
		return false
	case first:
		return true
	case c == ',':
		d.pos++
		if d.peek() == end && d.err == nil && d.pos < len(d.src) {
			d.fail("a comma before " + string(rune(end)) + "; remove it")
		}
		return d.err == nil
	}
	d.unexpected("a comma or " + string(rune(end)))
	return false
}

// key reads a key and its colon.
func (d *Decoder) key() (string, bool) {
	if d.peek() != '"' {
		d.frames[len(d.frames)-1] = frame{index: -1, between: true}
		d.unexpected("a property name in double quotes")
		return "", false
	}
	key := d.text()
	d.frames[len(d.frames)-1] = frame{index: -1, key: key}
	if d.peek() != ':' {
		d.unexpected("a colon")
		return "", false
	}
	d.pos++
	return key, d.err == nil
}
