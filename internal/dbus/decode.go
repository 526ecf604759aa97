package dbus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// decoder takes values apart. Alignment counts from the beginning of b, which is that of a header or of a body.
type decoder struct {
	b     []byte
	order binary.ByteOrder
	at    int
}

var errShort error = shortError{}

type shortError struct{}

func (shortError) Error() string { return "it ends too early" }

func (d *decoder) take(n, align int) ([]byte, error) {
	start := (d.at + align - 1) / align * align
	if n > len(d.b) || start > len(d.b)-n {
		return nil, errShort
	}
	d.at = start + n
	return d.b[start:d.at], nil
}

func (d *decoder) values(signature string) (list []any, err error) {
	for signature != "" {
		var one string
		if one, signature, err = first(signature, 0); err != nil {
			return nil, err
		}
		v, err := d.value(one, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	if d.at != len(d.b) {
		return nil, errors.New("more in it than its signature says")
	}
	return list, nil
}

func (d *decoder) value(signature string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch signature[0] {
	case 'a':
		return d.array(signature[1:], depth)
	case '(', '{':
		if _, err := d.take(0, 8); err != nil {
			return nil, err
		}
		var list []any
		for rest := signature[1 : len(signature)-1]; rest != ""; {
			one, more, err := first(rest, 0)
			if err != nil {
				return nil, err
			}
			v, err := d.value(one, depth+1)
			if err != nil {
				return nil, err
			}
			list, rest = append(list, v), more
		}
		return list, nil
	case 'v':
		text, err := d.basic('g')
		if err != nil {
			return nil, err
		}
		one, rest, err := first(text.(string), 0)
		if err != nil || rest != "" {
			return nil, fmt.Errorf("%q is not the signature of one value", text)
		}
		v, err := d.value(one, depth+1)
		return Variant{one, v}, err
	}
	return d.basic(signature[0])
}

func (d *decoder) array(element string, depth int) (any, error) {
	b, err := d.take(4, 4)
	if err != nil {
		return nil, err
	}
	length := d.order.Uint32(b)
	if _, err := d.take(0, alignment(element[0])); err != nil {
		return nil, err
	}
	if uint64(length) > uint64(len(d.b)-d.at) {
		return nil, errShort
	}
	inner := decoder{d.b[:d.at+int(length)], d.order, d.at}
	list := []any{}
	for inner.at < len(inner.b) {
		v, err := inner.value(element, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	d.at = inner.at
	return list, nil
}

func (d *decoder) basic(kind byte) (any, error) {
	switch kind {
	case 's', 'o':
		b, err := d.take(4, 4)
		if err != nil {
			return nil, err
		}
		return d.text(uint64(d.order.Uint32(b)))
	case 'g':
		b, err := d.take(1, 1)
		if err != nil {
			return nil, err
		}
		return d.text(uint64(b[0]))
	}
	size := alignment(kind)
	b, err := d.take(size, size)
	if err != nil {
		return nil, err
	}
	return d.number(kind, b), nil
}

func (d *decoder) number(kind byte, b []byte) any {
	switch kind {
	case 'y':
		return b[0]
	case 'b':
		return d.order.Uint32(b) != 0
	case 'n':
		return int16(d.order.Uint16(b))
	case 'q':
		return d.order.Uint16(b)
	case 'i':
		return int32(d.order.Uint32(b))
	case 'x':
		return int64(d.order.Uint64(b))
	case 't':
		return d.order.Uint64(b)
	case 'd':
		return math.Float64frombits(d.order.Uint64(b))
	}
	return d.order.Uint32(b) // u, h
}

func (d *decoder) text(n uint64) (any, error) {
	if n >= uint64(len(d.b)) {
		return nil, errShort
	}
	b, err := d.take(int(n)+1, 1)
	if err != nil {
		return nil, err
	}
	if b[n] != 0 {
		return nil, errors.New("a text without its NUL byte")
	}
	return string(b[:n]), nil
}
