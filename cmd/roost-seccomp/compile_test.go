//go:build cgo

package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/seccomp"
)

const x64, x86 = unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386

// all names the architectures that the tests below are about, so that they mean the same on every machine of their byte order.
const all = `"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"]`

func made(t *testing.T, section string) *seccomp.Filter {
	t.Helper()
	f, bad, err := compile([]byte(section))
	if err != nil || len(bad) > 0 {
		t.Fatalf("%s: %v %v", section, err, bad)
	}
	return f
}

func number(t *testing.T, name string, arch libseccomp.ScmpArch) uint32 {
	t.Helper()
	n, err := libseccomp.GetSyscallFromNameByArch(name, arch)
	if err != nil || n < 0 {
		t.Fatal(name, n, err)
	}
	return uint32(n)
}

func TestActions(t *testing.T) {
	nr := number(t, "getpid", libseccomp.ArchAMD64)
	other := number(t, "read", libseccomp.ArchAMD64)
	for name, c := range map[string]struct {
		words string
		want  uint32
	}{
		"kill":         {`"SCMP_ACT_KILL"`, killThread},
		"kill thread":  {`"SCMP_ACT_KILL_THREAD"`, killThread},
		"kill process": {`"SCMP_ACT_KILL_PROCESS"`, killProcess},
		"trap":         {`"SCMP_ACT_TRAP"`, trap},
		"errno":        {`"SCMP_ACT_ERRNO"`, errno | 1},
		"errno 0":      {`"SCMP_ACT_ERRNO","errnoRet":0`, errno},
		"errno 38":     {`"SCMP_ACT_ERRNO","errnoRet":38`, errno | 38},
		"errno 4094":   {`"SCMP_ACT_ERRNO","errnoRet":4094`, errno | 4094},
		"trace":        {`"SCMP_ACT_TRACE"`, trace | 1},
		"trace 65535":  {`"SCMP_ACT_TRACE","errnoRet":65535`, trace | 65535},
		"log":          {`"SCMP_ACT_LOG"`, logs},
		"notify":       {`"SCMP_ACT_NOTIFY"`, notify},
		"allow":        {`"SCMP_ACT_ALLOW"`, allow},
	} {
		f := made(t, fmt.Sprintf(`{"defaultAction":"SCMP_ACT_ALLOW",%s,"listenerPath":"/s","syscalls":[{"names":["getpid"],"action":%s}]}`, all, c.words))
		if got := simulate(t, f.Insns, call{machine: x64, nr: nr}); got != c.want {
			t.Errorf("%s: %#x, want %#x", name, got, c.want)
		}
		if got := simulate(t, f.Insns, call{machine: x64, nr: other}); got != allow {
			t.Errorf("%s: another call: %#x", name, got)
		}
		if notifies := f.Flags&seccomp.FlagNewListener != 0; notifies != (name == "notify") || notifies != (f.ListenerPath == "/s") {
			t.Errorf("%s: flags %#x, listener %q", name, f.Flags, f.ListenerPath)
		}
		// The same as a default.
		if name == "notify" {
			continue
		}
		words := strings.Replace(c.words, "errnoRet", "defaultErrnoRet", 1)
		f = made(t, fmt.Sprintf(`{"defaultAction":%s,%s,"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},{"names":["futex_waitv"],"action":"SCMP_ACT_ALLOW"}]}`, words, all))
		if got := simulate(t, f.Insns, call{machine: x64, nr: nr}); got != c.want {
			t.Errorf("%s as default: %#x, want %#x", name, got, c.want)
		}
		if got := simulate(t, f.Insns, call{machine: x64, nr: other}); got != allow {
			t.Errorf("%s as default: another call: %#x", name, got)
		}
		// And what is newer than the profile.
		want := c.want
		if name != "allow" && name != "log" && !strings.HasPrefix(name, "trace") {
			want = enosys
		}
		if got := simulate(t, f.Insns, call{machine: x64, nr: 500}); got != want {
			t.Errorf("%s as default: a new call: %#x, want %#x", name, got, want)
		}
	}
}

