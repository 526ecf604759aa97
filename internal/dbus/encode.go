package dbus

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Variant is a value with its type. Go stands for D-Bus so: byte y, bool b, int16 n, uint16 q, int32 i, uint32 u and h (the
// index of a descriptor), int64 x, uint64 t, float64 d, string s o g, Variant v, []any an array, a struct or the entry of a
// dictionary. To be sent, arrays may be []byte, []string, []uint32 and []Variant too.
type Variant struct {
	Signature string
	Value     any
}

type encoder struct{ b []byte }

func (e *encoder) align(n int) {
	for len(e.b)%n != 0 {
		e.b = append(e.b, 0)
	}
}

func (e *encoder) uint32(n uint32) {
	e.align(4)
	e.b = binary.LittleEndian.AppendUint32(e.b, n)
}

func (e *encoder) uint64(n uint64) {
	e.align(8)
	e.b = binary.LittleEndian.AppendUint64(e.b, n)
}

func (e *encoder) values(signature string, values []any) error {
	for _, v := range values {
		one, rest, err := first(signature, 0)
		if err != nil {
			return err
		}
		if err := e.value(one, v, 0); err != nil {
			return err
		}
		signature = rest
	}
	if signature != "" {
		return fmt.Errorf("no value for %q", signature)
	}
	return nil
}

// value appends one complete type.
func (e *encoder) value(signature string, v any, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	switch signature[0] {
	case 'a':
		return e.array(signature[1:], v, depth)
	case '(', '{':
		list, ok := v.([]any)
		if !ok {
			return mismatch(signature, v)
		}
		e.align(8)
		return e.members(signature[1:len(signature)-1], list, depth)
	case 'v':
		w, ok := v.(Variant)
		if !ok {
			return mismatch(signature, v)
		}
		if err := e.basic("g", w.Signature); err != nil {
			return err
		}
		one, rest, err := first(w.Signature, 0)
		if err != nil || rest != "" {
			return fmt.Errorf("%q is not the signature of one value", w.Signature)
		}
		return e.value(one, w.Value, depth+1)
	}
	return e.basic(signature, v)
}

func (e *encoder) members(signature string, list []any, depth int) error {
	for _, v := range list {
		one, rest, err := first(signature, 0)
		if err != nil {
			return err
		}
		if err := e.value(one, v, depth+1); err != nil {
			return err
		}
		signature = rest
	}
	if signature != "" {
		return fmt.Errorf("no value for %q", signature)
	}
	return nil
}

func (e *encoder) array(element string, v any, depth int) error {
	list, err := listOf(element, v)
	if err != nil {
		return err
	}
	e.uint32(0)
	length := len(e.b) - 4
	e.align(alignment(element[0])) // counts as part of the array only where there are elements, and never in its length
	start := len(e.b)
	if raw, ok := v.([]byte); ok && element == "y" {
		e.b = append(e.b, raw...)
	}
	for _, one := range list {
		if err := e.value(element, one, depth+1); err != nil {
			return err
		}
	}
	binary.LittleEndian.PutUint32(e.b[length:], uint32(len(e.b)-start))
	return nil
}

func listOf(element string, v any) (list []any, err error) {
	switch v := v.(type) {
	case []any:
		return v, nil
	case []byte:
		if element != "y" {
			return nil, mismatch("a"+element, v)
		}
	case []string:
		for _, s := range v {
			list = append(list, s)
		}
	case []uint32:
		for _, n := range v {
			list = append(list, n)
		}
	case []Variant:
		for _, w := range v {
			list = append(list, w)
		}
	default:
		return nil, mismatch("a"+element, v)
	}
	return list, nil
}

func (e *encoder) basic(signature string, v any) error {
	kind := signature[0]
	switch v := v.(type) {
	case byte:
		if kind == 'y' {
			e.b = append(e.b, v)
			return nil
		}
	case bool:
		if kind == 'b' {
			n := uint32(0)
			if v {
				n = 1
			}
			e.uint32(n)
			return nil
		}
	case int16:
		if kind == 'n' {
			e.align(2)
			e.b = binary.LittleEndian.AppendUint16(e.b, uint16(v))
			return nil
		}
	case uint16:
		if kind == 'q' {
			e.align(2)
			e.b = binary.LittleEndian.AppendUint16(e.b, v)
			return nil
		}
	case int32:
		if kind == 'i' {
			e.uint32(uint32(v))
			return nil
		}
	case uint32:
		if kind == 'u' || kind == 'h' {
			e.uint32(v)
			return nil
		}
	case int64:
		if kind == 'x' {
			e.uint64(uint64(v))
			return nil
		}
	case uint64:
		if kind == 't' {
			e.uint64(v)
			return nil
		}
	case float64:
		if kind == 'd' {
			e.uint64(math.Float64bits(v))
			return nil
		}
	case string:
		return e.text(kind, v)
	}
	return mismatch(signature, v)
}

// text refuses what the other side would end the connection for.
func (e *encoder) text(kind byte, s string) error {
	if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
		return fmt.Errorf("%q: NUL bytes, or not UTF-8", s)
	}
	switch {
	case kind == 's', kind == 'o' && validPath(s):
		e.uint32(uint32(len(s)))
	case kind == 'g' && len(s) <= maxSignature:
		e.b = append(e.b, byte(len(s)))
	default:
		return mismatch(string(kind), s)
	}
	e.b = append(append(e.b, s...), 0)
	return nil
}

func mismatch(signature string, v any) error {
	return fmt.Errorf("a value of %T (%v) where the type is %q", v, v, signature)
}
