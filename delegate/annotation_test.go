package delegate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/roost-run/roost/internal/dbus"
)

func TestAnnotations(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       Property // Name "": refused
	}{
		{"Description", "'a text'", Property{Name: "Description", Signature: "s", Value: "a text"}},
		{"Description", `"it's \"so\" \u00fc\n"`, Property{Name: "Description", Signature: "s", Value: "it's \"so\" ü\n"}},
		{"SendSIGHUP", "true", Property{Name: "SendSIGHUP", Signature: "b", Value: true}},
		{"KillSignal", "15", Property{Name: "KillSignal", Signature: "i", Value: int32(15)}},
		{"TasksMax", "uint64 0x10", Property{Name: "TasksMax", Signature: "t", Value: uint64(16)}},
		{"TasksMax", "@t 5", Property{Name: "TasksMax", Signature: "t", Value: uint64(5)}},
		{"OOMScoreAdjust", " -5 ", Property{Name: "OOMScoreAdjust", Signature: "i", Value: int32(-5)}},
		{"After", "['a.service', 'b.service']", Property{Name: "After", Signature: "as", Value: []any{"a.service", "b.service"}}},
		{"After", "@as []", Property{Name: "After", Signature: "as", Value: []any{}}},
		{"DeviceAllow", "[('/dev/null','rw')]", Property{Name: "DeviceAllow", Signature: "a(ss)", Value: []any{[]any{"/dev/null", "rw"}}}},
		{"IOReadBandwidthMax", "@a(st) [('/dev/sda',5)]", Property{Name: "IOReadBandwidthMax", Signature: "a(st)", Value: []any{[]any{"/dev/sda", uint64(5)}}}},
		{"AllowedCPUs", "[byte 1, 0x80]", Property{Name: "AllowedCPUs", Signature: "ay", Value: []any{byte(1), byte(128)}}},
		{"X", "<uint32 1>", Property{Name: "X", Signature: "v", Value: dbus.Variant{Signature: "u", Value: uint32(1)}}},
		{"X", "2.5", Property{Name: "X", Signature: "d", Value: 2.5}},
		{"X", "objectpath '/a'", Property{Name: "X", Signature: "o", Value: "/a"}},
		{"TimeoutStopSec", "5", Property{Name: "TimeoutStopUSec", Signature: "t", Value: uint64(5_000_000)}},
		{"TimeoutStopSec", "uint64 5", Property{Name: "TimeoutStopUSec", Signature: "t", Value: uint64(5_000_000)}},
		{"TimeoutStopSec", "0.25", Property{Name: "TimeoutStopUSec", Signature: "t", Value: uint64(250_000)}},
		{"TimeoutStopUSec", "uint64 5", Property{Name: "TimeoutStopUSec", Signature: "t", Value: uint64(5)}},
		{"TimeoutStopSec", "'5'", Property{}},
		{"TimeoutStopSec", "-5", Property{}},
		{"Slice", "'a.slice'", Property{}},
		{"PIDs", "[uint32 1]", Property{}},
		{"Delegate", "false", Property{}},
		{"lower", "1", Property{}},
		{"A-b", "1", Property{}},
		{"", "1", Property{}},
		{"X", "", Property{}},
		{"X", "text", Property{}},
		{"X", "'open", Property{}},
		{"X", "1 2", Property{}},
		{"X", "3000000000", Property{}},
		{"X", "[1, 'a']", Property{}},
		{"X", "[]", Property{}},
		{"X", "['a' 'b']", Property{}},
		{"X", "('a'", Property{}},
		{"X", "@z 1", Property{}},
		{"X", "@(s) (1)", Property{}},
		{"X", "@(s) ('a','b')", Property{}},
		{"X", "1_000", Property{}},
		{"X", "[[[[[[[[[[[[1]]]]]]]]]]]]", Property{}},
		{"X", `'\uzzzz'`, Property{}},
		{"X", "byte 300", Property{}},
	} {
		props, errs := Annotations(map[string]string{"other": "x", annotationPrefix + c.name: c.text})
		if c.want.Name == "" {
			if len(errs) != 1 || len(props) != 0 {
				t.Errorf("%s = %s: %v %v", c.name, c.text, props, errs)
			}
			continue
		}
		if len(errs) != 0 || len(props) != 1 {
			t.Errorf("%s = %s: %v %v", c.name, c.text, props, errs)
			continue
		}
		if d := cmp.Diff(c.want, props[0], cmpopts.IgnoreUnexported(Property{}), cmpopts.IgnoreFields(Property{}, "Path")); d != "" {
			t.Errorf("%s = %s\n%s", c.name, c.text, d)
		}
		call := dbus.Call{Member: "X", Path: "/", Signature: "(sv)", Body: []any{props[0].wire()}}
		if _, err := new(dbus.Conn).Send(call); err != nil {
			t.Errorf("%s = %s: %v", c.name, c.text, err)
		}
	}
}
