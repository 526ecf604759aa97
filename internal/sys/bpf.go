package sys

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// BPFInsn is struct bpf_insn, linux/bpf.h. Regs are two registers in four bits each, see [BPFRegs].
type BPFInsn struct {
	Code uint8
	Regs uint8
	Off  int16
	Imm  int32
}

// BPFRegs packs the destination and the source as the kernel's bit fields do, which begin at the other end on big-endian machines.
func BPFRegs(dst, src uint8) uint8 {
	if binary.NativeEndian.Uint16([]byte{0, 1}) == 1 {
		return dst<<4 | src
	}
	return dst | src<<4
}

// LoadDeviceFilter loads a program of the type BPF_PROG_TYPE_CGROUP_DEVICE. Source: bpf(2).
func LoadDeviceFilter(insns []BPFInsn) (fd int, err error) {
	license := [...]byte{'A', 'p', 'a', 'c', 'h', 'e', 0}
	attr := struct { // the beginning of union bpf_attr
		kind, count    uint32
		insns, license uint64
		logLevel       uint32
		logSize        uint32
		logBuffer      uint64
	}{
		kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE, count: uint32(len(insns)),
		insns:   uint64(uintptr(unsafe.Pointer(unsafe.SliceData(insns)))),
		license: uint64(uintptr(unsafe.Pointer(&license))),
	}
	var n uintptr
	errno := unix.EAGAIN
	// The verifier gives up when a signal comes, as those with which Go makes its goroutines take turns.
	for try := 0; errno == unix.EAGAIN && try < 100; try++ {
		n, _, errno = unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	}
	keep(insns, &license)
	if errno != 0 {
		return -1, os.NewSyscallError("bpf BPF_PROG_LOAD", errno)
	}
	return int(n), nil
}

// AttachDeviceFilter puts a program in force for a cgroup, beside those of the cgroups above (BPF_F_ALLOW_MULTI).
func AttachDeviceFilter(program, cgroup int) error {
	attr := struct{ target, program, kind, flags uint32 }{uint32(cgroup), uint32(program), unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI}
	_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_ATTACH, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return os.NewSyscallError("bpf BPF_PROG_ATTACH", errno)
	}
	return nil
}

// keep keeps what the kernel was given as a number alive until after the call.
//
//go:noinline
func keep(...any) {}
