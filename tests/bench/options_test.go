package main

import (
	"encoding/json"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestOptions(t *testing.T) {
	dirs := []string{"-work", "w", "-state", "s", "-bin", "b"}
	for _, tt := range []struct {
		args   []string
		rounds string // BENCH_ROUNDS
		want   string // in the error; empty: none
	}{
		{dirs, "", ""},
		{dirs, "5", ""},
		{append([]string{"-only", "run,exec", "-rounds", "20", "-vs", "crun"}, dirs...), "", ""},
		{nil, "", "call tests/bench/run.sh"},
		{append([]string{"-only", "runn"}, dirs...), "", `"runn" is none of run, multi`},
		{append([]string{"-vs", "youki"}, dirs...), "", `"youki" is none of roost, crun`},
		{append([]string{"-rounds", "0"}, dirs...), "", "at least one"},
		{dirs, "many", "BENCH_ROUNDS=many: not a number"},
	} {
		o, err := parseOptions(tt.args, tt.rounds)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q, BENCH_ROUNDS=%q: error %v, want %q", tt.args, tt.rounds, err, tt.want)
		}
		if err == nil && tt.rounds == "5" && o.rounds != 5 {
			t.Errorf("BENCH_ROUNDS=5: %d rounds", o.rounds)
		}
	}
	o, err := parseOptions(append([]string{"-only", "run", "-vs", "crun"}, dirs...), "")
	if err != nil {
		t.Fatal(err)
	}
	for what, pair := range map[string][2]bool{
		"run":   {o.wants("run"), true},
		"exec":  {o.wants("exec"), false},
		"roost": {o.wantsContender("roost"), true},
		"crun":  {o.wantsContender("crun"), true},
		"runc":  {o.wantsContender("runc"), false},
	} {
		if pair[0] != pair[1] {
			t.Errorf("-only run -vs crun: %s wanted: %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestSubRange(t *testing.T) {
	alice := &user.User{Username: "alice", Uid: "1000"}
	for text, want := range map[string]uint32{
		"bob:100000:65536\nalice:165536:65536\n": 165536,
		"1000:300000:10\n":                       300000,
		"alice:x:1\nalice:7:0\nalice:9:1\n":      9,
		"alice:1\n":                              0,
		"":                                       0,
	} {
		path := filepath.Join(t.TempDir(), "subuid")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := subRange(path, alice)
		if got.HostID != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, %v; want %d", text, got.HostID, err, want)
		}
	}
}

func TestSampleLine(t *testing.T) {
	steps := []command{{"first"}, {"second", "word"}}
	if s, err := parseSample("2000000 300 400 512 0 0\n", steps, ""); err != nil || s.wall.Milliseconds() != 2 || s.cpu.Microseconds() != 700 || s.peak != 512 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := parseSample("1 1 1 1 9 1\n", steps, ""); err == nil || !strings.Contains(err.Error(), "second word: exit status 9") {
		t.Errorf("a failure: %v", err)
	}
	if _, err := parseSample("", steps, ""); err == nil {
		t.Error("no line: no error")
	}
}

func TestFilterHasTheSizeOfAnEnginesProfile(t *testing.T) {
	section, err := os.ReadFile("../../contrib/seccomp/default.json")
	if err != nil {
		t.Fatal(err)
	}
	filter, err := profile(section)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, rule := range filter.Syscalls {
		n += len(rule.Names)
	}
	if names := strings.Join(filter.Syscalls[0].Names, " "); n < 441 || !strings.Contains(names, "execve") || strings.Contains(names, "kexec") {
		t.Errorf("%d names: %s", n, names)
	}
}

// The text that is written is the whole of what a runtime reads.
func TestBundleIsReadBack(t *testing.T) {
	b := &run{opts: options{work: t.TempDir()}}
	b.bundles.rootfs = "/somewhere"
	dir, err := b.makeBundle("plain", plainSpec())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec specs.Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	if len(spec.Linux.Namespaces) != 6 || spec.Linux.UIDMappings[0].HostID != uint32(os.Getuid()) || spec.Root.Path != "/somewhere" {
		t.Errorf("%s", text)
	}
}
