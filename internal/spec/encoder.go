package spec

import (
	"maps"
	"slices"

	"github.com/roost-run/roost/internal/strictjson"
)

// encoder writes indented JSON. Whether a comma is due it sees from the last byte, so that there is no state besides
// the depth.
type encoder struct {
	b          []byte
	depth      int
	rawSeccomp []byte // stands in for linux.seccomp
}

func (e *encoder) open(bracket byte) {
	e.b = append(e.b, bracket)
	e.depth++
}

func (e *encoder) close(bracket byte) {
	e.depth--
	if last := e.b[len(e.b)-1]; last != '{' && last != '[' {
		e.line()
	}
	e.b = append(e.b, bracket)
}

// next goes to where a member or element begins.
func (e *encoder) next() {
	if last := e.b[len(e.b)-1]; last != '{' && last != '[' {
		e.b = append(e.b, ',')
	}
	e.line()
}

func (e *encoder) line() {
	e.b = append(e.b, '\n')
	for range e.depth {
		e.b = append(e.b, '\t')
	}
}

func (e *encoder) name(name string) {
	e.next()
	e.b = append(strictjson.AppendString(e.b, name), ':', ' ')
}

func (e *encoder) string(s string) { e.b = strictjson.AppendString(e.b, s) }

func (e *encoder) number(name string, n uint64) {
	e.name(name)
	e.b = strictjson.AppendUint(e.b, n)
}

func (e *encoder) signed(name string, n int64) {
	e.name(name)
	e.b = strictjson.AppendInt(e.b, n)
}

// The rest leave out what is empty, as the runtime-spec's types do.

func (e *encoder) text(name, s string) {
	if s != "" {
		e.name(name)
		e.string(s)
	}
}

func (e *encoder) flag(name string, v bool) {
	if v {
		e.name(name)
		e.b = strictjson.AppendBool(e.b, v)
	}
}

func (e *encoder) positive(name string, n uint64) {
	if n != 0 {
		e.number(name, n)
	}
}

func numberIf[T ~uint | ~uint16 | ~uint32 | ~uint64](e *encoder, name string, n *T) {
	if n != nil {
		e.number(name, uint64(*n))
	}
}

func signedIf[T ~int | ~int64](e *encoder, name string, n *T) {
	if n != nil {
		e.signed(name, int64(*n))
	}
}

func flagIf(e *encoder, name string, v *bool) {
	if v != nil {
		e.name(name)
		e.b = strictjson.AppendBool(e.b, *v)
	}
}

func (e *encoder) texts(name string, all []string) { texts(e, name, all) }

func texts[T ~string](e *encoder, name string, all []T) {
	list(e, name, all, func(e *encoder, s *T) { e.string(string(*s)) })
}

func (e *encoder) textMap(name string, m map[string]string) {
	dict(e, name, m, func(e *encoder, s *string) { e.string(*s) })
}

// dict sorts, so that equal maps are equal bytes.
func dict[T any](e *encoder, name string, m map[string]T, each func(*encoder, *T)) {
	if len(m) == 0 {
		return
	}
	e.name(name)
	e.open('{')
	for _, key := range slices.Sorted(maps.Keys(m)) {
		e.name(key)
		value := m[key]
		each(e, &value)
	}
	e.close('}')
}

func list[T any](e *encoder, name string, all []T, each func(*encoder, *T)) {
	if len(all) == 0 {
		return
	}
	e.name(name)
	e.open('[')
	for i := range all {
		e.next()
		each(e, &all[i])
	}
	e.close(']')
}
