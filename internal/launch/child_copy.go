package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	copyDepth  = 1000     // directories above one another
	copyBuffer = 64 << 10 // of a file's content at a time
	copyNames  = 64 << 10 // for the names of files that have several
	copyLinks  = 1024     // how many such files are remembered
)

// copyArea is scratch space of a copy. What of it is not touched costs no memory.
type copyArea struct {
	state    uintptr
	left     bool    // something was left out
	src, dst uintptr // the directory that is read, and its copy
	top      uintptr // the root of the copy
	depth    uintptr // of src below the root
	length   uintptr // of path
	pos, end uintptr // what is still to be looked at of entries
	name     uintptr // the address of an entry's name
	fd, out  uintptr // what it refers to, and its copy
	at, stop uint64  // where we are in a file, and up to where there is data
	nlinks   uintptr
	nnames   uintptr
	how      [3]uint64 // struct open_how
	stat     unix.Statx_t
	again    unix.Statx_t
	times    [4]uintptr // two struct timespec
	offset   uint64     // see seek
	empty    [8]byte
	dots     [8]byte
	entries  [16 << 10]byte // struct linux_dirent64
	path     [pathMax]byte  // of src below the root; with a slash at its end, unless it is empty
	target   [pathMax]byte  // of a link
	frames   [copyDepth]copyFrame
	links    [copyLinks]copyLink
	names    [copyNames]byte
	buffer   [copyBuffer]byte
}

const copySize = int(unsafe.Sizeof(copyArea{}))

// copyFrame is a directory that we are in or below of.
type copyFrame struct {
	ino, mnt, dev uint64
	next          uint64  // where to go on reading it
	length        uintptr // of its path
}

// copyLink is a file that has several names, and the first of them.
type copyLink struct {
	ino, dev uint64
	name     uintptr // where it begins in names; it ends with a NUL
}

// What is to be done next.
const (
	copyDone  = iota
	copyBegun // note down which directory it is
	copyList  // find the next entry of it
	copyLook  // see what it is
	copyDress // give a name its owner and times
	copyEnter // a directory: go down
	copyOpen  // a file: make its copy
	copySeek  // find where it has data
	copyData  // copy that, some at a time
	copyHole  // there is none up to its end
	copyClose // the file is copied
	copyLeave // the directory is
	copyUp    // go back to the one above
)

// opCopyTree copies what is in a directory: directories, files, links, FIFOs, with their owners, modes and times. It goes down
// and up without recursion and with two descriptors, however deep: on the way up a directory has to be the one that we came
// down from. A mount point becomes an empty directory. Sockets and devices are left out, and so is an owner that is not
// mapped: then, and only then, the answer is EOPNOTSUPP, and all else was copied.
//
// The tree may be hostile, and may change while it is read: nothing but one name is ever resolved, and never a link. The
// caller gives a source whose devices cannot be opened (nodev), since a file may become one after we looked. The copy is
// nobody's but ours.
//
// copyBegin comes first, then copyStep for as long as the state is not copyDone. It is a machine of small states so that the
// chain of calls stays short, see child.go.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyBegin(base unsafe.Pointer, h *header, s *step, c *copyArea) (e syscall.Errno) {
	c.state, c.left = copyBegun, false
	c.depth, c.length, c.pos, c.end, c.nlinks, c.nnames = 0, 0, 0, 0, 0, 0
	if c.src, e = openDots(h, c, arg(base, h, s, 0), false); e != 0 {
		return e
	}
	if c.dst, e = openDots(h, c, arg(base, h, s, 1), false); e != 0 {
		return e
	}
	c.top, e = openDots(h, c, c.dst, false)
	return e
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyStep(h *header, c *copyArea) syscall.Errno {
	switch c.state {
	case copyBegun:
		return enterFrame(h, c)
	case copyList:
		return copyListed(h, c)
	case copyDress:
		return copyDressed(h, c)
	case copyLook:
		return copyLooked(h, c)
	case copyEnter:
		return copyEntered(h, c)
	case copyOpen:
		return copyOpened(h, c)
	case copySeek:
		return copySought(h, c)
	case copyData:
		return copyChunk(h, c)
	case copyHole:
		return copyHoled(h, c)
	case copyClose:
		return copyClosed(h, c)
	case copyUp:
		return copyWentUp(h, c)
	}
	return copyLeft(h, c)
}

