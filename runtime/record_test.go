package runtime

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// TestRecordSurvives: every field that a record has comes back from the disk, also those to come.
func TestRecordSurvives(t *testing.T) {
	var r record
	fill(t, reflect.ValueOf(&r).Elem(), new(int))
	back, err := decodeRecord(r.encode())
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&r, back) {
		t.Errorf("written %+v\nread    %+v", r, *back)
	}
}

// fill sets each field to a value of its own, never the zero one.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	v = reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem() // unexported fields may be set this way
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, 600+*n, time.UTC)))
		return
	case map[string]string:
		v.Set(reflect.ValueOf(map[string]string{fmt.Sprint("key ", *n): "\"value\"\n\x01é", "": ""}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d \"\\\n\t\x01 é 🐓", *n))
	case reflect.Int:
		v.SetInt(int64(1000 + *n))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	default:
		t.Fatalf("a field of type %s: say here what to fill it with, and see that it is written", v.Type())
	}
}

// TestDamagedRecords are refused with an error that says so.
func TestDamagedRecords(t *testing.T) {
	whole := string((&record{id: "x", process: identity{pid: 77, start: 5, boot: "b"}, created: time.Unix(1, 0).UTC()}).encode())
	if _, err := decodeRecord([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "half": whole[:len(whole)/2], "zeros": strings.Repeat("\x00", len(whole)), "two": whole + whole, "other": "[]", "null": "null",
		"pid 0":          strings.Replace(whole, `"pid":77`, `"pid":0`, 1),
		"pid 1":          strings.Replace(whole, `"pid":77`, `"pid":1`, 1),
		"negative pid":   strings.Replace(whole, `"pid":77`, `"pid":-5`, 1),
		"large pid":      strings.Replace(whole, `"pid":77`, `"pid":4294967373`, 1),
		"pid is text":    strings.Replace(whole, `"pid":77`, `"pid":"77"`, 1),
		"another format": strings.Replace(whole, `"record":1`, `"record":2`, 1),
		"no format":      strings.Replace(whole, `"record":1,`, ``, 1),
		"no time":        strings.Replace(whole, `1970-01-01T`, `yesterday`, 1),
	} {
		if r, err := decodeRecord([]byte(text)); err == nil || !strings.Contains(err.Error(), "state.json is ") {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// A record that is read may be written again, and is the same.
func FuzzRecord(f *testing.F) {
	f.Add((&record{id: "x", process: identity{pid: 77, start: 5, boot: "b"}, annotations: map[string]string{"a": "b"}}).encode())
	f.Add([]byte(`{"record":1,"pid":2,"created":"2026-01-01T00:00:00Z","unknown":[{}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil || !utf8.Valid(data) {
			return
		}
		if y := r.created.UTC().Year(); y < 0 || y > 9999 {
			return // RFC 3339 has no such years
		}
		r.created = r.created.UTC()
		if r.annotations == nil {
			r.annotations = map[string]string{}
		}
		again, err := decodeRecord(r.encode())
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%+v\n%+v, %v", r, again, err)
		}
	})
}

// TestReadRecord: what lies in the place of the record is not waited for, and not taken for another container's.
func TestReadRecord(t *testing.T) {
	s := &Store{root: t.TempDir()}
	path := filepath.Join(s.root, "x", "state.json")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := s.openDirectory("x")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	target := filepath.Join(s.root, "elsewhere")
	good := (&record{id: "x", process: identity{pid: 77, boot: "b"}}).encode()
	for name, test := range map[string]struct {
		make func() error
		want string
	}{
		"missing":   {func() error { return nil }, "no such file"},
		"FIFO":      {func() error { return unix.Mkfifo(path, 0o600) }, "not a regular file"},
		"directory": {func() error { return os.Mkdir(path, 0o700) }, "not a regular file"},
		"link":      {func() error { return errors.Join(os.WriteFile(target, good, 0o600), os.Symlink(target, path)) }, "too many levels"},
		"device":    {func() error { return os.Symlink("/dev/zero", path) }, "too many levels"},
		"another's": {func() error {
			return os.WriteFile(path, (&record{id: "y", process: identity{pid: 77}}).encode(), 0o600)
		}, "is of container y"},
		"far too large": {func() error { return errors.Join(os.WriteFile(path, good, 0o600), os.Truncate(path, 1<<40)) }, "too large"},
		"good":          {func() error { return os.WriteFile(path, good, 0o600) }, ""},
	} {
		if err := test.make(); err != nil {
			t.Fatal(name, err)
		}
		_, err := d.readRecord()
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, not %q", name, err, test.want)
		}
		os.Remove(path)
	}
}
