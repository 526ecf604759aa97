package main

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/runtime"
)

func specNamespace(name string) specs.LinuxNamespaceType { return specs.LinuxNamespaceType(name) }

func TestParseSignal(t *testing.T) {
	for _, c := range []struct {
		word string
		want syscall.Signal
	}{
		{"TERM", 15}, {"SIGTERM", 15}, {"sigkill", 9}, {"hup", 1}, {"9", 9}, {"0", 0}, {"64", 64}, {"015", 15}, {"WINCH", 28},
		{"IOT", 6}, {"SIGCLD", 17}, {"poll", 29}, {"UNUSED", 31}, {"32", 32}, {"33", 33},
		{"RTMIN", 34}, {"SIGRTMIN+3", 37}, {"rtmin+30", 64}, {"RTMAX", 64}, {"RTMAX-1", 63}, {"RTMAX-30", 34},
	} {
		if got, err := parseSignalUpTo(64, c.word); err != nil || got != c.want {
			t.Errorf("%s: %d %v, want %d", c.word, got, err, c.want)
		}
	}
	for _, word := range []string{"", "SIG", "-9", "+9", "65", "4294967305", "9x", "TERMINATE", "RTMIN-1", "RTMIN+", "RTMIN+31", "RTMAX+1", "RTMIN3", "RTMIN++1", "RTMIN+ 1", "SIGSIGTERM"} {
		if got, err := parseSignalUpTo(64, word); err == nil {
			t.Errorf("%q is signal %d", word, got)
		}
	}
	for word, want := range map[string]syscall.Signal{"RTMAX": 127, "RTMAX-93": 34, "RTMIN+93": 127, "127": 127} { // on mips
		if got, err := parseSignalUpTo(127, word); err != nil || got != want {
			t.Errorf("%s: %d %v, want %d", word, got, err, want)
		}
	}
	if got, err := parseSignal("RTMAX"); err != nil || int(got) != lastSignal() {
		t.Errorf("RTMAX is %d, %v", got, err)
	}
}

