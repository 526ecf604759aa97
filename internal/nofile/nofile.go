package nofile

import "unsafe"

// limit is struct rlimit64 of prlimit(2): 64 bits on every architecture.
type limit struct{ soft, hard uint64 }

// original is static data rather than a variable of init, since its address is handed to the kernel as a number.
var original limit

// The one init that roost has: there is no later moment at which the limit can still be seen.
func init() {
	_, _, errno := rawSyscall6(sysPrlimit64, 0, rlimitNofile, 0, uintptr(unsafe.Pointer(&original)), 0, 0)
	if errno != 0 {
		original = limit{}
	}
}

// Original returns the soft and hard RLIMIT_NOFILE, in descriptors, that the process had before Go's own
// initialisation; ^uint64(0) is RLIM_INFINITY. A program that has since called [syscall.Setrlimit] on purpose
// has made this history. Both are 0 where the kernel would not say (a seccomp filter without prlimit64):
// then leave the limit of children alone. Source: prlimit(2), syscall/rlimit.go of Go.
func Original() (soft, hard uint64) { return original.soft, original.hard }

// rawSyscall6 is syscall.RawSyscall6, which Go keeps reachable ("push" linkname in syscall/syscall_linux.go). Linking to it
// is not importing it, so it adds nothing to the order of initialisation, and it uses no state of that package.
//
//go:linkname rawSyscall6 syscall.RawSyscall6
func rawSyscall6(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2, errno uintptr)
