package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read decodes anything into what encoding/json would make of it with UseNumber.
func read(d *Decoder) any {
	switch d.Kind() {
	case Object:
		m := map[string]any{}
		for key := range d.Object() {
			m[key] = read(d)
		}
		return m
	case Array:
		list := []any{}
		for range d.Array() {
			list = append(list, read(d))
		}
		return list
	case String:
		return d.Text()
	case Number:
		return json.Number(d.Literal())
	case Bool:
		return d.Bool()
	case Null:
		d.Null()
	default:
		d.Skip()
	}
	return nil
}

// verdict is the first thing that is wrong with a document, or "".
func verdict(src string) (any, string) {
	d := New(src)
	v := read(d)
	if listed, _ := d.Problems(); len(listed) > 0 {
		return nil, listed[0].Path + ": " + listed[0].Text
	}
	if err := d.End(); err != nil {
		return nil, err.Error()
	}
	return v, ""
}

func TestAccepts(t *testing.T) {
	for _, src := range []string{
		`{}`, `[]`, `null`, `true`, `false`, `0`, `-0`, `1.5e-3`, `""`, `"a\"\\\/\b\f\n\r\t"`, ` [ 1 , [ ] , { } ] `,
		`"\u00e4\u20ac\ud83d\ude00"`, `"ä€😀\u0000"`, `{"a":{"a":{"a":[{"a":1},{"a":2}]}}}`, "\t{\r\n\"a\" : 1 }\n",
		`{"":""}`, `12345678901234567890123`, strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth),
	} {
		got, problem := verdict(src)
		if problem != "" {
			t.Errorf("%.60s: %s", src, problem)
			continue
		}
		d := json.NewDecoder(strings.NewReader(src))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		// Not by go-cmp, which compares each level of nesting twice as often as the one around it.
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s: %v, want %v", src, got, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{``, "1:1: cut off: the document ends in the middle, where a value must follow"},
		{` {"a": `, "1:8: a: cut off: the document ends in the middle, where a value must follow"},
		{`{"a": [1, {"b": "x`, "1:19: a[1].b: cut off: the document ends in the middle; its last string has no end"},
		{`{"a": "x\`, "1:9: a: cut off: the document ends in the middle"},
		{`{"a": "\u12`, "1:8: a: cut off: the document ends in the middle"},
		{`{"a": tru`, "1:7: a: found 't' where true must be"},
		{`{"a": 1`, "1:8: a: cut off: the document ends in the middle, where a comma or } must follow"},
		{`{"a"`, "1:5: a: cut off: the document ends in the middle, where a colon must follow"},
		{`{} {}`, "1:4: something follows the end of the document; remove it"},
		{"{}\n\x00", "2:1: something follows the end of the document; remove it"},
		{`{"a":1,}`, "1:8: a: a comma before }; remove it"},
		{`[1,]`, "1:4: [0]: a comma before ]; remove it"},
		{`[1 2]`, "1:4: [0]: found '2' where a comma or ] must be"},
		{`{"a" 1}`, "1:6: a: found '1' where a colon must be"},
		{`{a: 1}`, "1:2: found 'a' where a property name in double quotes must be"},
		{`{'a': 1}`, `1:2: found '\'' where a property name in double quotes must be`},
		{`{1: 1}`, "1:2: found '1' where a property name in double quotes must be"},
		{`[01]`, "1:3: [0]: a number with a leading zero; write it without, in decimal"},
		{`[-]`, "1:3: [0]: found ']' where a digit must be"},
		{`[1.]`, "1:4: [0]: found ']' where a digit must be"},
		{`[.5]`, "1:2: [0]: found '.' where a value must be"},
		{`[1e]`, "1:4: [0]: found ']' where a digit must be"},
		{`[+1]`, "1:2: [0]: found '+' where a value must be"},
		{`[NaN]`, "1:2: [0]: found 'N' where a value must be"},
		{`[nul]`, "1:2: [0]: found 'n' where null must be"},
		{"[\"a\nb\"]", "1:4: [0]: a control character in a string; write it as an escape such as \\n"},
		{`["\x"]`, "1:3: [0]: an escape that JSON does not have; a backslash itself is \\\\"},
		{`["\u12g4"]`, "1:3: [0]: \\u needs four hexadecimal digits"},
		{`["\ud800"]`, "1:9: [0]: half of a surrogate pair in a string; write both halves, or the character itself"},
		{`["\ud800\n"]`, "1:9: [0]: half of a surrogate pair in a string; write both halves, or the character itself"},
		{`["\ud800\u0041"]`, "1:9: [0]: half of a surrogate pair in a string; write both halves, or the character itself"},
		{`["\udc00\ud800"]`, "1:9: [0]: half of a surrogate pair in a string; write both halves, or the character itself"},
		{"[\"\xff\"]", "1:3: [0]: not UTF-8 in a string; JSON must be"},
		{"[\"\xed\xa0\x80\"]", "1:3: [0]: not UTF-8 in a string; JSON must be"},
		{"[\"\\n\xff\"]", "1:5: [0]: not UTF-8 in a string; JSON must be"},
		{"[\xff]", "1:2: [0]: found the byte 0xff where a value must be"},
		{"\xef\xbb\xbf{}", "1:1: found '\\ufeff' where a value must be"},
		{strings.Repeat("[", MaxDepth+1), "nested too deep"},
		{strings.Repeat(`{"a":`, 100_000), "nested too deep"},
		{`{"a":1,"b":2,"a":3}`, "a: given twice; keep one of them"},
		{`{"a":{"x.y":1,"x\u002ey":1}}`, `a["x.y"]: given twice; keep one of them`},
	} {
		if _, got := verdict(c.src); !strings.Contains(got, c.want) {
			t.Errorf("%.40q:\n got %s\nwant %s", c.src, got, c.want)
		}
	}
}

// A large object takes the other way of finding what is given twice.
func TestDuplicateAmongMany(t *testing.T) {
	var b strings.Builder
	for i := range 200_000 {
		b.WriteString(`,"k` + string(AppendInt(nil, int64(i))) + `":1`)
	}
	many := b.String()[1:]
	if _, got := verdict("{" + many + "}"); got != "" {
		t.Error(got)
	}
	for _, twice := range []string{"k0", "k15", "k16", "k17", "k199999"} {
		_, got := verdict("{" + many + `,"` + twice + `":2}`)
		if want := twice + ": given twice; keep one of them"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestProblemsAreCollected(t *testing.T) {
	const src = `{"s": 1, "n": "x", "o": [], "a": {}, "b": null, "big": 4294967296, "neg": -1, "half": 1.5, "last": "ok"}`
	d := New(src)
	last := ""
	for key := range d.Object() {
		switch key {
		case "s":
			d.Text()
		case "n", "big", "neg", "half":
			if n := d.Uint(1<<32 - 1); n != 0 {
				t.Errorf("%s is %d", key, n)
			}
		case "o":
			for range d.Object() {
				t.Error("an array has keys")
			}
		case "a":
			for range d.Array() {
				t.Error("an object has elements")
			}
		case "b":
			d.Bool()
		case "last":
			last = d.Text()
		}
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	if last != "ok" {
		t.Errorf("did not go on: last is %q", last)
	}
	listed, unlisted := d.Problems()
	want := []Problem{
		{"s", "is a number; must be a string", strings.Index(src, "1,")},
		{"n", "is a string; must be a number", strings.Index(src, `"x"`)},
		{"o", "is an array; must be an object", strings.Index(src, "[]")},
		{"a", "is an object; must be an array", strings.Index(src, "{}")},
		{"b", "is null; must be true or false", strings.Index(src, "null")},
		{"big", "4294967296 is not a whole number from 0 to 4294967295", strings.Index(src, "4294967296")},
		{"neg", "-1 is not a whole number from 0 to 4294967295", strings.Index(src, "-1")},
		{"half", "1.5 is not a whole number from 0 to 4294967295", strings.Index(src, "1.5")},
	}
	if diff := cmp.Diff(want, listed); diff != "" || unlisted != 0 {
		t.Error(diff, unlisted)
	}
}

func TestProblemsAreBounded(t *testing.T) {
	d := New("[" + strings.Repeat(`"x",`, 5000) + "1]")
	for range d.Array() {
		d.Bool()
	}
	if listed, unlisted := d.Problems(); len(listed) != maxProblems || unlisted != 5001-maxProblems {
		t.Error(len(listed), unlisted)
	}
}

// What a loop body does not read is passed over, and so is the rest after a break.
func TestUnreadValues(t *testing.T) {
	d := New(`{"a": [1, {"x": 2}, 3], "b": {"c": [1, 2]}, "d": "e", "f": [7, 8, 9]}`)
	var got []string
	for key := range d.Object() {
		got = append(got, key)
		switch key {
		case "b":
			for range d.Object() {
				break
			}
		case "f":
			for i := range d.Array() {
				if i == 1 {
					got = append(got, d.Literal())
					break
				}
			}
		}
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "d", "f", "8"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRaw(t *testing.T) {
	d := New(`{"seccomp" : { "syscalls": [ 1, "two" ] } , "n": 5}`)
	got := map[string]string{}
	for key := range d.Object() {
		got[key] = d.Raw()
	}
	if err := d.End(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"seccomp": `{ "syscalls": [ 1, "two" ] }`, "n": "5"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestIntegers(t *testing.T) {
	for _, c := range []struct {
		src  string
		want int64
		ok   bool
	}{
		{"0", 0, true}, {"-0", 0, true}, {"-1000", -1000, true}, {"1000", 1000, true}, {"1001", 0, false}, {"-1001", 0, false},
		{"1e3", 0, false}, {"1.0", 0, false}, {"99999999999999999999", 0, false}, {"null", 0, false}, {`"5"`, 0, false},
	} {
		d := New(c.src)
		if got := d.Int(-1000, 1000); got != c.want || (d.Noted() == 0) != c.ok || d.End() != nil {
			t.Errorf("%s: %d, %d problems, %v", c.src, got, d.Noted(), d.End())
		}
	}
	d := New("18446744073709551615")
	if got := d.Uint(1<<64 - 1); got != 1<<64-1 {
		t.Error(got)
	}
}

func TestLocate(t *testing.T) {
	const src = `{"a": {"b.c": [10, {"x": 20}]}, "d\"]": 3, "e": {}}`
	at := func(s string) int { return strings.Index(src, s) }
	paths := []string{`a["b.c"][1].x`, `a["b.c"][0]`, `a["b.c"][9].y`, `["d\"]"]`, `e.missing.deep`, `nowhere`, ``, `a`, `a["q.r"]`}
	want := []int{at("20"), at("10"), at("[10"), at("3,"), at("{}}"), 0, 0, at(`{"b.c`), at(`{"b.c`)}
	if diff := cmp.Diff(want, Locate(src, paths)); diff != "" {
		t.Error(diff)
	}
}

func TestPosition(t *testing.T) {
	const src = "äöü\n{\"ü\": x"
	for _, c := range []struct{ offset, line, column int }{
		{0, 1, 1}, {2, 1, 2}, {6, 1, 4}, {7, 2, 1}, {strings.Index(src, "x"), 2, 7}, {999, 2, 8}, {-1, 1, 1},
	} {
		if line, column := Position(src, c.offset); line != c.line || column != c.column {
			t.Errorf("offset %d is %d:%d", c.offset, line, column)
		}
	}
}
