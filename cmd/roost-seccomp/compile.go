//go:build cgo

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	libseccomp "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/seccomp"
)

// compile makes a filter of a section. Problems are the section's, err is everything else.
func compile(raw []byte) (f *seccomp.Filter, bad notes, err error) {
	p, bad := read(raw)
	if len(bad) > 0 {
		return nil, bad, nil
	}
	insns, bad, err := p.translate()
	if err != nil || len(bad) > 0 {
		return nil, bad, err
	}
	insns = shrink(insns)
	if n := len(insns); n > seccomp.MaxInsns {
		bad.add("", "makes a filter of %d instructions, where the kernel takes %d; have fewer rules, conditions or architectures", n, seccomp.MaxInsns)
		return nil, bad, nil
	}
	return &seccomp.Filter{Insns: bytesOf(insns), Flags: p.flags, ListenerPath: p.listenerPath, ListenerMetadata: p.listenerMetadata}, nil, nil
}

// translate has libseccomp make the filter.
func (p *profile) translate() (insns []unix.SockFilter, bad notes, err error) {
	filter, err := libseccomp.NewFilter(libraryAction(p.byDefault))
	if err != nil {
		return nil, nil, fmt.Errorf("libseccomp: %w", err)
	}
	defer filter.Release()
	native, err := libseccomp.GetNativeArch()
	if err != nil {
		return nil, nil, fmt.Errorf("libseccomp: %w", err)
	}
	archs := []libseccomp.ScmpArch{native} // of every filter: or the process could not even be executed
	for i, name := range p.archs {
		arch, err := addArch(filter, name)
		if err != nil {
			bad.add(fmt.Sprintf("architectures[%d]", i), "%s: %v; leave it out", name, err)
			continue
		}
		if !slices.Contains(archs, arch) {
			archs = append(archs, arch)
		}
	}
	// A tree over the numbers of system calls, which shrink makes smaller: the kernel goes through the filter once for each of them
	// when it is installed. Libraries before 2.5 have lists only.
	_ = filter.SetOptimize(2)
	for _, r := range p.rules {
		if err := addRule(filter, p.byDefault, r); err != nil {
			bad.add(r.path, "%s with %s: %v", r.name, r.action.kind, err)
		}
	}
	if len(bad) > 0 {
		return nil, bad, nil
	}
	if insns, err = export(filter); err == nil && p.denies() {
		insns = append(tooNew(p.newest(archs)), insns...)
	}
	return insns, nil, err
}

// libraryAction is the action in libseccomp's words; read has seen to it that it is one of these.
func libraryAction(a action) libseccomp.ScmpAction {
	switch a.kind {
	case specs.ActKillThread:
		return libseccomp.ActKillThread
	case specs.ActKillProcess:
		return libseccomp.ActKillProcess
	case specs.ActTrap:
		return libseccomp.ActTrap
	case specs.ActErrno:
		return libseccomp.ActErrno.SetReturnCode(int16(a.code))
	case specs.ActTrace:
		return libseccomp.ActTrace.SetReturnCode(int16(a.code))
	case specs.ActAllow:
		return libseccomp.ActAllow
	case specs.ActLog:
		return libseccomp.ActLog
	case specs.ActNotify:
		return libseccomp.ActNotify
	}
	return libseccomp.ActInvalid
}

func libraryOperator(op specs.LinuxSeccompOperator) libseccomp.ScmpCompareOp {
	switch op {
	case specs.OpNotEqual:
		return libseccomp.CompareNotEqual
	case specs.OpLessThan:
		return libseccomp.CompareLess
	case specs.OpLessEqual:
		return libseccomp.CompareLessOrEqual
	case specs.OpEqualTo:
		return libseccomp.CompareEqual
	case specs.OpGreaterEqual:
		return libseccomp.CompareGreaterEqual
	case specs.OpGreaterThan:
		return libseccomp.CompareGreater
	case specs.OpMaskedEqual:
		return libseccomp.CompareMaskedEqual
	}
	return libseccomp.CompareInvalid
}

// libraryArch is the architecture by its name in a profile, which is the library's, longer.
func libraryArch(name specs.Arch) (libseccomp.ScmpArch, error) {
	word := strings.ToLower(strings.TrimPrefix(string(name), "SCMP_ARCH_"))
	return libseccomp.GetArchFromString(word)
}

func addArch(filter *libseccomp.ScmpFilter, name specs.Arch) (libseccomp.ScmpArch, error) {
	arch, err := libraryArch(name)
	if err == nil {
		err = filter.AddArch(arch)
	}
	switch {
	case errors.Is(err, unix.EDOM):
		err = errors.New("of the other byte order than this machine")
	case err != nil:
		err = fmt.Errorf("the libseccomp here does not know it: %w", err)
	}
	return arch, err
}

// addRule adds what is not the default anyway. A name that the library does not know is passed over: profiles are written for
// more machines and kernels than one (config-linux.md).
func addRule(filter *libseccomp.ScmpFilter, byDefault action, r rule) error {
	if r.action == byDefault {
		return nil
	}
	call, err := libseccomp.GetSyscallFromName(r.name)
	if err != nil {
		return nil
	}
	if len(r.conds) == 0 {
		return inWords(filter.AddRule(call, libraryAction(r.action)))
	}
	var conds []libseccomp.ScmpCondition
	for _, c := range r.conds {
		// The mask comes first, libseccomp(3).
		cond, err := libseccomp.MakeCondition(c.Index, libraryOperator(c.Op), c.Value, c.ValueTwo)
		if err != nil {
			return err
		}
		conds = append(conds, cond)
	}
	return inWords(filter.AddRuleConditional(call, libraryAction(r.action), conds))
}

func inWords(err error) error {
	switch {
	case errors.Is(err, unix.EEXIST):
		return errors.New("another rule has the same condition and another action; take one of them out")
	case errors.Is(err, unix.EOPNOTSUPP):
		return errors.New("this kernel, or the libseccomp here, does not know the action")
	}
	return err
}

// export is the finished filter. The library writes to a descriptor; to memory only in versions that are too new.
func export(filter *libseccomp.ScmpFilter) ([]unix.SockFilter, error) {
	fd, err := unix.MemfdCreate("filter", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "filter")
	defer f.Close()
	if err := filter.ExportBPF(f); err != nil {
		return nil, fmt.Errorf("libseccomp: export the filter: %w", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(f)
	return parse(raw), err
}
