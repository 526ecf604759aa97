package spec

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it anew:\n%s", path, diff)
	}
}

// Each document has its verdict beside it: the problems, or the Spec as it was understood and what was given up.
func TestLoadGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/load/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			raw, err := ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			loaded, err := Load(raw)
			if err != nil {
				got = err.Error() + "\n"
			} else {
				got = string(Encode(loaded.Spec))
				for _, p := range loaded.GivenUp {
					got += "given up: " + p.String() + "\n"
				}
			}
			golden(t, strings.TrimSuffix(path, ".json")+".golden", got)
		})
	}
}

func TestDefaultGolden(t *testing.T) {
	golden(t, "testdata/spec/default.json", string(Encode(Default())))
	golden(t, "testdata/spec/rootless.json", string(Encode(Rootless(1000, 1001))))
}