func TestAppendState(t *testing.T) {
	created := time.Date(2026, 11, 22, 10, 11, 12, 130000000, time.UTC)
	for _, state := range []runtime.State{
		{},
		{Version: "1.3.0", ID: "c1", Pid: 42, Status: "running", Bundle: "/b", Rootfs: "/b/rootfs", Created: created},
		{ID: "x", Bundle: "/a \"quoted\"\n<dir>", Created: created, Annotations: map[string]string{"b": "2", "a": "1\u2028"}, Owner: "#12"},
	} {
		for _, newline := range []string{"", "\n"} {
			text := appendState(nil, state, newline)
			var got runtime.State
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !reflect.DeepEqual(got, state) {
				t.Errorf("%+v, want %+v", got, state)
			}
			if newline == "" && strings.Contains(string(text), "\n") {
				t.Errorf("more than one line: %s", text)
			}
		}
		want, err := json.MarshalIndent(state, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		// The reflected form is the reference; it only escapes more, for the sake of HTML.
		want = []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(want)))
		if got := appendState(nil, state, "\n"); string(got) != string(want) {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestStatesJSON(t *testing.T) {
	if got := statesJSON(nil); got != "null\n" {
		t.Errorf("no containers: %q", got)
	}
	var got []runtime.State
	if err := json.Unmarshal([]byte(statesJSON([]runtime.State{{ID: "a"}, {ID: "b"}})), &got); err != nil || len(got) != 2 || got[1].ID != "b" {
		t.Errorf("%v %v", got, err)
	}
}

func TestStatesTable(t *testing.T) {
	created := time.Date(2026, 11, 22, 10, 11, 12, 0, time.UTC)
	got := statesTable([]runtime.State{{ID: "c1", Pid: 42, Status: "running", Bundle: "/b\x1b", Created: created, Owner: "me"}}, false)
	want := "ID          PID         STATUS      BUNDLE      CREATED                OWNER\n" +
		"c1          42          running     /b\\x1b      2026-11-22T10:11:12Z   me\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestFilterPS(t *testing.T) {
	out := "UID          PID    PPID CMD\nroot           1       0 init\nroot          12       1 sh -c 7\nroot           7       1 sleep 12\n\n"
	got, err := filterPS(out, []int{7})
	if want := "UID          PID    PPID CMD\nroot           7       1 sleep 12\n"; got != want || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if _, err := filterPS("CMD\nsh\n", []int{7}); err == nil || !strings.Contains(err.Error(), "PID column") {
		t.Errorf("no column: %v", err)
	}
	if _, err := filterPS("", nil); err == nil {
		t.Error("no output: no error")
	}
}

func TestReplaced(t *testing.T) {
	t.Setenv("ROOST_TEST_FROM_CALLER", "yes")
	got, err := replaced([]string{"A=1", "AB=2", "A=3"}, []string{"A=4", "C=x=y,z", "ROOST_TEST_FROM_CALLER", "ROOST_TEST_UNSET"})
	want := []string{"AB=2", "A=4", "C=x=y,z", "ROOST_TEST_FROM_CALLER=yes"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v, want %q", got, err, want)
	}
	for _, bad := range []string{"=x", ""} {
		if got, err := replaced(nil, []string{bad}); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

func TestAddCapabilities(t *testing.T) {
	old := specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}, Ambient: []string{"CAP_KILL"}}
	p := specs.Process{Capabilities: &old}
	addCapabilities(&p, []string{"CAP_CHOWN"})
	want := specs.LinuxCapabilities{
		Bounding: []string{"CAP_KILL", "CAP_CHOWN"}, Permitted: []string{"CAP_CHOWN"}, Effective: []string{"CAP_CHOWN"}, Ambient: []string{"CAP_KILL"},
	}
	if !reflect.DeepEqual(*p.Capabilities, want) || len(old.Bounding) != 1 {
		t.Errorf("%+v, and the old ones %+v", *p.Capabilities, old)
	}
}

func TestAddGroups(t *testing.T) {
	var p specs.Process
	if err := addGroups(&p, []string{"0", "4294967294"}); err != nil || !slices.Equal(p.User.AdditionalGids, []uint32{0, 1<<32 - 2}) {
		t.Errorf("%v %v", p.User.AdditionalGids, err)
	}
	for _, bad := range []string{"", "-1", "+1", "4294967295", "4294967296", "wheel", "1,2", "0x1"} {
		if err := addGroups(&p, []string{bad}); err == nil {
			t.Errorf("%q is a group", bad)
		}
	}
}

func TestCheckConsole(t *testing.T) {
	for _, c := range []struct {
		terminal, detach bool
		socket           string
		want             string
	}{
		{false, false, "", ""}, {false, true, "", ""}, {true, false, "", ""}, {true, true, "s", ""},
		{true, true, "", "cannot allocate tty if roost will detach without setting console socket"},
		{true, false, "s", "cannot use console socket if roost will not detach or allocate tty"},
		{false, true, "s", "cannot use console socket if roost will not detach or allocate tty"},
		{false, false, "s", "cannot use console socket if roost will not detach or allocate tty"},
	} {
		err := checkConsole(c.terminal, c.detach, c.socket)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestMadeUpName(t *testing.T) {
	for _, c := range []struct{ command, prefix string }{{"/usr/bin/sh", "sh-"}, {"../..", "run-"}, {"a b\x1b.c", "abc-"}, {strings.Repeat("x", 400), strings.Repeat("x", 32) + "-"}} {
		name, err := madeUpName(c.command)
		if err != nil || !strings.HasPrefix(name, c.prefix) || len(name) != len(c.prefix)+6 {
			t.Errorf("%.40q: %q %v", c.command, name, err)
		}
	}
}