func TestOperators(t *testing.T) {
	nr := number(t, "dup3", libseccomp.ArchAMD64)
	const big = 1<<40 + 5
	for _, c := range []struct {
		args string
		want map[uint64]bool // of argument 1
	}{
		{`{"index":1,"value":5,"op":"SCMP_CMP_EQ"}`, map[uint64]bool{5: true, 4: false, big: false}},
		{`{"index":1,"value":1099511627781,"op":"SCMP_CMP_EQ"}`, map[uint64]bool{5: false, big: true}},
		{`{"index":1,"value":5,"op":"SCMP_CMP_NE"}`, map[uint64]bool{5: false, 4: true, big: true}},
		{`{"index":1,"value":5,"op":"SCMP_CMP_LT"}`, map[uint64]bool{5: false, 4: true, big: false}},
		{`{"index":1,"value":5,"op":"SCMP_CMP_LE"}`, map[uint64]bool{5: true, 6: false, 4: true, big: false}},
		{`{"index":1,"value":5,"op":"SCMP_CMP_GT"}`, map[uint64]bool{5: false, 6: true, big: true}},
		{`{"index":1,"value":5,"op":"SCMP_CMP_GE"}`, map[uint64]bool{5: true, 4: false, big: true}},
		{`{"index":1,"value":6,"valueTwo":4,"op":"SCMP_CMP_MASKED_EQ"}`, map[uint64]bool{4: true, 5: true, 12: true, 6: false, 2: false}},
		{`{"index":1,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}`, map[uint64]bool{1<<64 - 1: true, 1<<32 - 1: false}},
		// Several for one argument: one is enough. For several arguments: all.
		{`{"index":1,"value":5,"op":"SCMP_CMP_EQ"},{"index":1,"value":7,"op":"SCMP_CMP_EQ"}`, map[uint64]bool{5: true, 7: true, 6: false}},
		{`{"index":1,"value":5,"op":"SCMP_CMP_EQ"},{"index":0,"value":0,"op":"SCMP_CMP_EQ"}`, map[uint64]bool{5: true, 7: false}},
		{`{"index":1,"value":5,"op":"SCMP_CMP_EQ"},{"index":0,"value":1,"op":"SCMP_CMP_EQ"}`, map[uint64]bool{5: false, 7: false}},
	} {
		f := made(t, fmt.Sprintf(`{"defaultAction":"SCMP_ACT_ALLOW",%s,"syscalls":[{"names":["dup3"],"action":"SCMP_ACT_TRAP","args":[%s]}]}`, all, c.args))
		for value, trapped := range c.want {
			got := simulate(t, f.Insns, call{machine: x64, nr: nr, args: [6]uint64{0, value}})
			if want := map[bool]uint32{true: trap, false: allow}[trapped]; got != want {
				t.Errorf("%s of %d: %#x, want %#x", c.args, value, got, want)
			}
		}
	}
}

func TestArchitectures(t *testing.T) {
	section := func(archs string) string {
		return `{"defaultAction":"SCMP_ACT_ERRNO","architectures":[` + archs + `],"syscalls":[{"names":["getpid","futex_waitv"],"action":"SCMP_ACT_ALLOW"}]}`
	}
	one, two, three := made(t, section(`"SCMP_ARCH_X86_64"`)), made(t, section(`"SCMP_ARCH_X86_64","SCMP_ARCH_X86"`)), made(t, section(`"SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"`))
	p64, p86, p32 := number(t, "getpid", libseccomp.ArchAMD64), number(t, "getpid", libseccomp.ArchX86), number(t, "getpid", libseccomp.ArchX32)
	for _, c := range []struct {
		name    string
		machine uint32
		nr      uint32
		want    [3]uint32
	}{
		{"getpid of x86_64", x64, p64, [3]uint32{allow, allow, allow}},
		{"getpid of x86", x86, p86, [3]uint32{killThread, allow, allow}},
		{"getpid of x32", x64, p32, [3]uint32{killThread, killThread, allow}},
		{"another of x86", x86, p86 + 1, [3]uint32{killThread, errno | 1, errno | 1}},
		{"another of x32", x64, p32 + 2, [3]uint32{killThread, killThread, errno | 1}},
		{"new on x86_64", x64, 500, [3]uint32{enosys, enosys, enosys}},
		{"new on x86", x86, 500, [3]uint32{killThread, enosys, enosys}},
		{"new on x32", x64, x32Bit | 900, [3]uint32{killThread, killThread, enosys}},
		{"another machine", unix.AUDIT_ARCH_S390X, 20, [3]uint32{killThread, killThread, killThread}},
	} {
		for i, f := range []*seccomp.Filter{one, two, three} {
			if got := simulate(t, f.Insns, call{machine: c.machine, nr: c.nr}); got != c.want[i] {
				t.Errorf("%s, %d architectures: %#x, want %#x", c.name, i+1, got, c.want[i])
			}
		}
	}
}

