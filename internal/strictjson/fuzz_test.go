package strictjson

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"unicode/utf8"
)

// FuzzDecoder compares with encoding/json: whatever is accepted is valid there and has the same value; whatever is
// refused is refused for one of the reasons that encoding/json does not have, or there, too.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.5e+3,-0,"x\u00e4\ud83d\ude00",null,true,false,{}]}`, `{"a":1,"a":2}`, `["\ud800"]`, "\"\xff\"", `[1,]`, `{"":0}`, `1 2`,
		`{"0":0,"1":0,"2":0,"3":0,"4":0,"5":0,"6":0,"7":0,"8":0,"9":0,"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"a":0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, problem := verdict(string(raw))
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var want any
		valid := json.Valid(raw)
		if valid {
			if err := d.Decode(&want); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case problem == "" && !valid:
			t.Fatalf("%q is accepted, and not valid", raw)
		case problem == "":
			if !reflect.DeepEqual(want, got) {
				t.Fatalf("%q: %v, want %v", raw, got, want)
			}
		case valid && utf8.Valid(raw) && !stricter(problem):
			t.Fatalf("%q is refused: %s", raw, problem)
		}
		skipped := New(string(raw))
		skipped.Skip()
		if err := skipped.End(); (err == nil && skipped.Noted() == 0) != (problem == "") {
			t.Fatalf("%q: read says %q, skip %v", raw, problem, err)
		}
	})
}

func stricter(problem string) bool {
	for _, reason := range []string{"given twice", "surrogate pair", "nested too deep"} {
		if bytes.Contains([]byte(problem), []byte(reason)) {
			return true
		}
	}
	return false
}

// FuzzLocate: any path of any document must end, inside the document.
func FuzzLocate(f *testing.F) {
	f.Add(`{"a":{"b\"]":[1]}}`, `a["b\"]"][0]`)
	f.Fuzz(func(t *testing.T, src, path string) {
		if at := Locate(src, []string{path})[0]; at < 0 || at > len(src) {
			t.Fatal(at)
		}
	})
}
