package strictjson

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestAppend(t *testing.T) {
	b := []byte{'{'}
	b = AppendString(AppendKey(b, "id"), "a\"\\\n\r\t\x00\x1f\u2028ä😀/<>&\x7f\xff")
	b = AppendInt(AppendKey(b, "n"), -9223372036854775808)
	b = AppendUint(AppendKey(b, "u"), 18446744073709551615)
	b = AppendBool(AppendKey(b, "t"), true)
	b = AppendStrings(AppendKey(b, "list"), []string{"x", ""})
	b = AppendStrings(AppendKey(b, "none"), nil)
	b = AppendStringMap(AppendKey(b, "map"), map[string]string{"b": "2", "a": "1", "": "0"})
	b = append(AppendKey(b, "raw"), `{"k":[]}`...)
	b = append(b, '}')
	const want = `{"id":"a\"\\\n\r\t\u0000\u001f\u2028ä😀/<>&` + "\x7f" + `\ufffd","n":-9223372036854775808,"u":18446744073709551615,` +
		`"t":true,"list":["x",""],"none":[],"map":{"":"0","a":"1","b":"2"},"raw":{"k":[]}}`
	if diff := cmp.Diff(want, string(b)); diff != "" {
		t.Error(diff)
	}
	if _, problem := verdict(string(b)); problem != "" {
		t.Error(problem)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a\"\\", "\x00\u2028", "\xff\xed\xa0\x80", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := AppendString(nil, s)
		var theirs string
		if err := json.Unmarshal(b, &theirs); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		d := New(string(b))
		ours := d.Text()
		if err := d.End(); err != nil || ours != theirs || utf8.ValidString(s) && ours != s {
			t.Fatalf("%q became %q, encoding/json reads %q: %v", s, ours, theirs, err)
		}
	})
}
