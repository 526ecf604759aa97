package seccomp

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Actions are those that roost-seccomp knows, by their names in a profile.
func Actions() []string {
	return []string{
		string(specs.ActKill), string(specs.ActKillProcess), string(specs.ActKillThread), string(specs.ActTrap), string(specs.ActErrno),
		string(specs.ActTrace), string(specs.ActAllow), string(specs.ActLog), string(specs.ActNotify),
	}
}

// Operators are those that compare arguments.
func Operators() []string {
	return []string{
		string(specs.OpNotEqual), string(specs.OpLessThan), string(specs.OpLessEqual), string(specs.OpEqualTo),
		string(specs.OpGreaterEqual), string(specs.OpGreaterThan), string(specs.OpMaskedEqual),
	}
}

// Archs are the architectures that a profile may have. Which of them libseccomp knows depends on its version.
func Archs() []string {
	list := strings.Fields("X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE " +
		"S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB")
	for i, name := range list {
		list[i] = "SCMP_ARCH_" + name
	}
	return list
}

// A NamedFlag is a flag of a profile.
type NamedFlag struct {
	Name string
	Flag uint
}

// KnownFlags are all that a profile may have.
func KnownFlags() []NamedFlag {
	return []NamedFlag{
		{"SECCOMP_FILTER_FLAG_TSYNC", FlagTSync}, // runtime-spec 1.0
		{string(specs.LinuxSeccompFlagLog), FlagLog},
		{string(specs.LinuxSeccompFlagSpecAllow), FlagSpecAllow},
		{string(specs.LinuxSeccompFlagWaitKillableRecv), FlagWaitKillableRecv},
	}
}

// SupportedFlags are those that this kernel knows, too.
func SupportedFlags() (list []NamedFlag) {
	for _, f := range KnownFlags() {
		probe := f.Flag
		if probe == FlagWaitKillableRecv { // means something to a listener only
			probe |= FlagNewListener
		}
		if Supported(probe) == nil {
			list = append(list, f)
		}
	}
	return list
}
