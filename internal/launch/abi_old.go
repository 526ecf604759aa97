//go:build 386 || arm

package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// See abi.go.
const (
	SysFchown    = unix.SYS_FCHOWN32
	SysSetgroups = unix.SYS_SETGROUPS32
	SysSetresgid = unix.SYS_SETRESGID32
	SysSetresuid = unix.SYS_SETRESUID32
	sysFstatfs   = unix.SYS_FSTATFS64
)

// fstatfs fills what x/sys means by Statfs_t, struct statfs64. The old call refuses file systems whose size takes more than 32
// bits.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func fstatfs(h *header, fd uintptr, to *unix.Statfs_t) syscall.Errno {
	h.args[0], h.args[1], h.args[2] = fd, unsafe.Sizeof(*to), uintptr(unsafe.Pointer(to))
	_, e := sys(h, sysFstatfs)
	return e
}
