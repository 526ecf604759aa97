package userns

import (
	"context"
	"testing"

	"github.com/roost-run/roost/idmap"
)

func BenchmarkSelf(b *testing.B) {
	for b.Loop() {
		if _, err := Self(); err != nil {
			b.Fatal(err)
		}
	}
}

// The map of a user with sub-ids, from nothing to who writes it.
func BenchmarkChooseAuto(b *testing.B) {
	h := host{sources: idmap.Sources{Root: b.TempDir()}}
	for b.Loop() {
		if _, err := h.choose(context.Background(), Caller{EUID: 1000, EGID: 1000, UIDs: idmap.Map{{Size: 4294967295}}, GIDs: idmap.Map{{Size: 4294967295}}}, Request{}); err != nil {
			b.Fatal(err)
		}
	}
}
