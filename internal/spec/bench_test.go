package spec

import (
	"encoding/json"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What a start pays for its configuration: the document of `roost spec --rootless`.
func BenchmarkLoad(b *testing.B) {
	raw := Encode(Rootless(1000, 1000))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// What it would pay for encoding/json, warm; cold, building the type tables comes on top.
func BenchmarkReflection(b *testing.B) {
	raw := Encode(Rootless(1000, 1000))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := json.Unmarshal(raw, &specs.Spec{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	s := Rootless(1000, 1000)
	b.ReportAllocs()
	for b.Loop() {
		Encode(s)
	}
}

func BenchmarkParseOptions(b *testing.B) {
	options := []string{"rbind", "nosuid", "noexec", "nodev", "relatime", "ro", "rslave", "mode=755", "size=65536k"}
	b.ReportAllocs()
	for b.Loop() {
		ParseOptions(options)
	}
}
