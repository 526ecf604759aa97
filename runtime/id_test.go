package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheckID(t *testing.T) {
	for _, id := range []string{"a", "A-1_b.c+d", "...", "-", "+", ".hidden", "0", strings.Repeat("x", 255)} {
		if err := checkID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{
		"", ".", "..", "/", "a/b", "../x", "a b", "a\x00b", "a\nb", "a:b", "a\\b", "é", "\xff", "a\u202eb", "$(x)", "*", "~", "a@b", "a%2fb",
		strings.Repeat("x", 256), strings.Repeat("x", 1025),
	} {
		err := checkID(id)
		if !errors.Is(err, ErrInvalidID) {
			t.Errorf("%q: %v", id, err)
			continue
		}
		if strings.ContainsAny(err.Error(), "\x00\n") || !utf8.ValidString(err.Error()) {
			t.Errorf("%q: what the id holds is printed as it is: %q", id, err)
		}
	}
}

// An id that is taken is the name of a directory of its own, and an argument without quotes.
func FuzzCheckID(f *testing.F) {
	for _, id := range []string{"a", "..", "a/b", "a\x00", "...", strings.Repeat("y", 255)} {
		f.Add(id)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, id string) {
		if checkID(id) != nil {
			return
		}
		path := filepath.Join(dir, id)
		if filepath.Dir(path) != dir || filepath.Base(path) != id {
			t.Errorf("%q is not one name", id)
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Errorf("%q: %v", id, err)
		}
		os.Remove(path)
	})
}
