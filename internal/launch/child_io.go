package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tell sends one message. A write of this size is atomic on the socket and on a FIFO.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func tell(h *header, kind, i, errno uint32, value uint64) syscall.Errno {
	h.out.kind = kind
	h.out.step = i
	h.out.errno = errno
	h.out.value = value
	return writeAll(h, uintptr(h.status), uintptr(unsafe.Pointer(&h.out)), uintptr(messageSize))
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func writeAll(h *header, fd, buf, n uintptr) syscall.Errno {
	for n > 0 {
		h.args[0], h.args[1], h.args[2] = fd, buf, n
		r, e := sys(h, unix.SYS_WRITE)
		if e == syscall.EINTR {
			continue
		}
		if e != 0 {
			return e
		}
		if r == 0 {
			return syscall.EIO
		}
		buf += r
		n -= r
	}
	return 0
}

// synchronize says where we are and waits for the parent's word. When the parent is gone there is nothing left to be set up
// for: ECANCELED.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func synchronize(base unsafe.Pointer, h *header, s *step, i uint32) syscall.Errno {
	h.out.kind = msgSync
	h.out.step = i
	h.out.sync = uint32(arg(base, h, s, 0))
	h.iov[0] = iovec{uintptr(unsafe.Pointer(&h.out)), uintptr(messageSize)}
	h.msg.iov = uintptr(unsafe.Pointer(&h.iov))
	h.msg.iovlen = 1
	h.msg.control = 0
	h.msg.controllen = 0
	enclose(base, h, s)
	if e := transfer(h, unix.SYS_SENDMSG, unix.MSG_NOSIGNAL); e != 0 {
		return e
	}
	h.iov[0].base = uintptr(unsafe.Pointer(&h.in))
	h.iov[1] = iovec{uintptr(at(base, h, s, 3)), arg(base, h, s, 4)}
	h.msg.iovlen = 2
	h.msg.control = 0
	h.msg.controllen = 0
	h.in.kind = 0
	if e := transfer(h, unix.SYS_RECVMSG, 0); e != 0 {
		return e
	}
	if h.in.kind != msgGo {
		return syscall.ECANCELED
	}
	return 0
}

// enclose adds the descriptors in the listed slots to the message. Slots that hold ^0 have none.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func enclose(base unsafe.Pointer, h *header, s *step) {
	list := at(base, h, s, 1)
	c := (*cmsghdr)(unsafe.Pointer(&h.control))
	fds := unsafe.Add(unsafe.Pointer(&h.control), unsafe.Sizeof(cmsghdr{}))
	count := uintptr(0)
	for k := uintptr(0); k < arg(base, h, s, 2); k++ {
		slot := uintptr(*(*uint32)(unsafe.Add(list, 4*k)))
		v := *(*uint64)(unsafe.Add(base, uintptr(h.slots)+8*slot))
		if v == ^uint64(0) {
			continue
		}
		*(*int32)(unsafe.Add(fds, 4*count)) = int32(v)
		count++
	}
	if count == 0 {
		return
	}
	c.level = unix.SOL_SOCKET
	c.kind = unix.SCM_RIGHTS
	c.length = unsafe.Sizeof(cmsghdr{}) + 4*count
	h.msg.control = uintptr(unsafe.Pointer(&h.control))
	h.msg.controllen = c.length
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func transfer(h *header, nr, flags uintptr) syscall.Errno {
	for {
		h.args[0], h.args[1], h.args[2] = uintptr(h.status), uintptr(unsafe.Pointer(&h.msg)), flags
		if _, e := sys(h, nr); e != syscall.EINTR {
			return e
		}
	}
}
