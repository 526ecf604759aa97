package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// modeArea is scratch space of likeness.
type modeArea struct {
	stat unix.Statx_t
	dot  [8]byte
}

const modeSize = int(unsafe.Sizeof(modeArea{}))

// likeness gives a directory the mode and, if asked, the owner of another. An owner that is not mapped is let be.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func likeness(base unsafe.Pointer, h *header, s *step) syscall.Errno {
	m := (*modeArea)(at(base, h, s, 3))
	m.dot[0] = 0
	if e := statx(h, arg(base, h, s, 0), unsafe.Pointer(&m.dot), &m.stat); e != 0 {
		return e
	}
	m.dot[0], m.dot[1] = '.', 0
	h.args[0], h.args[1] = arg(base, h, s, 1), uintptr(unsafe.Pointer(&m.dot))
	h.args[2], h.args[3] = unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0
	fd, e := sys(h, unix.SYS_OPENAT)
	if e != 0 {
		return e
	}
	if arg(base, h, s, 2) != 0 {
		h.args[0], h.args[1], h.args[2] = fd, uintptr(m.stat.Uid), uintptr(m.stat.Gid)
		if _, e = sys(h, SysFchown); e == syscall.EINVAL {
			e = 0
		}
	}
	if e == 0 {
		h.args[0], h.args[1] = fd, uintptr(m.stat.Mode&0o7777)
		_, e = sys(h, unix.SYS_FCHMOD)
	}
	closeFD(h, fd)
	return e
}
