package spec

import (
	encoding "encoding/binary"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// FuzzMappings holds the search for ranges that overlap against looking at each two of them.
func FuzzMappings(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 3, 232, 0, 0, 0, 1})
	f.Add(slices.Repeat([]byte{0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3}, 2))
	f.Add(slices.Repeat([]byte{255}, 12))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var list []specs.LinuxIDMapping
		for ; len(raw) >= 12 && len(list) < 50; raw = raw[12:] {
			n := func(i int) uint32 { return encoding.BigEndian.Uint32(raw[i:]) }
			list = append(list, specs.LinuxIDMapping{ContainerID: n(0), HostID: n(4), Size: n(8)})
		}
		sound := true
		for i, a := range list {
			sound = sound && a.Size > 0 && !beyond(a.ContainerID, a.Size) && !beyond(a.HostID, a.Size)
			for _, b := range list[:i] {
				meet := func(a, b, sizeA, sizeB uint32) bool {
					return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
				}
				sound = sound && !meet(a.ContainerID, b.ContainerID, a.Size, b.Size) && !meet(a.HostID, b.HostID, a.Size, b.Size)
			}
		}
		var r report
		r.mappings("m", list)
		if (len(r.problems) == 0) != sound {
			t.Errorf("%v: %v", list, r.problems)
		}
	})
}

// FuzzSeccomp compares the decoder of the seccomp section with encoding/json, and what is written with what was read.
func FuzzSeccomp(f *testing.F) {
	for _, raw := range []string{
		`{"defaultAction":"SCMP_ACT_ALLOW"}`,
		`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"architectures":["SCMP_ARCH_X86_64"],"flags":["x"],"listenerPath":"/a","listenerMetadata":"b"}`,
		`{"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","errnoRet":1,"args":[{"index":0,"value":1,"valueTwo":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}`,
		`{"syscalls":[{"names":null,"args":null}],"flags":null}`, `{"syscalls":[null]}`, `[]`, `{`, ``,
	} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := DecodeSeccomp(raw)
		if err != nil {
			return
		}
		var anything any
		want := &specs.LinuxSeccomp{}
		if err := json.Unmarshal(raw, &anything); err != nil {
			t.Fatal(err)
		}
		if !otherCase(anything) {
			if err := json.Unmarshal(raw, want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		}
		again, err := DecodeSeccomp(EncodeSeccomp(got))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzWords is for the small languages: names of kernel parameters and devices, lists of CPUs.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"net.ipv4.conf.eth0/1.forwarding", "kernel/sem", "a..b", "../x", "0-3,7", " 1 ,,", "8191", "eth0", "eth%d", "é", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, ok := SysctlPath(s); ok && (path.Clean("/"+p) != "/"+p || hasNUL(p) || !strings.Contains(p, "/")) {
			t.Errorf("%q may leave /proc/sys: %q", s, p)
		}
		for _, r := range CPUs(s) {
			if r.First > r.Last || r.Last >= maxCPUs {
				t.Errorf("%q: %v", s, r)
			}
		}
		if deviceName(s) == "" && (len(s) > maxDeviceName || strings.ContainsAny(s, "/:\x00 \n") || s == ".." || s == "") {
			t.Errorf("%q", s)
		}
	})
}
