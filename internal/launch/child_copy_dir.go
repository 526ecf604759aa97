package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// enterFrame notes down which directory src is.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func enterFrame(h *header, c *copyArea) syscall.Errno {
	e := statFull(h, c, c.src, &c.again)
	f := frameAt(c, c.depth)
	f.ino = c.again.Ino
	f.mnt = c.again.Mnt_id
	f.dev = device(&c.again)
	f.next = 0
	f.length = c.length
	c.state = copyList
	return e
}

//go:nosplit
//go:norace
//go:nocheckptr
func frameAt(c *copyArea, n uintptr) *copyFrame {
	return (*copyFrame)(unsafe.Add(unsafe.Pointer(&c.frames), n*unsafe.Sizeof(copyFrame{})))
}

// openDots opens "." or ".." of a directory for reading.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func openDots(h *header, c *copyArea, dir uintptr, up bool) (uintptr, syscall.Errno) {
	c.dots[0] = '.'
	c.dots[1] = 0
	if up {
		c.dots[1] = '.'
	}
	h.args[0] = dir
	h.args[1] = uintptr(unsafe.Pointer(&c.dots))
	h.args[2] = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	h.args[3] = 0
	return sys(h, unix.SYS_OPENAT)
}

// statFull is statx of a descriptor, with what tells mounts apart.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func statFull(h *header, c *copyArea, fd uintptr, st *unix.Statx_t) syscall.Errno {
	h.args[0] = fd
	h.args[1] = uintptr(unsafe.Pointer(&c.empty))
	h.args[2] = unix.AT_EMPTY_PATH
	h.args[3] = unix.STATX_BASIC_STATS | unix.STATX_MNT_ID
	h.args[4] = uintptr(unsafe.Pointer(st))
	_, e := sys(h, unix.SYS_STATX)
	return e
}

//go:nosplit
//go:norace
func device(st *unix.Statx_t) uint64 { return uint64(st.Dev_major)<<32 | uint64(st.Dev_minor) }
