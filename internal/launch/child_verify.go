package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// verifyArea is scratch space of verify.
type verifyArea struct {
	stat  unix.Statx_t
	fs    unix.Statfs_t
	cwd   [pathMax]byte
	empty [8]byte
}

const verifySize = int(unsafe.Sizeof(verifyArea{}))

// verify looks at what a descriptor really is: a name in a container proves nothing.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func verify(base unsafe.Pointer, h *header, s *step) syscall.Errno {
	v := (*verifyArea)(at(base, h, s, 3))
	fd, value := arg(base, h, s, 0), uint64(arg(base, h, s, 2))
	ok := false
	var e syscall.Errno
	switch arg(base, h, s, 1) {
	case IsCharDevice:
		e = statx(h, fd, unsafe.Pointer(&v.empty), &v.stat)
		ok = v.stat.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(v.stat.Rdev_major<<20|v.stat.Rdev_minor) == value
	case IsBlockDevice:
		e = statx(h, fd, unsafe.Pointer(&v.empty), &v.stat)
		ok = v.stat.Mode&unix.S_IFMT == unix.S_IFBLK && uint64(v.stat.Rdev_major<<20|v.stat.Rdev_minor) == value
	case IsFIFO:
		e = statx(h, fd, unsafe.Pointer(&v.empty), &v.stat)
		ok = v.stat.Mode&unix.S_IFMT == unix.S_IFIFO
	case IsDirectory:
		e = statx(h, fd, unsafe.Pointer(&v.empty), &v.stat)
		ok = v.stat.Mode&unix.S_IFMT == unix.S_IFDIR
	case OnFilesystem:
		e = fstatfs(h, fd, &v.fs)
		ok = uint32(v.fs.Type) == uint32(value)
	case OffFilesystem:
		e = fstatfs(h, fd, &v.fs)
		ok = uint32(v.fs.Type) != uint32(value)
	case CwdInside:
		// A directory outside of our root reads as "(unreachable)/…", man 2 getcwd; CVE-2024-21626 came in that way.
		h.args[0], h.args[1] = uintptr(unsafe.Pointer(&v.cwd)), pathMax
		_, e = sys(h, unix.SYS_GETCWD)
		ok = v.cwd[0] == '/'
	}
	if e == 0 && !ok {
		e = syscall.EXDEV
	}
	return e
}
