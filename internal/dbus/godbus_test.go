package dbus

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"

	godbus "github.com/godbus/dbus/v5"
	"github.com/google/go-cmp/cmp"
)

// property and aux are what godbus takes for (sv) and (sa(sv)).
type property struct {
	Name  string
	Value godbus.Variant
}

type aux struct {
	Name       string
	Properties []property
}

func TestGodbusReadsWhatWeWrite(t *testing.T) {
	call := Call{
		Destination: "org.example", Path: "/a/b", Interface: "org.example.I", Member: "M", Signature: "ssa(sv)a(sa(sv))ybnqixtdogas",
		Body: []any{
			"unit", "fail", []any{
				[]any{"Delegate", Variant{"b", true}}, []any{"PIDs", Variant{"au", []uint32{1, 2}}}, []any{"CPUs", Variant{"ay", []byte{3}}},
				[]any{"IO", Variant{"a(st)", []any{[]any{"/dev/x", uint64(9)}}}},
			}, []any{},
			byte(1), true, int16(-2), uint16(3), int32(-4), int64(-5), uint64(6), 0.5, "/o", "as", []string{"x", "y"},
		},
	}
	b, err := call.marshal(7)
	if err != nil {
		t.Fatal(err)
	}
	m, err := godbus.DecodeMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if m.Serial() != 7 || m.Type != godbus.TypeMethodCall || m.Headers[godbus.FieldPath].Value() != godbus.ObjectPath("/a/b") ||
		m.Headers[godbus.FieldMember].Value() != "M" || m.Headers[godbus.FieldDestination].Value() != "org.example" {
		t.Error(m)
	}
	var props []property
	var more []aux
	if err := godbus.Store(m.Body[2:4], &props, &more); err != nil {
		t.Fatal(err)
	}
	if len(props) != 4 || props[0].Value.Value() != true || !reflect.DeepEqual(props[1].Value.Value(), []uint32{1, 2}) ||
		!bytes.Equal(props[2].Value.Value().([]byte), []byte{3}) {
		t.Error(props)
	}
	want := []any{byte(1), true, int16(-2), uint16(3), int32(-4), int64(-5), uint64(6), 0.5, godbus.ObjectPath("/o"), godbus.ParseSignatureMust("as"), []string{"x", "y"}}
	if d := cmp.Diff(want, m.Body[4:], cmp.Comparer(func(a, b godbus.Signature) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestWeReadWhatGodbusWrites(t *testing.T) {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		m := &godbus.Message{
			Type: godbus.TypeSignal,
			Headers: map[godbus.HeaderField]godbus.Variant{
				godbus.FieldPath: godbus.MakeVariant(godbus.ObjectPath("/p")), godbus.FieldInterface: godbus.MakeVariant("a.b"),
				godbus.FieldMember: godbus.MakeVariant("S"), godbus.FieldSender: godbus.MakeVariant(":1.2"),
			},
			Body: []any{
				uint32(5), godbus.ObjectPath("/job"), "unit", byte(1), true, int16(-2), uint16(3), int32(-4), int64(-5), uint64(6), 0.5,
				[]string{"x"}, map[string]godbus.Variant{"k": godbus.MakeVariant([]byte{1})}, godbus.MakeVariant(property{"n", godbus.MakeVariant(uint64(1))}),
				[]aux{{"a", []property{{"p", godbus.MakeVariant(false)}}}}, []string{},
			},
		}
		m.Headers[godbus.FieldSignature] = godbus.MakeVariant(godbus.SignatureOf(m.Body...))
		var b bytes.Buffer
		if err := m.EncodeTo(&b, order); err != nil {
			t.Fatal(err)
		}
		for cut := range b.Len() {
			if got, _, err := unmarshal(b.Bytes()[:cut]); got != nil || err != nil {
				t.Fatalf("%v: of %d bytes: %v %v", order, cut, got, err)
			}
		}
		got, n, err := unmarshal(append(b.Bytes(), "more"...))
		if err != nil || n != b.Len() {
			t.Fatal(n, err)
		}
		want := []any{
			uint32(5), "/job", "unit", byte(1), true, int16(-2), uint16(3), int32(-4), int64(-5), uint64(6), 0.5,
			[]any{"x"}, []any{[]any{"k", Variant{"ay", []any{byte(1)}}}}, Variant{"(sv)", []any{"n", Variant{"t", uint64(1)}}},
			[]any{[]any{"a", []any{[]any{"p", Variant{"b", false}}}}}, []any{},
		}
		if d := cmp.Diff(want, got.Body); d != "" {
			t.Errorf("%v:\n%s", order, d)
		}
		if got.kind != signal || got.Path != "/p" || got.Interface != "a.b" || got.Member != "S" || got.Sender != ":1.2" {
			t.Error(got)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	b, err := (&Call{Path: "/a", Member: "M", Signature: "sa(sv)ay", Body: []any{"x", []any{[]any{"n", Variant{"as", []string{"y"}}}}, []byte{1}}}).marshal(1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	b = bytes.Clone(b)
	b[0] = 'B'
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, n, err := unmarshal(b)
		if err == nil && (m == nil) != (n == 0) || n > len(b) {
			t.Error(m, n, err)
		}
	})
}
