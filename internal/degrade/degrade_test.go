package degrade

import (
	"slices"
	"strings"
	"testing"
)

func TestPolicies(t *testing.T) {
	var p Policies
	if p.For(Memory) != Deny || p.For(Sysfs) != Ignore || p.For(OOM) != Warn || p.For("unheard-of") != Deny {
		t.Error("the defaults are others")
	}
	if err := p.Set("memory=warn, cpu=ignore", "sysfs=deny"); err != nil {
		t.Fatal(err)
	}
	if p.For(Memory) != Warn || p.For(CPU) != Ignore || p.Allows(Sysfs) || p.For(PIDs) != Deny {
		t.Error(p)
	}
	if err := p.Set("all=deny"); err != nil || p.Allows(Devices) {
		t.Error(p, err)
	}
}

func TestWrongWordsAreAllNamed(t *testing.T) {
	var p Policies
	err := p.Set("memory", "disk=warn", "cpu=maybe", "pids=warn")
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{`"memory"`, `"disk=warn"`, `"cpu=maybe"`} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s is not named: %v", word, err)
		}
	}
	if p.For(PIDs) != Deny {
		t.Error("a part of a wrong list was taken over")
	}
}

func TestTightenNeverLoosens(t *testing.T) {
	var p Policies
	looser, err := p.Tighten("sysfs=deny,seccomp=ignore,oom=deny")
	if err != nil {
		t.Fatal(err)
	}
	if p.Allows(Sysfs) || p.Allows(OOM) || p.Allows(Seccomp) {
		t.Error(p)
	}
	if !slices.Equal(looser, []string{"seccomp=ignore"}) {
		t.Error(looser)
	}
	if _, err := p.Tighten("all"); err == nil || !strings.Contains(err.Error(), Annotation) {
		t.Error(err)
	}
}

func TestEveryKindIsInTheTableOnce(t *testing.T) {
	seen := map[Kind]bool{}
	for _, r := range rules() {
		if seen[r.kind] || r.what == "" {
			t.Error(r)
		}
		seen[r.kind] = true
	}
}
