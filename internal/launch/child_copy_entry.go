package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// copyLooked opens an entry and sees what it is. What has vanished since it was listed was never there.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyLooked(h *header, c *copyArea) (e syscall.Errno) {
	c.state = copyList
	c.fd, e = openEntry(h, c, unix.O_PATH)
	switch e {
	case 0:
		e = statFull(h, c, c.fd, &c.stat)
	case syscall.ENOENT:
		return 0
	case syscall.EXDEV:
		return mountPointCopy(h, c)
	}
	if e != 0 {
		return e
	}
	switch c.stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		c.state = copyEnter
		return 0
	case unix.S_IFREG:
		c.state = copyOpen
	case unix.S_IFLNK:
		e = linkCopy(h, c)
	case unix.S_IFIFO:
		e = fifoCopy(h, c)
	default:
		c.left = true
	}
	closeFD(h, c.fd)
	return e
}

// openEntry opens a name in src, and nothing that it leads to.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func openEntry(h *header, c *copyArea, flags uintptr) (uintptr, syscall.Errno) {
	c.how[0] = uint64(flags | unix.O_NOFOLLOW | unix.O_CLOEXEC)
	c.how[1] = 0
	c.how[2] = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV
	h.args[0] = c.src
	h.args[1] = c.name
	h.args[2] = uintptr(unsafe.Pointer(&c.how))
	h.args[3] = 24
	return sys(h, unix.SYS_OPENAT2)
}

// mountPointCopy makes an empty directory for one that something is mounted on: what is mounted on a directory is one.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func mountPointCopy(h *header, c *copyArea) syscall.Errno {
	h.args[0] = c.src
	h.args[1] = c.name
	h.args[2] = unix.AT_SYMLINK_NOFOLLOW
	h.args[3] = unix.STATX_BASIC_STATS
	h.args[4] = uintptr(unsafe.Pointer(&c.stat))
	if _, e := sys(h, unix.SYS_STATX); e != 0 {
		return e
	}
	if c.stat.Mode&unix.S_IFMT != unix.S_IFDIR {
		c.left = true
		return 0
	}
	h.args[0] = c.dst
	h.args[1] = c.name
	h.args[2] = 0o755
	_, e := sys(h, unix.SYS_MKDIRAT)
	return e
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func linkCopy(h *header, c *copyArea) syscall.Errno {
	h.args[0] = c.fd
	h.args[1] = uintptr(unsafe.Pointer(&c.empty))
	h.args[2] = uintptr(unsafe.Pointer(&c.target))
	h.args[3] = pathMax - 1
	n, e := sys(h, unix.SYS_READLINKAT)
	if e != 0 {
		return e
	}
	*(*byte)(unsafe.Add(unsafe.Pointer(&c.target), n)) = 0
	h.args[0] = uintptr(unsafe.Pointer(&c.target))
	h.args[1] = c.dst
	h.args[2] = c.name
	if _, e = sys(h, unix.SYS_SYMLINKAT); e != 0 {
		return e
	}
	c.state = copyDress
	return 0
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func fifoCopy(h *header, c *copyArea) syscall.Errno {
	h.args[0] = c.dst
	h.args[1] = c.name
	h.args[2] = unix.S_IFIFO | uintptr(c.stat.Mode&0o7777)
	h.args[3] = 0
	if _, e := sys(h, unix.SYS_MKNODAT); e != 0 {
		return e
	}
	c.state = copyDress
	return 0
}

// copyDressed gives a name in dst, and nothing that it leads to, the owner and the times that are in c.stat. An owner that the
// user namespace has no number for stays root's.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyDressed(h *header, c *copyArea) syscall.Errno {
	c.state = copyList
	h.args[0] = c.dst
	h.args[1] = c.name
	h.args[2] = uintptr(c.stat.Uid)
	h.args[3] = uintptr(c.stat.Gid)
	h.args[4] = unix.AT_SYMLINK_NOFOLLOW
	_, e := sys(h, unix.SYS_FCHOWNAT)
	if e == syscall.EINVAL {
		c.left = true
	} else if e != 0 {
		return e
	}
	setTimes(c)
	h.args[0] = c.dst
	h.args[1] = c.name
	h.args[2] = uintptr(unsafe.Pointer(&c.times))
	h.args[3] = unix.AT_SYMLINK_NOFOLLOW
	_, e = sys(h, unix.SYS_UTIMENSAT)
	return e
}

// finishCopy gives c.out what is in c.stat. The owner comes first, since a change of it takes the set-id bits away.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func finishCopy(h *header, c *copyArea) syscall.Errno {
	h.args[0] = c.out
	h.args[1] = uintptr(c.stat.Uid)
	h.args[2] = uintptr(c.stat.Gid)
	_, e := sys(h, SysFchown)
	if e == syscall.EINVAL {
		c.left = true
	} else if e != 0 {
		return e
	}
	h.args[0] = c.out
	h.args[1] = uintptr(c.stat.Mode & 0o7777)
	if _, e = sys(h, unix.SYS_FCHMOD); e != 0 {
		return e
	}
	setTimes(c)
	h.args[0] = c.out
	h.args[1] = 0
	h.args[2] = uintptr(unsafe.Pointer(&c.times))
	h.args[3] = 0
	_, e = sys(h, unix.SYS_UTIMENSAT)
	return e
}

//go:nosplit
//go:norace
//go:noinline
func setTimes(c *copyArea) {
	c.times[0] = uintptr(c.stat.Atime.Sec)
	c.times[1] = uintptr(c.stat.Atime.Nsec)
	c.times[2] = uintptr(c.stat.Mtime.Sec)
	c.times[3] = uintptr(c.stat.Mtime.Nsec)
}

// appendName makes the path longer by the name and a slash. One that is too long is not used any more below there: its
// length is pathMax then.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func appendName(c *copyArea) {
	from := unsafe.Add(unsafe.Pointer(&c.entries), c.name-uintptr(unsafe.Pointer(&c.entries)))
	n := c.length
	for k := uintptr(0); n < pathMax; k++ {
		b := *(*byte)(unsafe.Add(from, k))
		if b == 0 {
			*(*byte)(unsafe.Add(unsafe.Pointer(&c.path), n)) = '/'
			c.length = n + 1
			return
		}
		*(*byte)(unsafe.Add(unsafe.Pointer(&c.path), n)) = b
		n++
	}
	c.length = pathMax
}
