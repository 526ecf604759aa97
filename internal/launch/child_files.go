package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// placeFiles first moves the named descriptors out of the way of all fixed numbers, then to their own, then closes the rest:
// whatever else our process had open is no business of the container's.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func placeFiles(base unsafe.Pointer, h *header) syscall.Errno {
	for k := uintptr(0); k < uintptr(h.nfds); k++ {
		m := (*fdMove)(unsafe.Add(base, uintptr(h.fds)+k*unsafe.Sizeof(fdMove{})))
		if m.from < 0 {
			continue
		}
		h.args[0], h.args[1], h.args[2] = uintptr(m.from), unix.F_DUPFD_CLOEXEC, uintptr(h.floor)
		r, e := sys(h, unix.SYS_FCNTL)
		if e != 0 {
			return e
		}
		m.from = int32(r)
	}
	for k := uintptr(0); k < uintptr(h.nfds); k++ {
		m := (*fdMove)(unsafe.Add(base, uintptr(h.fds)+k*unsafe.Sizeof(fdMove{})))
		if m.from < 0 {
			closeFD(h, uintptr(m.to))
			continue
		}
		h.args[0], h.args[1], h.args[2] = uintptr(m.from), uintptr(m.to), uintptr(m.flags)
		if _, e := sys(h, unix.SYS_DUP3); e != 0 {
			return e
		}
	}
	h.args[0], h.args[1], h.args[2] = uintptr(h.floor), uintptr(^uint32(0)), 0
	_, e := sys(h, unix.SYS_CLOSE_RANGE)
	return e
}