// The library of this machine knows the architectures of its age.
func TestArchitectureNames(t *testing.T) {
	for _, name := range seccomp.Archs() {
		if _, err := libraryArch(specs.Arch(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"AARCH64", "ARM", "RISCV64", "PPC64LE", "MIPSEL64"} {
		made(t, `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_`+name+`"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}`)
	}
}

func TestFlags(t *testing.T) {
	for flags, want := range map[string]uint{
		``:                                       seccomp.FlagSpecAllow,
		`"flags":null,`:                          seccomp.FlagSpecAllow,
		`"flags":[],`:                            0,
		`"flags":["SECCOMP_FILTER_FLAG_TSYNC"],`: seccomp.FlagTSync,
		`"flags":["SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_SPEC_ALLOW"],`: seccomp.FlagLog | seccomp.FlagSpecAllow,
		`"flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],`:                   0, // nobody receives
	} {
		if f := made(t, `{`+flags+`"defaultAction":"SCMP_ACT_ALLOW"}`); f.Flags != want {
			t.Errorf("%s: %#x, want %#x", flags, f.Flags, want)
		}
	}
}

// What one section names is not what libseccomp knows: nothing is wrong with it.
func TestUnknownNames(t *testing.T) {
	f := made(t, `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","no_such_call","mount_everything"],"action":"SCMP_ACT_ALLOW"}]}`)
	if len(f.Insns) == 0 {
		t.Error("no filter")
	}
}

func TestSmallest(t *testing.T) {
	f := made(t, `{"defaultAction":"SCMP_ACT_ALLOW"}`)
	if f.Flags != seccomp.FlagSpecAllow {
		t.Errorf("%#x", f.Flags)
	}
	native, err := libseccomp.GetNativeArch()
	if err != nil {
		t.Fatal(err)
	}
	machine, _ := machine(native)
	if got := simulate(t, f.Insns, call{machine: machine, nr: 1}); got != allow {
		t.Errorf("%#x", got)
	}
}

// What a rule says again is nothing new.
func TestSameAsDefault(t *testing.T) {
	made(t, `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO"},{"names":["write"],"action":"SCMP_ACT_ERRNO","errnoRet":1}]}`)
}

func TestNotify(t *testing.T) {
	f := made(t, `{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/run/agent","listenerMetadata":"x",`+all+`,"flags":["SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
		"syscalls":[{"names":["sendmsg"],"action":"SCMP_ACT_ALLOW"}]}`)
	if got := simulate(t, f.Insns, call{machine: x64, nr: 59}); got != notify { // whoever decides about all wants to see all
		t.Errorf("%#x", got)
	}
	if f.Flags != seccomp.FlagNewListener|seccomp.FlagWaitKillableRecv || f.ListenerPath != "/run/agent" || f.ListenerMetadata != "x" {
		t.Errorf("%+v", f)
	}
}

func TestProblems(t *testing.T) {
	for section, want := range map[string][]string{
		``:   {"linux.seccomp: empty"},
		`[]`: {"linux.seccomp: not a JSON object"},
		`{"defaultAction":5,"syscalls":[{"names":[3],"action":"SCMP_ACT_ALLOW"}]}`: {"linux.seccomp.defaultAction: is a number", "linux.seccomp.syscalls[0].names[0]: is a number"},
		`{}`: {"linux.seccomp.defaultAction: missing"},
		`{"defaultAction":"SCMP_ACT_DENY","architectures":["SCMP_ARCH_X86_64","AMD64"],"flags":["SECCOMP_FILTER_FLAG_NEW_LISTENER"],
			"syscalls":[{"names":[],"action":"ALLOW"},{"names":["read",""],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"op":"SCMP_CMP_EQ"},{"index":0,"op":"=="}]}]}`: {
			`linux.seccomp.defaultAction: "SCMP_ACT_DENY" is no action`, `linux.seccomp.architectures[1]: "AMD64" is no architecture`,
			`linux.seccomp.syscalls[0].action: "ALLOW" is no action`, `linux.seccomp.syscalls[0].names: empty`,
			`linux.seccomp.syscalls[1].args[0].index: 6`, `linux.seccomp.syscalls[1].args[1].op: "==" is no operator`,
			`linux.seccomp.syscalls[1].names[1]: "" is no name`, `linux.seccomp.flags[0]: "SECCOMP_FILTER_FLAG_NEW_LISTENER" is no flag`,
		},
		`{"defaultAction":"SCMP_ACT_ALLOW","defaultErrnoRet":1}`: {"linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW returns no errno"},
		`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4095,"syscalls":[{"names":["read"],"action":"SCMP_ACT_KILL","errnoRet":1},{"names":["read"],"action":"SCMP_ACT_TRACE","errnoRet":65536}]}`: {
			"linux.seccomp.defaultErrnoRet: 4095; must be at most 4094", "linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_KILL returns no errno", "linux.seccomp.syscalls[1].errnoRet: 65536; must be at most 65535",
		},
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["getpid"],"action":"SCMP_ACT_NOTIFY"}]}`:                                                              {"linux.seccomp.listenerPath: missing"},
		`{"defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"x"}`:                                                                                                    {"linux.seccomp.listenerMetadata: there is no listenerPath"},
		`{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"agent.sock"}`:                                                                                               {"linux.seccomp.listenerPath: \"agent.sock\" is not the absolute"},
		`{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/s","syscalls":[{"names":["getpid","sendmsg"],"action":"SCMP_ACT_NOTIFY"}]}`:                                {"linux.seccomp.syscalls[0].names[1]: the runtime sends"},
		`{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/s"}`:                                                                                                      {"linux.seccomp.defaultAction: the runtime sends"},
		`{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/s","syscalls":[{"names":["sendmsg"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"op":"SCMP_CMP_EQ"}]}]}`: {"linux.seccomp.defaultAction: the runtime sends"},
		`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]},
			{"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]}]}`: {"linux.seccomp.syscalls[1].names[0]: read with SCMP_ACT_KILL_THREAD: another rule"},
		`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_S390X"]}`: {"linux.seccomp.architectures[0]: SCMP_ARCH_S390X: of the other byte order"},
	} {
		var out, errs bytes.Buffer
		if code := run(nil, strings.NewReader(section), &out, &errs); code != 1 || out.Len() > 0 {
			t.Errorf("%s: status %d, %d bytes of output: %s", section, code, out.Len(), errs.String())
			continue
		}
		lines := strings.Split(strings.TrimSuffix(errs.String(), "\n"), "\n")
		if len(lines) != len(want) {
			t.Errorf("%s: %d problems, want %d:\n%s", section, len(lines), len(want), errs.String())
			continue
		}
		for i, line := range lines {
			if !strings.HasPrefix(line, want[i]) {
				t.Errorf("%s: %q, want %q", section, line, want[i])
			}
		}
	}
}

