package dbus

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestValuesSurvive(t *testing.T) {
	for _, c := range []struct {
		signature string
		values    []any
	}{
		{"", nil},
		{"ybnqiuxtdsogh", []any{byte(7), true, int16(-2), uint16(3), int32(-4), uint32(5), int64(-6), uint64(math.MaxUint64), 1.5, "text", "/a/b_1", "a{sv}", uint32(1)}},
		{"as", []any{[]any{"a", "", "ü"}}},
		{"ayat", []any{[]any{byte(1)}, []any{}}},
		{"a(st)y", []any{[]any{[]any{"/dev/block/8:0", uint64(1)}, []any{"x", uint64(2)}}, byte(9)}},
		{"ssa(sv)a(sa(sv))", []any{"unit", "fail", []any{[]any{"Delegate", Variant{"b", true}}, []any{"PIDs", Variant{"au", []any{uint32(1)}}}}, []any{}}},
		{"a{sv}", []any{[]any{[]any{"k", Variant{"v", Variant{"as", []any{}}}}}}},
		{"(y(yt))", []any{[]any{byte(1), []any{byte(2), uint64(3)}}}},
	} {
		e := encoder{}
		if err := e.values(c.signature, c.values); err != nil {
			t.Errorf("%s: %v", c.signature, err)
			continue
		}
		order, _ := byteOrder('l')
		d := decoder{b: e.b, order: order}
		got, err := d.values(c.signature)
		if err != nil {
			t.Errorf("%s: %v", c.signature, err)
		} else if diff := cmp.Diff(c.values, got); diff != "" {
			t.Errorf("%s:\n%s", c.signature, diff)
		}
	}
}

func TestWhatTheBusWouldHangUpOnIsRefused(t *testing.T) {
	deep := Variant{"y", byte(1)}
	for range maxDepth + 2 {
		deep = Variant{"v", deep}
	}
	for _, c := range []struct {
		signature string
		values    []any
	}{
		{"s", nil}, {"", []any{"s"}}, {"s", []any{1}}, {"u", []any{int32(1)}}, {"s", []any{"a\x00b"}}, {"s", []any{"\xff"}},
		{"o", []any{"a"}}, {"o", []any{"/a/"}}, {"o", []any{"/a//b"}}, {"o", []any{"/a-b"}}, {"z", []any{1}}, {"a", []any{1}},
		{"(s", []any{1}}, {"()", []any{[]any{}}}, {"a{s}", []any{[]any{}}}, {"(ss)", []any{[]any{"a"}}}, {"(s)", []any{[]any{"a", "b"}}},
		{"v", []any{Variant{"ss", "a"}}}, {"v", []any{Variant{"", nil}}}, {"v", []any{deep}}, {"as", []any{[]byte{1}}},
	} {
		if err := (&encoder{}).values(c.signature, c.values); err == nil {
			t.Errorf("%q %v was taken", c.signature, c.values)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	for list, want := range map[string][]Address{
		"":                              nil,
		"unix:path=/run/user/1000/bus":  {"/run/user/1000/bus"},
		"unix:abstract=/tmp/x,guid=00":  {"@/tmp/x"},
		"unix:guid=00,path=/a%20b%2cc":  {"/a b,c"},
		"unix:path=/a;unix:path=/b;":    {"/a", "/b"},
		"tcp:host=x;unix:path=/b":       {"/b"},
		"autolaunch:;unix:abstract=%41": {"@A"},
	} {
		if got, _ := ParseAddresses(list); !cmp.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
	for _, list := range []string{"x", "tcp:host=x", "unix:", "unix:path=", "unix:path=a", "unix:path=/a,abstract=b", "unix:path=/%", "unix:path=/%4", "unix:path=/%zz", "unix:path=/%00", "unix:dir=/tmp"} {
		if got, errs := ParseAddresses(list); len(errs) != 1 || got != nil {
			t.Errorf("%q: %q %v", list, got, errs)
		}
	}
}
