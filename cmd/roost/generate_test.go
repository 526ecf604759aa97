package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/gen"
)

//go:generate go test -run ^TestGenerated$ -update .

var update = flag.Bool("update", false, "write the generated files anew")

// TestGenerated fails when man pages or completion scripts no longer are what the tables of flags make of them.
func TestGenerated(t *testing.T) {
	const dir = "generated"
	fresh := t.TempDir()
	if err := gen.Write(fresh, new(globals).table(), tables()); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(fresh)); err != nil {
			t.Fatal(err)
		}
	}
	want, got := contents(t, fresh), contents(t, dir)
	for name, text := range want {
		if !bytes.Equal(got[name], text) {
			t.Errorf("%s/%s is stale; run: go generate ./cmd/roost", dir, name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%s/%s belongs to no command; run: go generate ./cmd/roost", dir, name)
	}
}

func tables() []*flags.Command {
	var list []*flags.Command
	for _, e := range commands() {
		cmd := e.make()
		list = append(list, &cmd.Command)
	}
	return list
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = text
	}
	return files
}
