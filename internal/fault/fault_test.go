package fault

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestSentences(t *testing.T) {
	base := errors.New("refused")
	err := error(New(Mount, "mount x: %w", base).Remedy("mount %s", "less"))
	if err.Error() != "mount x: refused; mount less" || !errors.Is(err, base) {
		t.Error(err)
	}
	if got := Remedy(err, "or %s", "go away").Error(); got != "mount x: refused; mount less; or go away" {
		t.Error(got)
	}
	if Mark(Mount, nil) != nil || Default(Mount, nil) != nil || Remedy(nil, "x") != nil {
		t.Error("nil is an error")
	}
	if Mark(Mount, base).Error() != "refused" || Words("x").Error() != "x" {
		t.Error("a code changes the words")
	}
}

func TestCodes(t *testing.T) {
	plain := fmt.Errorf("a: %w", errors.New("b"))
	coded := fmt.Errorf("a: %w", Mark(Mount, plain))
	for _, c := range []struct {
		err  error
		want bool
	}{{plain, false}, {coded, true}, {errors.Join(plain, coded), true}, {Remedy(plain, "x"), false}, {Remedy(coded, "x"), true}, {nil, false}} {
		if Coded(c.err) != c.want {
			t.Error(c.err)
		}
	}
	if Default(Usage, coded) != coded {
		t.Error("a code is replaced")
	}
	if !Coded(Default(Usage, plain)) {
		t.Error("no code is added")
	}
}

func TestWalk(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	err := fmt.Errorf("x %w", errors.Join(fmt.Errorf("y %w", a), fmt.Errorf("%w z %w", b, c)))
	var seen []string
	Walk(err, func(e error) bool {
		seen = append(seen, strings.ReplaceAll(e.Error(), "\n", "|"))
		return e != b
	})
	if got := strings.Join(seen, ", "); got != "x y a|b z c, y a|b z c, y a, a, b z c, b" {
		t.Error(got)
	}
}

func TestExit(t *testing.T) {
	for code, want := range map[Code]int{ExecNotFound: 127, ExecPermission: 126, ExecFormat: 126, Mount: 125, Internal: 125} {
		if code.Exit() != want {
			t.Error(code)
		}
	}
}
