//go:build !386 && !arm

package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// System calls with ids of 32 bits. On 386 and arm the calls of these names have ids of 16 bits (setgroups(2), "C library/kernel
// differences"), so programs use the names here: see abi_old.go.
const (
	SysFchown    = unix.SYS_FCHOWN
	SysSetgroups = unix.SYS_SETGROUPS
	SysSetresgid = unix.SYS_SETRESGID
	SysSetresuid = unix.SYS_SETRESUID
	sysFstatfs   = unix.SYS_FSTATFS
)

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func fstatfs(h *header, fd uintptr, to *unix.Statfs_t) syscall.Errno {
	h.args[0], h.args[1] = fd, uintptr(unsafe.Pointer(to))
	_, e := sys(h, sysFstatfs)
	return e
}
