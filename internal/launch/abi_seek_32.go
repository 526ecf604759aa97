//go:build 386 || arm || mips || mipsle

package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const sysSeek = unix.SYS__LLSEEK

// seek takes a file's offset in two halves, where registers have 32 bits.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func seek(h *header, c *copyArea, fd uintptr, offset uint64, whence uintptr) (uint64, syscall.Errno) {
	h.args[0], h.args[1], h.args[2] = fd, uintptr(offset>>32), uintptr(offset)
	h.args[3], h.args[4] = uintptr(unsafe.Pointer(&c.offset)), whence
	_, e := sys(h, sysSeek)
	return c.offset, e
}
