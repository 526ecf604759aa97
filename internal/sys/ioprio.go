package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// SetIOPriority sets the I/O priority of a process (ioprio_set(2)): the class, shifted, and the level.
func SetIOPriority(pid int, priority uint32) error {
	const process = 1 // IOPRIO_WHO_PROCESS
	if _, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, process, uintptr(pid), uintptr(priority)); errno != 0 {
		return os.NewSyscallError("ioprio_set", errno)
	}
	return nil
}
