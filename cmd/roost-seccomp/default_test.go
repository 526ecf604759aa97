//go:build cgo

package main

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/seccomp"
)

func shipped(t testing.TB) (raw []byte, s specs.LinuxSeccomp) {
	t.Helper()
	raw, err := os.ReadFile("../../contrib/seccomp/default.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return raw, s
}

// TestShippedNames: every name is in one rule, in order, and all that the runtime and a C library need first is allowed.
func TestShippedNames(t *testing.T) {
	_, s := shipped(t)
	rules := make(map[string]int)
	var allowed []string
	for i, r := range s.Syscalls {
		if !slices.IsSorted(r.Names) {
			t.Errorf("syscalls[%d]: not in order", i)
		}
		for _, name := range r.Names {
			if first, ok := rules[name]; ok && len(r.Args) == 0 {
				t.Errorf("%s: in syscalls[%d] and [%d]", name, first, i)
			}
			rules[name] = i
		}
		if r.Action == specs.ActAllow && len(r.Args) == 0 {
			allowed = append(allowed, r.Names...)
		}
	}
	if len(rules) < 441 {
		t.Errorf("%d names", len(rules))
	}
	for _, name := range []string{"execve", "capset", "prctl", "write", "sendmsg", "close", "exit_group", "mmap", "brk", "rt_sigreturn", "rseq", "arch_prctl", "set_tid_address", "futex"} {
		if !slices.Contains(allowed, name) {
			t.Errorf("%s is not allowed", name)
		}
	}
}

// TestShippedKnown: the profile says something of every system call that the library here knows the name of, on the architectures
// that it is for.
func TestShippedKnown(t *testing.T) {
	_, s := shipped(t)
	named := make(map[string]bool)
	for _, r := range s.Syscalls {
		for _, name := range r.Names {
			named[name] = true
		}
	}
	for _, arch := range []libseccomp.ScmpArch{libseccomp.ArchAMD64, libseccomp.ArchX86, libseccomp.ArchX32, libseccomp.ArchARM64, libseccomp.ArchARM} {
		for n := range libseccomp.ScmpSyscall(600) {
			bit := libseccomp.ScmpSyscall(0)
			if arch == libseccomp.ArchX32 {
				bit = x32Bit
			}
			if name, err := (n | bit).GetNameByArch(arch); err == nil && !named[name] {
				t.Errorf("%v: nothing about %s", arch, name)
			}
		}
	}
}

func TestShippedDecisions(t *testing.T) {
	raw, _ := shipped(t)
	f := made(t, string(raw))
	if f.Flags != seccomp.FlagSpecAllow || f.Count() > seccomp.MaxInsns/2 {
		t.Errorf("%d instructions, flags %#x", f.Count(), f.Flags)
	}
	const eperm, enoent = errno | uint32(unix.EPERM), enosys
	for _, c := range []struct {
		name string
		args []uint64
		want uint32
	}{
		{"read", nil, allow},
		{"execve", nil, allow},
		{"clone", []uint64{uint64(unix.SIGCHLD)}, allow},
		{"clone", []uint64{unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD}, allow},
		{"clone", []uint64{unix.CLONE_NEWUSER}, eperm},
		{"clone", []uint64{unix.CLONE_NEWNS | uint64(unix.SIGCHLD)}, eperm},
		{"clone", []uint64{unix.CLONE_NEWCGROUP}, eperm},
		{"clone3", nil, enoent},
		{"personality", []uint64{0}, allow},
		{"personality", []uint64{8}, allow},
		{"personality", []uint64{0xffffffff}, allow},
		{"personality", []uint64{0x40000}, eperm}, // ADDR_NO_RANDOMIZE
		{"socket", []uint64{unix.AF_INET}, allow},
		{"socket", []uint64{unix.AF_VSOCK}, eperm},
		{"mount", nil, eperm},
		{"unshare", nil, eperm},
		{"bpf", nil, eperm},
		{"io_uring_setup", nil, enoent},
		{"vserver", nil, enoent},
	} {
		for _, a := range []struct {
			arch    libseccomp.ScmpArch
			machine uint32
		}{{libseccomp.ArchAMD64, x64}, {libseccomp.ArchX86, x86}, {libseccomp.ArchX32, x64}} {
			n, err := libseccomp.GetSyscallFromNameByArch(c.name, a.arch)
			if err != nil || n < 0 {
				continue
			}
			in := call{machine: a.machine, nr: uint32(n)}
			copy(in.args[:], c.args)
			if got := simulate(t, f.Insns, in); got != c.want {
				t.Errorf("%v %s%v: %#x, want %#x", a.arch, c.name, c.args, got, c.want)
			}
		}
	}
}
