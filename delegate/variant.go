package delegate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/roost-run/roost/internal/dbus"
)

// parseVariant reads a value in GVariant's text format, as far as properties of units have such types: all basic ones, arrays, tuples
// and variants. Source: "GVariant Text Format" of GLib.
func parseVariant(text string) (signature string, value any, err error) {
	p := variantParser{rest: text}
	signature, value, err = p.value("", 0)
	if err == nil {
		p.space()
		if p.rest != "" {
			err = fmt.Errorf("%q after the value", p.rest)
		}
	}
	return signature, value, err
}

type variantParser struct{ rest string }

const maxNesting = 8

func (p *variantParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take goes past a text if it is what comes next.
func (p *variantParser) take(text string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.rest, text)
	if ok {
		p.rest = rest
	}
	return ok
}

// word is what stands up to a delimiter.
func (p *variantParser) word() string {
	p.space()
	end := strings.IndexAny(p.rest, " \t\r\n,()[]<>{}'\"")
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

// value reads one; want is its type where that is known, or "".
func (p *variantParser) value(want string, depth int) (string, any, error) {
	if depth > maxNesting {
		return "", nil, errors.New("too deep")
	}
	p.space()
	if p.rest == "" {
		return "", nil, errors.New("a value is missing")
	}
	switch p.rest[0] {
	case '[':
		return p.array(want, depth)
	case '(':
		return p.tuple(want, depth)
	case '<':
		p.rest = p.rest[1:]
		signature, v, err := p.value("", depth+1)
		if err == nil && !p.take(">") {
			err = errors.New("a > is missing")
		}
		return agree(want, "v", dbus.Variant{Signature: signature, Value: v}, err)
	case '\'', '"':
		text, err := p.quoted()
		if want != "o" && want != "g" {
			return agree(want, "s", text, err)
		}
		return want, text, err
	case '@':
		p.rest = p.rest[1:]
		return p.typed(want, depth)
	}
	w := p.word()
	if signature := keyword(w); signature != "" {
		_, v, err := p.value(signature, depth+1)
		return agree(want, signature, v, err)
	}
	return literal(want, w)
}

// keyword is the type that a word stands for.
func keyword(word string) string {
	switch word {
	case "boolean":
		return "b"
	case "byte":
		return "y"
	case "int16":
		return "n"
	case "uint16":
		return "q"
	case "int32":
		return "i"
	case "uint32":
		return "u"
	case "int64":
		return "x"
	case "uint64":
		return "t"
	case "double":
		return "d"
	case "string":
		return "s"
	case "objectpath":
		return "o"
	case "signature":
		return "g"
	}
	return ""
}

func agree(want, got string, v any, err error) (string, any, error) {
	if err == nil && want != "" && want != got {
		err = fmt.Errorf("a value of type %s where %s is needed", got, want)
	}
	return got, v, err
}

// typed reads what follows an @: a type, a space, a value.
func (p *variantParser) typed(want string, depth int) (string, any, error) {
	signature, rest, ok := strings.Cut(p.rest, " ")
	if !ok || !dbus.Complete(signature) {
		return "", nil, fmt.Errorf("%q is not a type", signature)
	}
	p.rest = rest
	_, v, err := p.value(signature, depth+1)
	return agree(want, signature, v, err)
}

func (p *variantParser) array(want string, depth int) (string, any, error) {
	element := ""
	if want != "" {
		if want[0] != 'a' {
			return "", nil, fmt.Errorf("an array where a value of type %s is needed", want)
		}
		element = want[1:]
	}
	list := []any{}
	p.take("[")
	for !p.take("]") {
		if len(list) > 0 && !p.take(",") {
			return "", nil, errors.New("a comma or a ] is missing")
		}
		signature, v, err := p.value(element, depth+1)
		if err != nil {
			return "", nil, err
		}
		element, list = signature, append(list, v)
	}
	if element == "" {
		return "", nil, errors.New("an empty array needs its type, as in \"@as []\"")
	}
	return "a" + element, list, nil
}

func (p *variantParser) tuple(want string, depth int) (string, any, error) {
	members, known := dbus.Members(want)
	if want != "" && !known {
		return "", nil, fmt.Errorf("a tuple where a value of type %s is needed", want)
	}
	list, all := []any{}, ""
	p.take("(")
	for !p.take(")") {
		if len(list) > 0 && !p.take(",") {
			return "", nil, errors.New("a comma or a ) is missing")
		}
		if len(list) > 0 && p.take(")") { // ('a',)
			break
		}
		one := ""
		if known && len(list) < len(members) {
			one = members[len(list)]
		}
		signature, v, err := p.value(one, depth+1)
		if err != nil {
			return "", nil, err
		}
		all, list = all+signature, append(list, v)
	}
	return agree(want, "("+all+")", list, nil)
}

// quoted reads a string with its escapes.
func (p *variantParser) quoted() (string, error) {
	quote := p.rest[0]
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == quote:
			p.rest = p.rest[i+1:]
			if !utf8.ValidString(b.String()) {
				return "", errors.New("not UTF-8")
			}
			return b.String(), nil
		case c == '\\' && i+1 < len(p.rest):
			i++
			n, err := unescape(&b, p.rest[i:])
			if err != nil {
				return "", err
			}
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("a quotation mark is missing")
}

// unescape writes what stands after a backslash, and tells how many more bytes it took.
func unescape(b *strings.Builder, text string) (int, error) {
	if i := strings.IndexByte("abfnrtv", text[0]); i >= 0 {
		b.WriteByte("\a\b\f\n\r\t\v"[i])
		return 0, nil
	}
	digits := map[byte]int{'u': 4, 'U': 8}[text[0]]
	if digits == 0 {
		b.WriteByte(text[0])
		return 0, nil
	}
	if len(text) <= digits {
		return 0, errors.New("too few digits after \\" + text[:1])
	}
	n, err := strconv.ParseUint(text[1:1+digits], 16, 32)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return 0, fmt.Errorf("\\%s is no character", text[:1+digits])
	}
	b.WriteRune(rune(n))
	return digits, nil
}