func TestBounds(t *testing.T) {
	if _, bad, _ := compile(bytes.Repeat([]byte(" "), seccomp.MaxSection+1)); len(bad) != 1 || !strings.Contains(bad[0], "more than 1048576 bytes") {
		t.Error(bad)
	}
	var rules []string
	for i := range 4200 {
		rules = append(rules, fmt.Sprintf(`{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"value":%d,"op":"SCMP_CMP_EQ"}]}`, i*3))
	}
	_, bad, err := compile([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[` + strings.Join(rules, ",") + `]}`))
	if err == nil && (len(bad) != 1 || !strings.Contains(bad[0], "where the kernel takes 4096")) {
		t.Error(bad)
	}
	rules = rules[:0]
	for range 300 {
		rules = append(rules, `{"names":["read"],"action":"X"}`)
	}
	_, bad, _ = compile([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[` + strings.Join(rules, ",") + `]}`))
	if len(bad) != 101 || !strings.Contains(bad[100], "and 200 more problems") {
		t.Error(len(bad))
	}
}

func TestCommand(t *testing.T) {
	var out, errs bytes.Buffer
	section := `{"defaultAction":"SCMP_ACT_ALLOW"}`
	if code := run(nil, strings.NewReader(section), &out, &errs); code != 0 || errs.Len() > 0 {
		t.Fatal(code, errs.String())
	}
	if f, raw, err := seccomp.Decode(out.Bytes()); err != nil || string(raw) != section || len(f.Insns) == 0 {
		t.Error(f, raw, err)
	}
	out.Reset()
	if code := run([]string{"--version"}, nil, &out, &errs); code != 0 || !strings.Contains(out.String(), "libseccomp: 2.") {
		t.Error(code, out.String())
	}
	if code := run([]string{"x"}, nil, &out, &errs); code != 2 || !strings.Contains(errs.String(), "usage:") {
		t.Error(code, errs.String())
	}
}
