package spec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The seccomp section is handed on byte by byte, and must be an object.
func TestSeccompIsPassedOver(t *testing.T) {
	for section, want := range map[string]string{
		`null`: "", `{}`: "{}", " \n{ \"a\" :1, \"b\":[{}]}\t": `{ "a" :1, "b":[{}]}`, `{"defaultAction":"\u0041"}`: `{"defaultAction":"\u0041"}`,
	} {
		src := `{"linux":{"seccomp":` + section + `,"mountLabel":"l"}}`
		var r report
		d, s := begin("config.json", src, &r), &specs.Spec{}
		d.config(s)
		if got := src[d.seccomp[0]:d.seccomp[1]]; !d.finish() || got != want || s.Linux.MountLabel != "l" || len(r.problems) > 0 {
			t.Errorf("%s: %q, %v", section, got, r.problems)
		}
	}
	for _, section := range []string{`[]`, `"x"`, `5`, `false`} {
		if _, err := Load([]byte(`{"linux":{"seccomp":` + section + `}}`)); err == nil || !strings.Contains(err.Error(), "linux.seccomp: is ") {
			t.Errorf("%s: %v", section, err)
		}
	}
	for _, section := range []string{`{"a":}`, `{"a":1,"a":2}`, `{"a":[}]`} {
		if _, err := Load([]byte(`{"linux":{"seccomp":` + section + `}}`)); err == nil || !strings.Contains(err.Error(), "linux.seccomp.a") {
			t.Errorf("%s: %v", section, err)
		}
	}
}

// A Spec of a Go program has its profile as a struct: what is written for it is what comes back.
func TestSeccompOfASpec(t *testing.T) {
	profile := engineSpec().Linux.Seccomp
	got, err := DecodeSeccomp(EncodeSeccomp(profile))
	must(t, "decode", err)
	if diff := cmp.Diff(profile, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	loaded := Loaded{Spec: Rootless(1, 1), Seccomp: []byte(`{"defaultAction": "x"}`)}
	s, problems := decoded(loaded.Encode())
	if len(problems) > 0 || s.Linux.Seccomp.DefaultAction != "x" {
		t.Error(problems)
	}
	if _, err := DecodeSeccomp([]byte(`{"syscalls": [{"names": "read"}]}`)); err == nil || err.Error() != "linux.seccomp:1: syscalls[0].names: is a string; must be an array" {
		t.Error(err)
	}
}
