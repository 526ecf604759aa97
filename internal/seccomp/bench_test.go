package seccomp

import (
	"context"
	"os"
	"testing"
)

// BenchmarkOpen is what a container with a profile pays that was used before: the shipped one.
func BenchmarkOpen(b *testing.B) {
	raw, err := os.ReadFile("../../contrib/seccomp/default.json")
	if err != nil {
		b.Fatal(err)
	}
	root := b.TempDir()
	keep(root, nameOf(raw), Encode(&Filter{Insns: make([]byte, 1364*insnSize)}, raw))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(context.Background(), root, raw); err != nil {
			b.Fatal(err)
		}
	}
}
