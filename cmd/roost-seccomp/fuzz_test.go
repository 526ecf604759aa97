//go:build cgo

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/roost-run/roost/internal/seccomp"
)

// FuzzSection: whatever the section is, it is refused with paths, or becomes a filter that the kernel would take and that answers
// every call with an action.
func FuzzSection(f *testing.F) {
	raw, _ := shipped(f)
	f.Add(raw)
	for _, s := range []string{
		`{"defaultAction":"SCMP_ACT_ALLOW"}`,
		`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86","SCMP_ARCH_AARCH64"],"flags":["SECCOMP_FILTER_FLAG_LOG"]}`,
		`{"defaultAction":"SCMP_ACT_KILL","syscalls":[{"names":["read","socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":4294967296,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_GE"}]}]}`,
		`{"defaultAction":"SCMP_ACT_TRACE","listenerPath":"/s","listenerMetadata":"m","syscalls":[{"names":["getpid"],"action":"SCMP_ACT_NOTIFY"},{"names":["ipc","semop"],"action":"SCMP_ACT_TRAP"}]}`,
		`{"defaultAction":"SCMP_ACT_LOG","syscalls":[{"names":["dup3"],"action":"SCMP_ACT_ERRNO","errnoRet":4094,"args":[{"index":5,"value":18446744073709551615,"op":"SCMP_CMP_LT"}]}]}`,
		`{"defaultAction":1}`, `{"syscalls":[]}`, `[]`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<16 {
			return // longer ones say nothing new, but take long
		}
		filter, bad, err := compile(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range bad {
			if !strings.HasPrefix(problem, "linux.seccomp") || strings.ContainsAny(problem, "\n\x00") {
				t.Errorf("problem %q", problem)
			}
		}
		if (filter == nil) != (len(bad) > 0) {
			t.Fatal("neither a filter nor a problem, or both")
		}
		if filter == nil {
			return
		}
		back, made, err := seccomp.Decode(seccomp.Encode(filter, raw))
		if err != nil || !bytes.Equal(made, raw) || !bytes.Equal(back.Insns, filter.Insns) {
			t.Fatalf("not read back: %v", err)
		}
		again, _, _ := compile(raw)
		if !bytes.Equal(again.Insns, filter.Insns) || again.Flags != filter.Flags {
			t.Error("another filter the next time")
		}
		whole := long(t, raw)
		for _, c := range []call{{machine: x64}, {machine: x64, nr: 41, args: [6]uint64{1, 2, 3}}, {machine: x86, nr: 102}, {machine: x64, nr: x32Bit | 5}, {machine: x64, nr: 0xffffffff}, {machine: 0}} {
			answer, err := interpret(parse(filter.Insns), c)
			if err != nil {
				t.Fatal(err)
			}
			if before, err := interpret(whole, c); err != nil || before != answer {
				t.Errorf("%+v: %#x became %#x: %v", c, before, answer, err)
			}
			switch answer & 0xffff0000 {
			case killProcess, killThread, trap, errno, notify, trace, logs, allow:
			default:
				t.Errorf("answer %#x", answer)
			}
		}
	})
}
