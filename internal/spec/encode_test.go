package spec

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// reflected is what encoding/json writes.
func reflected(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	must(t, "encode", e.Encode(v))
	return b.String()
}

// foreign knows what is for another platform: refused unless it is hollow, so nobody encodes it.
func foreign(parent reflect.Type, name string) bool {
	switch parent {
	case reflect.TypeFor[specs.Spec]():
		return name == "Windows" || name == "Solaris" || name == "VM" || name == "ZOS" || name == "FreeBSD"
	case reflect.TypeFor[specs.Process]():
		return name == "CommandLine"
	case reflect.TypeFor[specs.User]():
		return name == "Username"
	}
	return false
}

// fill sets every field of Linux to something that is not zero, so that a field which is new in the
// runtime-spec's types, and forgotten here, fails the tests below.
func fill(v reflect.Value, seed *int) {
	*seed++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if !foreign(v.Type(), v.Type().Field(i).Name) {
				fill(v.Field(i), seed)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), seed)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), seed)
		fill(v.Index(1), seed)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"b", `a"ä`} {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(e, seed)
			v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), e)
		}
	case reflect.String:
		v.SetString("/s<&>ä\n" + string(rune('a'+*seed%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(*seed))
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*seed))
	default:
		panic(v.Type().String())
	}
}

func filled() *specs.Spec {
	s, seed := &specs.Spec{}, 0
	fill(reflect.ValueOf(s).Elem(), &seed)
	return s
}

func TestEncodeIsWhatReflectionWrites(t *testing.T) {
	empty := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{}}, Root: &specs.Root{}, Linux: &specs.Linux{Resources: &specs.LinuxResources{},
		TimeOffsets: map[string]specs.LinuxTimeOffset{"boottime": {}}}}
	for name, s := range map[string]*specs.Spec{"zero": {}, "empty": empty, "default": Default(), "rootless": Rootless(1, 2), "filled": filled()} {
		if diff := cmp.Diff(reflected(t, s), string(Encode(s))); diff != "" {
			t.Errorf("%s (-encoding/json +ours):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(reflected(t, filled().Process), string(EncodeProcess(filled().Process))); diff != "" {
		t.Error(diff)
	}
}

// The decoder, too, knows every field: what reflection wrote comes back as it was.
func TestDecodeKnowsEveryField(t *testing.T) {
	want := filled()
	src := reflected(t, want)
	var r report
	d := begin("config.json", src, &r)
	got := &specs.Spec{}
	d.config(got)
	if !d.finish() || len(r.problems) > 0 || len(r.givenUp) > 0 {
		t.Fatal(r)
	}
	var err error
	got.Linux.Seccomp, err = DecodeSeccomp([]byte(src[d.seccomp[0]:d.seccomp[1]]))
	must(t, "seccomp", err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Documents that are accepted are understood as reflection understands them.
func TestEveryDocumentAsReflectionReadsIt(t *testing.T) {
	for _, path := range []string{"testdata/load/everything.json", "testdata/load/hollow.json"} {
		raw, err := os.ReadFile(path)
		must(t, path, err)
		loaded, err := Load(raw)
		must(t, path, err)
		want := &specs.Spec{}
		must(t, path, json.Unmarshal(raw, want))
		dropForeign(reflect.ValueOf(want).Elem())
		for i := range want.Mounts {
			want.Mounts[i].Destination = absolute(want.Mounts[i].Destination)
		}
		if diff := cmp.Diff(want, loaded.Spec, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}

// dropForeign forgets the fields that were refused unless hollow, or passed over.
func dropForeign(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if foreign(v.Type(), v.Type().Field(i).Name) {
				v.Field(i).SetZero()
			} else {
				dropForeign(v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			dropForeign(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			dropForeign(v.Index(i))
		}
	}
}

// testdata/fields.json has every field of Linux with a value that is good, so that it says something as a seed and below.
func TestFieldsAreGood(t *testing.T) {
	raw, err := os.ReadFile("testdata/fields.json")
	must(t, "seed", err)
	s, problems := decoded(raw)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	compare(t, raw, s)
	var r report
	r.config(s)
	r.problems = slices.DeleteFunc(r.problems, func(p Problem) bool { return strings.Contains(p.Text, "not supported yet") })
	if len(r.problems) > 0 || paths(r.givenUp) != "mounts[4].options[2]" {
		t.Error(r.problems, r.givenUp)
	}
}

// What is for another platform is refused in a document and in a Spec.
func TestForeignIsRefused(t *testing.T) {
	for field, document := range map[string]string{
		"Windows": `{"layerFolders": ["x"]}`, "Solaris": `{"milestone": "x"}`, "VM": `{"kernel": {"path": "/x"}}`, "ZOS": `{"namespaces": [{"type": "pid"}]}`,
		"FreeBSD": `{"jail": {"host": "new"}}`,
	} {
		s := Rootless(1, 1)
		f := reflect.ValueOf(s).Elem().FieldByName(field)
		f.Set(reflect.New(f.Type().Elem()))
		if _, err := Validate(s); err == nil {
			t.Errorf("%s: accepted in a Spec", field)
		}
		name := strings.ToLower(field)
		raw := strings.Replace(string(Encode(Rootless(1, 1))), "{", `{"`+name+`": `+document+`,`, 1)
		if _, err := Load([]byte(raw)); err == nil || !strings.Contains(err.Error(), name+": is for another platform") {
			t.Errorf("%s: %v", field, err)
		}
	}
	s := Rootless(1, 1)
	s.Process.CommandLine, s.Process.User.Username = "x", "x"
	if _, err := Validate(s); err == nil || strings.Count(err.Error(), "means nothing on Linux") != 2 {
		t.Error(err)
	}
}
