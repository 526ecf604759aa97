package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// findArea is scratch space of find.
type findArea struct{ stat unix.Statx_t }

const findSize = int(unsafe.Sizeof(findArea{}))

// atCwd is AT_FDCWD as a register.
const atCwd = ^uintptr(99)

// find is the search of execvp(3): the first of the paths that is a file and may be executed.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func find(base unsafe.Pointer, h *header, s *step) (uintptr, syscall.Errno) {
	f := (*findArea)(at(base, h, s, 2))
	worst := syscall.ENOENT
	for k := uintptr(0); k < arg(base, h, s, 1); k++ {
		path := *(*uintptr)(unsafe.Add(at(base, h, s, 0), k*unsafe.Sizeof(uintptr(0))))
		e := executable(h, path, f)
		if e == 0 {
			return path, 0
		}
		if e != syscall.ENOENT && e != syscall.ENOTDIR {
			worst = e
		}
	}
	return 0, worst
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func executable(h *header, path uintptr, f *findArea) syscall.Errno {
	h.args[0], h.args[1], h.args[2] = atCwd, path, 0
	h.args[3], h.args[4] = unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(&f.stat))
	if _, e := sys(h, unix.SYS_STATX); e != 0 {
		return e
	}
	switch f.stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return syscall.EISDIR
	default:
		return syscall.EACCES
	}
	h.args[0], h.args[1], h.args[2], h.args[3] = atCwd, path, unix.X_OK, unix.AT_EACCESS
	_, e := sys(h, unix.SYS_FACCESSAT2)
	return e
}
