package sys

import "golang.org/x/sys/unix"

// Unknown makes a system call with null pointers and descriptors that are none, for its errno: ENOSYS where the kernel, or a filter
// in front of it, does not know the call. It must be one that such arguments cannot make succeed.
func Unknown(nr uintptr, args [6]uintptr) error {
	_, _, errno := unix.Syscall6(nr, args[0], args[1], args[2], args[3], args[4], args[5])
	if errno == 0 {
		return nil
	}
	return errno
}
