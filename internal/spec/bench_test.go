package spec

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// What a start pays for its configuration: the document of `roost spec --rootless`.
func BenchmarkLoad(b *testing.B) {
	raw := Encode(Rootless(1000, 1000))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// engineSpec is of the size that an engine's are: ten more binds, annotations, resources, and a seccomp profile of 441 names.
func engineSpec() *specs.Spec {
	s := Default()
	limit := int64(2048)
	s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
	s.Annotations = map[string]string{}
	for i := range 10 {
		n := strconv.Itoa(i)
		s.Annotations["io.container.manager/key-"+n] = strings.Repeat("v", 40)
		s.Process.Env = append(s.Process.Env, "SERVICE_PORT_"+n+"=tcp://10.0.0.1:8080")
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/run/secrets/" + n, Type: "bind", Source: "/var/lib/containers/" + n, Options: []string{"rbind", "rprivate", "nosuid", "nodev", "ro"}})
	}
	profile := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}}
	for i := range 21 {
		rule := specs.LinuxSyscall{Action: specs.ActAllow}
		for k := range 21 {
			rule.Names = append(rule.Names, "system_call_"+strconv.Itoa(21*i+k))
		}
		if i > 10 {
			rule.Args = []specs.LinuxSeccompArg{{Index: 0, Value: 40, Op: specs.OpNotEqual}}
		}
		profile.Syscalls = append(profile.Syscalls, rule)
	}
	s.Linux.Seccomp = profile
	return s
}

// The seccomp section costs a scan and no more: without is the same configuration, decoded is what it would take to know the profile.
func BenchmarkLoadEngine(b *testing.B) {
	s := engineSpec()
	with := Encode(s)
	profile := EncodeSeccomp(s.Linux.Seccomp)
	s.Linux.Seccomp = nil
	without := Encode(s)
	for name, raw := range map[string][]byte{"with": with, "without": without} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				var r report // as Load, without the list of what is not implemented
				d := begin("config.json", string(raw), &r)
				s := &specs.Spec{}
				d.config(s)
				d.finish()
				if r.config(s); len(r.problems) > 0 {
					b.Fatal(r.problems)
				}
			}
		})
	}
	b.Run("section", func(b *testing.B) {
		b.SetBytes(int64(len(profile)))
		for b.Loop() {
			strictjson.New(string(profile)).Skip()
		}
	})
	b.Run("decoded", func(b *testing.B) {
		b.SetBytes(int64(len(profile)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeSeccomp(profile); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reflected", func(b *testing.B) {
		b.SetBytes(int64(len(profile)))
		b.ReportAllocs()
		for b.Loop() {
			if err := json.Unmarshal(profile, &specs.LinuxSeccomp{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What it would pay for encoding/json, warm; cold, building the type tables comes on top.
func BenchmarkReflection(b *testing.B) {
	raw := Encode(Rootless(1000, 1000))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if err := json.Unmarshal(raw, &specs.Spec{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	s := Rootless(1000, 1000)
	b.ReportAllocs()
	for b.Loop() {
		Encode(s)
	}
}

func BenchmarkParseOptions(b *testing.B) {
	options := []string{"rbind", "nosuid", "noexec", "nodev", "relatime", "ro", "rslave", "mode=755", "size=65536k"}
	b.ReportAllocs()
	for b.Loop() {
		ParseOptions(options)
	}
}
