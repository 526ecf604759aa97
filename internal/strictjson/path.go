package strictjson

import "strconv"

// frame is one open array (index ≥ 0 once an element was begun) or object.
type frame struct {
	key     string
	index   int
	between bool // no key was read yet: the frame adds nothing to the path
}

// Path is that of the value that is read now, or was read last.
func (d *Decoder) Path() string {
	var b []byte
	for _, f := range d.frames {
		b = f.append(b)
	}
	return string(b)
}

func (f frame) append(b []byte) []byte {
	switch {
	case f.between:
		return b
	case f.index >= 0:
		return append(strconv.AppendInt(append(b, '['), int64(f.index), 10), ']')
	}
	return append(b, Member(string(b), f.key)[len(b):]...)
}

// Member is the path of a property of the object at parent.
func Member(parent, key string) string {
	if !plain(key) {
		return parent + "[" + strconv.Quote(key) + "]"
	}
	if parent == "" {
		return key
	}
	return parent + "." + key
}

// Element is the path of an element of the array at parent.
func Element(parent string, index int) string { return parent + "[" + strconv.Itoa(index) + "]" }

// plain says whether a key needs no quotes in a path.
func plain(key string) bool {
	for i := range len(key) {
		c := key[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return key != ""
}

// Locate finds where in the document src each path is: the offset of its value, or, where the document has no such
// value, that of the innermost one around it that is there. It reads the document again, since keeping offsets while
// reading would cost everybody who has no error to report.
func Locate(src string, paths []string) []int {
	found := map[string]int{}
	for _, p := range paths {
		for ; p != ""; p = parent(p) {
			found[p] = -1
		}
	}
	locate(New(src), found)
	offsets := make([]int, len(paths))
	for i, p := range paths {
		for p != "" && found[p] < 0 {
			p = parent(p)
		}
		offsets[i] = max(0, found[p])
	}
	return offsets
}

func locate(d *Decoder, found map[string]int) {
	here := d.value()
	if len(d.frames) > 0 {
		path := d.Path()
		at, wanted := found[path]
		if !wanted {
			return
		}
		if at < 0 {
			found[path] = here
		}
	}
	switch d.Kind() {
	case Object:
		for range d.Object() {
			locate(d, found)
		}
	case Array:
		for range d.Array() {
			locate(d, found)
		}
	}
}

// parent cuts the last step off a path. A quoted key may hold dots and brackets of its own.
func parent(path string) string {
	if n := len(path); n > 2 && path[n-1] == ']' && path[n-2] == '"' {
		for i := n - 3; i > 0; i-- {
			if path[i] == '"' && path[i-1] == '[' && isQuoted(path[i:n-1]) {
				return path[:i-1]
			}
		}
	}
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '.' || path[i] == '[' {
			return path[:i]
		}
	}
	return ""
}

func isQuoted(s string) bool {
	_, err := strconv.Unquote(s)
	return err == nil
}
