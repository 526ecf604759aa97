package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// copyOpened opens the regular file that c.stat describes and makes its copy, or gives the copy that there is a further name.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyOpened(h *header, c *copyArea) (e syscall.Errno) {
	c.state = copyList
	if c.stat.Nlink > 1 && linkAgain(h, c) {
		return 0
	}
	c.fd, e = openEntry(h, c, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_LARGEFILE)
	if e == 0 {
		e = statFull(h, c, c.fd, &c.again)
	}
	if e == syscall.ELOOP || e == 0 && (c.again.Ino != c.stat.Ino || c.again.Mode != c.stat.Mode) {
		e = syscall.ESTALE // another one by now
	}
	if e != 0 {
		return e
	}
	h.args[0] = c.dst
	h.args[1] = c.name
	h.args[2] = unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_LARGEFILE
	h.args[3] = 0o600
	c.out, e = sys(h, unix.SYS_OPENAT)
	c.at = 0
	c.state = copySeek
	return e
}

// copySought finds the next data of a file: up to the size that it had when we looked, and without its holes, with which a
// file may be larger than any tmpfs.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copySought(h *header, c *copyArea) syscall.Errno {
	c.state = copyData
	c.stop = c.again.Size
	if c.at >= c.stop {
		c.state = copyClose
		return 0
	}
	data, e := seek(h, c, c.fd, c.at, unix.SEEK_DATA)
	switch e {
	case 0:
		c.at = data
		if data, e = seek(h, c, c.fd, c.at, unix.SEEK_HOLE); e == 0 && data < c.stop {
			c.stop = data
		}
	case syscall.ENXIO: // a hole is all that is left
		c.at = c.stop
		c.state = copyHole
		return 0
	} // else it is a file system that knows of no holes
	if _, e = seek(h, c, c.fd, c.at, unix.SEEK_SET); e == 0 {
		_, e = seek(h, c, c.out, c.at, unix.SEEK_SET)
	}
	return e
}

// copyHoled ends a file with a hole: one byte at its end makes it.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyHoled(h *header, c *copyArea) syscall.Errno {
	c.state = copyClose
	_, e := seek(h, c, c.out, c.at-1, unix.SEEK_SET)
	if e == 0 {
		e = writeAll(h, c.out, uintptr(unsafe.Pointer(&c.empty)), 1)
	}
	return e
}

// copyChunk copies some data.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyChunk(h *header, c *copyArea) syscall.Errno {
	if c.at >= c.stop {
		c.state = copySeek
		return 0
	}
	h.args[0] = c.fd
	h.args[1] = uintptr(unsafe.Pointer(&c.buffer))
	h.args[2] = copyBuffer
	if c.stop-c.at < copyBuffer {
		h.args[2] = uintptr(c.stop - c.at)
	}
	n, e := sys(h, unix.SYS_READ)
	if e == syscall.EINTR {
		return 0
	}
	if e == 0 && n == 0 { // it has become shorter
		c.state = copyClose
	}
	if e == 0 {
		c.at += uint64(n)
		e = writeAll(h, c.out, uintptr(unsafe.Pointer(&c.buffer)), n)
	}
	return e
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyClosed(h *header, c *copyArea) syscall.Errno {
	e := finishCopy(h, c)
	closeFD(h, c.fd)
	closeFD(h, c.out)
	c.state = copyList
	if e == 0 && c.stat.Nlink > 1 {
		remember(c)
	}
	return e
}

//go:nosplit
//go:norace
//go:nocheckptr
func linkAt(c *copyArea, n uintptr) *copyLink {
	return (*copyLink)(unsafe.Add(unsafe.Pointer(&c.links), n*unsafe.Sizeof(copyLink{})))
}

// linkAgain gives the copy of a file a further name, if the file is one that we remember.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func linkAgain(h *header, c *copyArea) bool {
	for k := uintptr(0); k < c.nlinks; k++ {
		l := linkAt(c, k)
		if l.ino != c.stat.Ino || l.dev != device(&c.stat) {
			continue
		}
		h.args[0] = c.top
		h.args[1] = uintptr(unsafe.Pointer(&c.names)) + l.name
		h.args[2] = c.dst
		h.args[3] = c.name
		h.args[4] = 0
		_, e := sys(h, unix.SYS_LINKAT)
		return e == 0
	}
	return false
}

// remember notes the first name of a file that has several, for as long as there is room: without it, each becomes a file.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func remember(c *copyArea) {
	before := c.length
	appendName(c)
	n := c.length // the slash becomes the NUL
	c.length = before
	if n >= pathMax || c.nlinks >= copyLinks || c.nnames+n > copyNames {
		return
	}
	to := unsafe.Add(unsafe.Pointer(&c.names), c.nnames)
	for k := uintptr(0); k < n; k++ {
		*(*byte)(unsafe.Add(to, k)) = *(*byte)(unsafe.Add(unsafe.Pointer(&c.path), k))
	}
	*(*byte)(unsafe.Add(to, n-1)) = 0
	l := linkAt(c, c.nlinks)
	l.ino = c.stat.Ino
	l.dev = device(&c.stat)
	l.name = c.nnames
	c.nlinks++
	c.nnames += n
}
