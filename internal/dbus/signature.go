package dbus

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxDepth     = 32 // of arrays, of structs and of variants in one another
	maxSignature = 255
)

var errDepth error = depthError{}

type depthError struct{}

func (depthError) Error() string { return "values too deep in one another" }

// first splits one complete type off a signature.
func first(signature string, depth int) (one, rest string, err error) {
	if signature == "" {
		return "", "", errors.New("a value too many")
	}
	if depth > maxDepth {
		return "", "", errDepth
	}
	switch c := signature[0]; c {
	case 'a':
		if len(signature) < 2 {
			return "", "", fmt.Errorf("%q: an array of nothing", signature)
		}
		element, rest, err := first(signature[1:], depth+1)
		return signature[:1+len(element)], rest, err
	case '(', '{':
		n, err := group(signature, depth)
		if err != nil {
			return "", "", err
		}
		return signature[:n], signature[n:], nil
	default:
		if strings.IndexByte("ybnqiuxtdsoghv", c) < 0 {
			return "", "", fmt.Errorf("%q is no type", c)
		}
		return signature[:1], signature[1:], nil
	}
}

// group is how long a struct or an entry of a dictionary is, with its brackets.
func group(signature string, depth int) (int, error) {
	end := map[byte]byte{'(': ')', '{': '}'}[signature[0]]
	members, rest := 0, signature[1:]
	for {
		if rest == "" {
			return 0, fmt.Errorf("%q has no end", signature)
		}
		if rest[0] == end {
			break
		}
		var err error
		if _, rest, err = first(rest, depth+1); err != nil {
			return 0, err
		}
		members++
	}
	if members == 0 || end == '}' && members != 2 {
		return 0, fmt.Errorf("%q has %d members", signature, members)
	}
	return len(signature) - len(rest) + 1, nil
}

func alignment(kind byte) int {
	switch kind {
	case 'y', 'g', 'v':
		return 1
	case 'n', 'q':
		return 2
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 4
}

// validPath reports whether the text is an object path.
func validPath(s string) bool {
	if s == "/" {
		return true
	}
	if s == "" || s[0] != '/' || s[len(s)-1] == '/' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == '/' && s[i-1] != '/' {
			continue
		}
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// Complete reports whether a text is the signature of one value.
func Complete(signature string) bool {
	_, rest, err := first(signature, 0)
	return err == nil && rest == "" && len(signature) <= maxSignature
}

// Members are the types in a struct; false for what is none.
func Members(signature string) (types []string, ok bool) {
	if !Complete(signature) || signature[0] != '(' {
		return nil, false
	}
	for rest := signature[1 : len(signature)-1]; rest != ""; {
		var one string
		one, rest, _ = first(rest, 0)
		types = append(types, one)
	}
	return types, true
}