// copyListed finds the next entry.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyListed(h *header, c *copyArea) syscall.Errno {
	if c.pos >= c.end {
		h.args[0] = c.src
		h.args[1] = uintptr(unsafe.Pointer(&c.entries))
		h.args[2] = unsafe.Sizeof(c.entries)
		n, e := sys(h, unix.SYS_GETDENTS64)
		c.pos = 0
		c.end = n
		if e != 0 || n == 0 {
			c.state = copyLeave
			return e
		}
	}
	// struct linux_dirent64: ino, off, 16 bits of length, a byte of type, the name.
	entry := unsafe.Add(unsafe.Pointer(&c.entries), c.pos)
	c.pos += uintptr(*(*uint16)(unsafe.Add(entry, 16)))
	frameAt(c, c.depth).next = *(*uint64)(unsafe.Add(entry, 8))
	c.name = uintptr(unsafe.Add(entry, 19))
	if *(*byte)(unsafe.Add(entry, 19)) == '.' {
		second := *(*byte)(unsafe.Add(entry, 20))
		if second == 0 || second == '.' && *(*byte)(unsafe.Add(entry, 21)) == 0 {
			return 0
		}
	}
	c.state = copyLook
	return 0
}

// copyEntered goes down into the directory c.fd, which is what we looked at, whatever has its name by now.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyEntered(h *header, c *copyArea) syscall.Errno {
	if c.depth+1 >= copyDepth {
		return syscall.ELOOP
	}
	src, e := openDots(h, c, c.fd, false)
	if e != 0 {
		return e
	}
	closeFD(h, c.fd)
	closeFD(h, c.src)
	c.src = src
	h.args[0] = c.dst
	h.args[1] = c.name
	h.args[2] = 0o700
	if _, e = sys(h, unix.SYS_MKDIRAT); e != 0 {
		return e
	}
	h.args[0] = c.dst
	h.args[1] = c.name
	h.args[2] = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	h.args[3] = 0
	dst, e := sys(h, unix.SYS_OPENAT)
	if e != 0 {
		return e
	}
	closeFD(h, c.dst)
	c.dst = dst
	appendName(c)
	c.depth++
	c.pos, c.end = 0, 0
	c.state = copyBegun
	return 0
}

// copyLeft gives a directory's copy what it is to have. The root's own are the caller's business.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyLeft(h *header, c *copyArea) syscall.Errno {
	if c.depth == 0 {
		c.state = copyDone
		closeFD(h, c.src)
		closeFD(h, c.dst)
		closeFD(h, c.top)
		return 0
	}
	c.state = copyUp
	c.out = c.dst
	e := statFull(h, c, c.src, &c.stat)
	if e == 0 {
		e = finishCopy(h, c)
	}
	return e
}

// copyWentUp goes back to the directory above.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func copyWentUp(h *header, c *copyArea) (e syscall.Errno) {
	c.fd = c.dst
	if c.dst, e = openDots(h, c, c.fd, true); e != 0 {
		return e
	}
	closeFD(h, c.fd)
	c.fd = c.src
	if c.src, e = openDots(h, c, c.fd, true); e != 0 {
		return e
	}
	closeFD(h, c.fd)
	c.depth--
	c.pos, c.end = 0, 0
	c.state = copyList
	f := frameAt(c, c.depth)
	c.length = f.length
	e = statFull(h, c, c.src, &c.again)
	if e == 0 && (c.again.Ino != f.ino || c.again.Mnt_id != f.mnt || device(&c.again) != f.dev) {
		e = syscall.ESTALE // it was moved
	}
	if e == 0 {
		_, e = seek(h, c, c.src, f.next, unix.SEEK_SET)
	}
	return e
}
