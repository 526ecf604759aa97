//go:build !386 && !arm && !mips && !mipsle

package launch

import (
	"syscall"

	"golang.org/x/sys/unix"
)

const sysSeek = unix.SYS_LSEEK

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func seek(h *header, _ *copyArea, fd uintptr, offset uint64, whence uintptr) (uint64, syscall.Errno) {
	h.args[0], h.args[1], h.args[2] = fd, uintptr(offset), whence
	r, e := sys(h, sysSeek)
	return uint64(r), e
}
