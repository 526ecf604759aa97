package delegate

import (
	"fmt"
	"strconv"
	"strings"
)

// literal reads a word that is a boolean or a number. Without a type, whole numbers are int32 and others doubles, as GVariant has it;
// what does not fit into int32 is a mistake there, too.
func literal(want, word string) (string, any, error) {
	if word == "true" || word == "false" {
		return agree(want, "b", word == "true", nil)
	}
	if want == "" {
		want = "i"
		if strings.ContainsAny(word, ".eE") && !strings.HasPrefix(strings.TrimLeft(word, "+-"), "0x") {
			want = "d"
		}
	}
	v, err := number(want[0], word)
	if err != nil || len(want) > 1 {
		return "", nil, fmt.Errorf("%q is no value of type %s", word, want)
	}
	return want, v, nil
}

// number reads one for a type; prefixes 0x and 0 are those of C.
func number(kind byte, word string) (any, error) {
	if strings.Contains(word, "_") { // Go's own
		return nil, strconv.ErrSyntax
	}
	switch kind {
	case 'y':
		n, err := strconv.ParseUint(word, 0, 8)
		return byte(n), err
	case 'n':
		n, err := strconv.ParseInt(word, 0, 16)
		return int16(n), err
	case 'q':
		n, err := strconv.ParseUint(word, 0, 16)
		return uint16(n), err
	case 'i':
		n, err := strconv.ParseInt(word, 0, 32)
		return int32(n), err
	case 'u':
		n, err := strconv.ParseUint(word, 0, 32)
		return uint32(n), err
	case 'x':
		return strconv.ParseInt(word, 0, 64)
	case 't':
		return strconv.ParseUint(word, 0, 64)
	case 'd':
		return strconv.ParseFloat(word, 64)
	}
	return nil, strconv.ErrSyntax
}
