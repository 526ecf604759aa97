package seccomp

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func sample() *Filter {
	return &Filter{Insns: bytes.Repeat([]byte{6, 0, 0, 0, 0, 0, 0xff, 0x7f}, 3), Flags: FlagNewListener | FlagLog, ListenerPath: "/run/agent", ListenerMetadata: "meta data"}
}

func same(a, b *Filter) bool {
	return bytes.Equal(a.Insns, b.Insns) && a.Flags == b.Flags && a.ListenerPath == b.ListenerPath && a.ListenerMetadata == b.ListenerMetadata
}

func TestFile(t *testing.T) {
	plain := &Filter{Insns: make([]byte, 8*MaxInsns)}
	for _, f := range []*Filter{sample(), plain} {
		for _, raw := range []string{"", "{}", strings.Repeat("x", MaxSection)} {
			got, made, err := Decode(Encode(f, []byte(raw)))
			if err != nil || string(made) != raw || !same(got, f) {
				t.Errorf("%d bytes: %v", len(raw), err)
			}
		}
	}
}

// Every byte counts, and so does every length.
func TestDamaged(t *testing.T) {
	file := Encode(sample(), []byte(`{"defaultAction":"SCMP_ACT_ALLOW"}`))
	for i := range file {
		for _, x := range []byte{1, 0x80} {
			b := bytes.Clone(file)
			b[i] ^= x
			if _, _, err := Decode(b); err == nil {
				t.Errorf("byte %d was changed, and nobody noticed", i)
			}
		}
		if _, _, err := Decode(file[:i]); err == nil {
			t.Errorf("cut off after %d bytes, and nobody noticed", i)
		}
	}
	if _, _, err := Decode(append(bytes.Clone(file), 0)); err == nil {
		t.Error("one byte more, and nobody noticed")
	}
	zeros := bytes.Clone(file)
	clear(zeros[len(zeros)-16:]) // what a crash leaves of a file that was not on the disk yet
	if _, _, err := Decode(zeros); err == nil {
		t.Error("zeros at the end, and nobody noticed")
	}
}

// A file whose checksum is right still has to make sense.
func TestNonsense(t *testing.T) {
	for name, f := range map[string]*Filter{
		"no instructions":        {},
		"half an instruction":    {Insns: make([]byte, 12)},
		"too many instructions":  {Insns: make([]byte, 8*MaxInsns+8)},
		"unknown flag":           {Insns: make([]byte, 8), Flags: 1 << 9},
		"listener without path":  {Insns: make([]byte, 8), Flags: FlagNewListener},
		"path without listener":  {Insns: make([]byte, 8), ListenerPath: "/x"},
		"NUL in the path":        {Insns: make([]byte, 8), Flags: FlagNewListener, ListenerPath: "/x\x00y"},
		"path too long":          {Insns: make([]byte, 8), Flags: FlagNewListener, ListenerPath: strings.Repeat("/", MaxPath+1)},
		"metadata that is large": {Insns: make([]byte, 8), ListenerMetadata: strings.Repeat("/", MaxMetadata+1)},
	} {
		if _, _, err := Decode(Encode(f, nil)); err == nil {
			t.Errorf("%s: nobody noticed", name)
		}
	}
	old := Encode(sample(), nil)
	binary.NativeEndian.PutUint32(old[len(magic):], version+1)
	binary.NativeEndian.PutUint64(old[sumAt:], checksum(old))
	if _, _, err := Decode(old); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	seen := make(map[string]string)
	for _, raw := range []string{"", "a", "a\x00", "a\x00\x00", "aaaaaaaa", "aaaaaaaaa", "aaaaaaab", "baaaaaaa", strings.Repeat("a", 16)} {
		name := nameOf([]byte(raw))
		if other, ok := seen[name]; ok || len(name) != 16 {
			t.Errorf("%q and %q: %s", raw, other, name)
		}
		seen[name] = raw
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(sample(), []byte("{}")))
	f.Add(Encode(&Filter{Insns: make([]byte, 8)}, nil))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= headerSize { // or the fuzzer would have to find the sum
			b = bytes.Clone(b)
			binary.NativeEndian.PutUint64(b[sumAt:], checksum(b))
		}
		got, raw, err := Decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(Encode(got, raw), b) {
			t.Errorf("%q: another file for the same filter", b)
		}
		if len(got.Insns)%insnSize != 0 || len(got.Insns) == 0 || len(got.Insns) > MaxInsns*insnSize || got.Notifies() != (got.ListenerPath != "") {
			t.Errorf("%+v", got)
		}
	})
}
