package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// ProbeSeccomp asks for a filter that is not there: nil where only that was wrong, and otherwise what is wrong with the flags or
// with this place. Source: seccomp(2); the flags are looked at before the filter.
func ProbeSeccomp(flags uint) error {
	const setModeFilter = 1
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, uintptr(flags), 0)
	if errno == unix.EFAULT {
		return nil
	}
	return os.NewSyscallError("seccomp", errno)
}
