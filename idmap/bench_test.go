package idmap

import (
	"context"
	"os/exec"
	"testing"
)

// What a start pays for the sub-ids of this machine, without a name service.
func BenchmarkSubIDs(b *testing.B) {
	for b.Loop() {
		a, err := Sources{}.Account(context.Background(), 1000, 1000)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, _, err := SubIDs(context.Background(), a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHelpersCheck(b *testing.B) {
	for b.Loop() {
		Helpers{}.Check()
	}
}

func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		if _, err := run(context.Background(), "/bin/true", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// os/exec is what run is compared with.
func BenchmarkRunOSExec(b *testing.B) {
	for b.Loop() {
		cmd := exec.Command("/bin/true")
		cmd.Env = []string{}
		if _, err := cmd.CombinedOutput(); err != nil {
			b.Fatal(err)
		}
	}
}
