package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sendFile sends a text and a descriptor with its first byte. The text's length comes before it: it is not known when the
// program is made.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func sendFile(base unsafe.Pointer, h *header, s *step) syscall.Errno {
	text := at(base, h, s, 2)
	left := uintptr(*(*uint64)(text))
	if left == 0 || left > arg(base, h, s, 3) {
		return syscall.EMSGSIZE
	}
	c := (*cmsghdr)(unsafe.Pointer(&h.control))
	c.level = unix.SOL_SOCKET
	c.kind = unix.SCM_RIGHTS
	c.length = unsafe.Sizeof(cmsghdr{}) + 4
	*(*int32)(unsafe.Add(unsafe.Pointer(&h.control), unsafe.Sizeof(cmsghdr{}))) = int32(arg(base, h, s, 1))
	h.iov[0] = iovec{uintptr(text) + 8, left}
	h.msg.iov = uintptr(unsafe.Pointer(&h.iov))
	h.msg.iovlen = 1
	h.msg.control = uintptr(unsafe.Pointer(&h.control))
	h.msg.controllen = c.length
	for left > 0 {
		h.args[0], h.args[1], h.args[2] = arg(base, h, s, 0), uintptr(unsafe.Pointer(&h.msg)), unix.MSG_NOSIGNAL
		n, e := sys(h, unix.SYS_SENDMSG)
		if e == syscall.EINTR {
			continue
		}
		if e != 0 {
			return e
		}
		h.msg.control, h.msg.controllen = 0, 0 // it has gone with what was sent
		h.iov[0].base += n
		h.iov[0].length -= n
		left -= n
	}
	return 0
}
