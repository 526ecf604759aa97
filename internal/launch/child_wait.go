package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waitArea is scratch space of waitFor.
type waitArea struct {
	process pollFD
	maker   pollFD
	limit   [2]uintptr // struct timespec
	status  int32
}

type pollFD struct { // struct pollfd
	fd      int32
	events  uint16
	revents uint16
}

const waitSize = int(unsafe.Sizeof(waitArea{}))

// forever is a wait without a deadline.
const forever = ^uintptr(0)

// waitFor awaits the end of the child pid by a pidfd, since a plain wait cannot have a deadline. For opFinish it also ends when
// nobody listens at the status socket any more, and leaves no child behind whichever way it ends.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func waitFor(base unsafe.Pointer, h *header, s *step) (uintptr, syscall.Errno) {
	w := (*waitArea)(at(base, h, s, 2))
	h.args[0], h.args[1] = arg(base, h, s, 0), 0
	fd, e := sys(h, unix.SYS_PIDFD_OPEN)
	if e != 0 {
		return 0, e
	}
	w.process.fd, w.process.events = int32(fd), unix.POLLIN
	w.maker.fd = -1
	if s.op == opFinish {
		w.maker.fd, w.maker.events = h.status, 0 // a hang-up is always told
	}
	e = poll(h, w, arg(base, h, s, 1))
	closeFD(h, fd)
	if s.op == opFinish && e != 0 {
		// The group of the name has to be asked for by a negative number, and is not there before the child made it.
		pid := arg(base, h, s, 0)
		for _, who := range [2]uintptr{-pid, pid} {
			h.args[0], h.args[1] = who, uintptr(syscall.SIGKILL)
			sys(h, unix.SYS_KILL)
		}
	} else if e != 0 {
		return 0, e
	}
	h.args[0], h.args[1], h.args[2], h.args[3] = arg(base, h, s, 0), uintptr(unsafe.Pointer(&w.status)), 0, 0
	_, gone := sys(h, unix.SYS_WAIT4) // does not block, or not for long
	if e == 0 {
		e = gone
	}
	return uintptr(uint32(w.status)), e
}

// poll waits for the process or the maker.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func poll(h *header, w *waitArea, millis uintptr) syscall.Errno {
	limit := uintptr(unsafe.Pointer(&w.limit))
	if millis == forever {
		limit = 0
	}
	w.limit[0], w.limit[1] = millis/1000, millis%1000*1000000
	for {
		h.args[0], h.args[1], h.args[2], h.args[3], h.args[4] = uintptr(unsafe.Pointer(w)), 2, limit, 0, 8
		ready, e := sys(h, unix.SYS_PPOLL) // counts limit down
		switch {
		case e == syscall.EINTR:
			continue
		case e != 0:
			return e
		case ready == 0:
			return syscall.ETIMEDOUT
		case w.process.revents == 0:
			return syscall.ECANCELED
		}
		return 0
	}
}
