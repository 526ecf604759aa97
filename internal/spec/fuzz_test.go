package spec

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// FuzzLoad compares with encoding/json: what is accepted is valid there and means the same, survives being written and
// read again, and is accepted as a Spec without a document.
func FuzzLoad(f *testing.F) {
	f.Add(Encode(Default()))
	f.Add(Encode(Rootless(1000, 1000)))
	files, _ := filepath.Glob("testdata/load/*.json")
	for _, path := range append(files, "testdata/fields.json") {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(check)
}

// FuzzLoadValue does the same with one value of a good document replaced: what mutated bytes hardly ever reach.
func FuzzLoadValue(f *testing.F) {
	var documents [][]byte
	for _, path := range []string{"testdata/load/everything.json", "testdata/fields.json"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		documents = append(documents, raw)
	}
	for _, with := range []string{`null`, `""`, `[]`, `{}`, `-1`, `4294967295`, `"\u0000"`, `[null]`, `1e3`, `"CAP_KILL"`, `{"type":"pid"}`, `"1.2.0"`} {
		f.Add(uint(6), with)
		f.Add(uint(131), with)
	}
	f.Fuzz(func(t *testing.T, n uint, with string) {
		var document, value any
		raw := documents[n%2]
		n /= 2
		if json.Unmarshal([]byte(with), &value) != nil || json.Unmarshal(raw, &document) != nil {
			return
		}
		for n %= 400; ; n %= 50 {
			left := int(n)
			if document = replace(document, &left, value); left < 0 {
				break
			}
		}
		changed, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		check(t, changed)
	})
}

// replace puts value in place of the left-th value of v, counted from the outermost.
func replace(v any, left *int, value any) any {
	if *left--; *left == -1 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if *left >= 0 {
				v[key] = replace(v[key], left, value)
			}
		}
	case []any:
		for i := range v {
			if *left >= 0 {
				v[i] = replace(v[i], left, value)
			}
		}
	}
	return v
}

func check(t *testing.T, raw []byte) {
	checkTypes(t, raw)
	loaded, err := Load(raw)
	if err != nil {
		if e, ok := err.(*Error); !ok || len(e.Problems) == 0 {
			t.Fatalf("%T %v", err, err)
		}
		return
	}
	if !json.Valid(raw) {
		t.Fatal("not valid JSON")
	}
	again, err := Load(loaded.Encode())
	if err != nil {
		t.Fatalf("what was written is refused: %v", err)
	}
	if diff := cmp.Diff(loaded.Spec, again.Spec, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
	if string(loaded.Seccomp) != string(again.Seccomp) {
		t.Fatal("the seccomp section is another one")
	}
	if _, err := Validate(loaded.Spec); err != nil {
		t.Fatalf("accepted as a document, refused as a Spec: %v", err)
	}
}

// checkTypes looks at what is decoded, whether or not it is implemented and the values are good.
func checkTypes(t *testing.T, raw []byte) {
	s, problems := decoded(raw)
	if len(problems) > 0 {
		return
	}
	compare(t, raw, s)
	again, problems := decoded(Encode(s))
	if len(problems) > 0 {
		t.Fatal("what was written cannot be read:", problems)
	}
	if diff := cmp.Diff(s, again, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
	var r report
	r.config(s)
}

// decoded is a document with its seccomp section decoded as well.
func decoded(raw []byte) (*specs.Spec, []Problem) {
	var r report
	s := &specs.Spec{}
	d := begin("config.json", string(raw), &r)
	if d == nil {
		return nil, r.problems
	}
	d.config(s)
	if !d.finish() || len(r.problems) > 0 {
		return nil, append(r.problems, Problem{Text: "cut off"})
	}
	if from, to := d.seccomp[0], d.seccomp[1]; from < to {
		var err error
		if s.Linux.Seccomp, err = DecodeSeccomp(raw[from:to]); err != nil {
			return nil, err.(*Error).Problems
		}
	}
	return s, nil
}

// compare holds the Spec against encoding/json's reading. That one minds no case, so documents with a property in
// another case are left out.
func compare(t *testing.T, raw []byte, got *specs.Spec) {
	var anything any
	if json.Unmarshal(raw, &anything) != nil || otherCase(anything) {
		return
	}
	want := &specs.Spec{}
	if err := json.Unmarshal(raw, want); err != nil {
		if _, refused := err.(*json.UnmarshalTypeError); !refused {
			t.Fatal(err)
		}
		return // a hollow value of another type, in a property for another platform
	}
	dropForeign(reflect.ValueOf(want).Elem())
	for i := range want.Mounts {
		want.Mounts[i].Destination = absolute(want.Mounts[i].Destination)
	}
	got.Process, want.Process = withoutForeign(got.Process), withoutForeign(want.Process)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
}

// withoutForeign forgets what is decoded to be refused, and never written.
func withoutForeign(p *specs.Process) *specs.Process {
	if p != nil {
		p.CommandLine, p.User.Username = "", ""
	}
	return p
}

// otherCase says whether any key is a known one only to a reader that folds case.
func otherCase(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if otherCase(value) || knownButForCase(key) {
				return true
			}
		}
	case []any:
		for _, e := range v {
			if otherCase(e) {
				return true
			}
		}
	}
	return false
}

var names = sync.OnceValue(func() []string { return fieldNames(reflect.TypeFor[specs.Spec](), map[reflect.Type]bool{}) })

func knownButForCase(key string) bool {
	for _, name := range names() {
		if name != key && strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// fieldNames are the JSON names of all fields of a type and what it contains.
func fieldNames(t reflect.Type, seen map[reflect.Type]bool) (names []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return fieldNames(t.Elem(), seen)
	case reflect.Struct:
		if seen[t] {
			return nil
		}
		seen[t] = true
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			names = append(append(names, name), fieldNames(t.Field(i).Type, seen)...)
		}
	}
	return names
}
