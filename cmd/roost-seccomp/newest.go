//go:build cgo

package main

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// denies reports whether a system call that the profile does not name is kept from happening, without anybody being asked.
func (p *profile) denies() bool {
	switch p.byDefault.kind {
	case specs.ActAllow, specs.ActLog, specs.ActTrace, specs.ActNotify:
		return false
	case specs.ActErrno:
		return p.byDefault.code != uint16(unix.ENOSYS)
	}
	return true
}

// newest finds, for each architecture, the highest number that the profile names and the library knows: whoever wrote the profile
// knew the system calls up to there.
func (p *profile) newest(archs []libseccomp.ScmpArch) (list []limit) {
	calls := make(map[string]bool, len(p.rules))
	for _, r := range p.rules {
		calls[r.name] = true
	}
	for _, arch := range archs {
		machine, ok := machine(arch)
		if !ok {
			continue
		}
		l := limit{machine: machine, highest: -1}
		for name := range calls {
			n, err := libseccomp.GetSyscallFromNameByArch(name, arch)
			if err != nil || n < 0 { // a negative one is another architecture's
				continue
			}
			if arch == libseccomp.ArchARM && n >= armPrivate {
				continue
			}
			l.highest = max(l.highest, int64(n))
		}
		list = append(list, l)
	}
	return list
}

// machine is what the kernel calls an architecture, AUDIT_ARCH_* of linux/audit.h. x32 is x86_64 with another range of numbers.
func machine(arch libseccomp.ScmpArch) (uint32, bool) {
	switch arch {
	case libseccomp.ArchX86:
		return unix.AUDIT_ARCH_I386, true
	case libseccomp.ArchAMD64, libseccomp.ArchX32:
		return unix.AUDIT_ARCH_X86_64, true
	case libseccomp.ArchARM:
		return unix.AUDIT_ARCH_ARM, true
	case libseccomp.ArchARM64:
		return unix.AUDIT_ARCH_AARCH64, true
	case libseccomp.ArchMIPS:
		return unix.AUDIT_ARCH_MIPS, true
	case libseccomp.ArchMIPS64:
		return unix.AUDIT_ARCH_MIPS64, true
	case libseccomp.ArchMIPS64N32:
		return unix.AUDIT_ARCH_MIPS64N32, true
	case libseccomp.ArchMIPSEL:
		return unix.AUDIT_ARCH_MIPSEL, true
	case libseccomp.ArchMIPSEL64:
		return unix.AUDIT_ARCH_MIPSEL64, true
	case libseccomp.ArchMIPSEL64N32:
		return unix.AUDIT_ARCH_MIPSEL64N32, true
	case libseccomp.ArchPPC:
		return unix.AUDIT_ARCH_PPC, true
	case libseccomp.ArchPPC64:
		return unix.AUDIT_ARCH_PPC64, true
	case libseccomp.ArchPPC64LE:
		return unix.AUDIT_ARCH_PPC64LE, true
	case libseccomp.ArchS390:
		return unix.AUDIT_ARCH_S390, true
	case libseccomp.ArchS390X:
		return unix.AUDIT_ARCH_S390X, true
	case libseccomp.ArchPARISC:
		return unix.AUDIT_ARCH_PARISC, true
	case libseccomp.ArchPARISC64:
		return unix.AUDIT_ARCH_PARISC64, true
	case libseccomp.ArchRISCV64:
		return unix.AUDIT_ARCH_RISCV64, true
	case libseccomp.ArchLOONGARCH64:
		return unix.AUDIT_ARCH_LOONGARCH64, true
	case libseccomp.ArchM68K:
		return unix.AUDIT_ARCH_M68K, true
	case libseccomp.ArchSH:
		return unix.AUDIT_ARCH_SHEL, true
	case libseccomp.ArchSHEB:
		return unix.AUDIT_ARCH_SH, true
	}
	return 0, false
}
