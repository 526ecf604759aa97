package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pathMax is the kernel's PATH_MAX, with the final NUL.
const pathMax = 4096

// walkArea is scratch space of walk.
type walkArea struct {
	how   [3]uint64 // struct open_how
	path  [pathMax]byte
	link  [pathMax]byte
	n     uintptr // length of path
	links uintptr // how many were followed
	tries uintptr // how often the walk began
	mode  uintptr // of directories
	root  uintptr
	dir   bool // what the end of the path is to be
	stat  unix.Statx_t
	empty [8]byte
}

const walkSize = int(unsafe.Sizeof(walkArea{}))

// maxLinks is how many links the kernel itself would follow, man 7 path_resolution.
const maxLinks = 40

// maxRaces bounds how often one path is looked up again.
const maxRaces = 10000

// maxTries bounds the walk where no link is to blame: in a directory that was removed every name is missing and none can be
// made, and somebody may go on removing what we make. Both say ENOENT in the end.
const maxTries = 1000

// A walk gives an O_PATH descriptor of a path below a root; what is missing of it is made. opMkdirAll has a mode as its third
// argument; opTarget a descriptor: if that is a directory, so is the end of the path; otherwise, or if it is -1, it is a file.
//
// Each prefix is resolved by the kernel from the root, and what is missing is made in the directory that this gave: by one
// name, which mkdirat and openat(O_CREAT|O_EXCL) do not follow if it is a link. A link that leads nowhere is put into the
// path in place of its name, and the walk goes on: so what is made is what the container would see, and nothing is made
// elsewhere, whatever is swapped meanwhile. (Going down component by component would make each directory the root of the
// next: /data/abs -> /etc would end in ENOENT.)
//
// prepare comes first; then extend for as long as it says ENOENT, and ofKind.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func prepare(base unsafe.Pointer, h *header, s *step, w *walkArea) syscall.Errno {
	w.root = arg(base, h, s, 0)
	w.mode = 0o755
	w.links, w.tries = 0, 0
	w.n = arg(base, h, s, 4)
	third := arg(base, h, s, 2)
	switch {
	case s.op == opMkdirAll:
		w.dir, w.mode = true, third
	case third == ^uintptr(0):
		w.dir = false
	default:
		if e := stat(h, w, third); e != 0 {
			return e
		}
		w.dir = w.stat.Mode&unix.S_IFMT == unix.S_IFDIR
	}
	if w.n >= pathMax {
		return syscall.ENAMETOOLONG
	}
	from := at(base, h, s, 1)
	for k := uintptr(0); k <= w.n; k++ {
		*ch(w, k) = *(*byte)(unsafe.Add(from, k))
	}
	if w.n == 0 { // the root itself
		*ch(w, 0), *ch(w, 1) = '.', 0
		w.n = 1
	}
	return 0
}

// ch is a byte of the path. (An index would come with a check, and that with a frame for its panic.)
//
//go:nosplit
//go:norace
//go:nocheckptr
func ch(w *walkArea, k uintptr) *byte { return (*byte)(unsafe.Add(unsafe.Pointer(&w.path), k)) }

// extend makes the components that are missing. ENOENT: a link was put in the place of one, or somebody was faster; again.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func extend(h *header, w *walkArea) (uintptr, syscall.Errno) {
	if fd, e := openIn(h, w, w.n); e != syscall.ENOENT {
		return fd, e
	}
	parent, start := w.root, uintptr(0)
	for {
		for *ch(w, start) == '/' {
			start++
		}
		end := start
		for *ch(w, end) != 0 && *ch(w, end) != '/' {
			end++
		}
		fd, e := openIn(h, w, end)
		if e == syscall.ENOENT {
			e = makeOne(h, w, parent, start, end)
			if e == 0 {
				fd, e = openIn(h, w, end)
			}
		}
		if parent != w.root {
			closeFD(h, parent)
		}
		if e != 0 || end == w.n {
			return fd, e
		}
		parent, start = fd, end
	}
}

// makeOne makes path[start:end] in parent. ENOENT: it was a link, and the path has changed.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func makeOne(h *header, w *walkArea, parent, start, end uintptr) syscall.Errno {
	cut := *ch(w, end)
	*ch(w, end) = 0
	h.args[0], h.args[1] = parent, uintptr(unsafe.Pointer(ch(w, start)))
	var e syscall.Errno
	if w.dir || end != w.n {
		h.args[2] = w.mode
		_, e = sys(h, unix.SYS_MKDIRAT)
	} else {
		h.args[2], h.args[3] = unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_WRONLY, 0o644
		var fd uintptr
		if fd, e = sys(h, unix.SYS_OPENAT); e == 0 {
			closeFD(h, fd)
		}
	}
	if e == syscall.EEXIST {
		h.args[0], h.args[1], h.args[2], h.args[3] = parent, uintptr(unsafe.Pointer(ch(w, start))), uintptr(unsafe.Pointer(&w.link)), pathMax
		var n uintptr
		n, e = sys(h, unix.SYS_READLINKAT)
		*ch(w, end) = cut
		if e != 0 {
			if e == syscall.EINVAL { // no link: somebody made it meanwhile
				e = syscall.ENOENT
			}
			return e
		}
		return expand(w, start, end, n)
	}
	*ch(w, end) = cut
	return e
}

// expand replaces path[start:end] by the n bytes of link. ENOENT is the good answer: go on.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func expand(w *walkArea, start, end, n uintptr) syscall.Errno {
	w.links++
	if w.links > maxLinks {
		return syscall.ELOOP
	}
	if n > 0 && w.link[0] == '/' {
		start = 0 // absolute is from the root that we walk in
	}
	rest := w.n - end
	if start+n+rest >= pathMax {
		return syscall.ENAMETOOLONG
	}
	if start+n <= end {
		for k := uintptr(0); k < rest; k++ {
			*ch(w, start+n+k) = *ch(w, end+k)
		}
	} else {
		for k := rest; k > 0; k-- {
			*ch(w, start+n+k-1) = *ch(w, end+k-1)
		}
	}
	for k := uintptr(0); k < n; k++ {
		*ch(w, start+k) = *(*byte)(unsafe.Add(unsafe.Pointer(&w.link), k))
	}
	w.n = start + n + rest
	*ch(w, w.n) = 0
	return syscall.ENOENT
}

// openIn resolves path[:end] below the root.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func openIn(h *header, w *walkArea, end uintptr) (uintptr, syscall.Errno) {
	cut := *ch(w, end)
	*ch(w, end) = 0
	w.how[0] = unix.O_PATH | unix.O_CLOEXEC
	w.how[1] = 0
	w.how[2] = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	r, e := uintptr(0), syscall.EAGAIN
	// A ".." that any rename or mount of the machine has raced with is to be tried again (man 2 openat2), and a busy machine has many.
	for try := 0; try < maxRaces && e == syscall.EAGAIN; try++ {
		h.args[0], h.args[1], h.args[2], h.args[3] = w.root, uintptr(unsafe.Pointer(ch(w, 0))), uintptr(unsafe.Pointer(&w.how)), 24
		r, e = sys(h, unix.SYS_OPENAT2)
	}
	*ch(w, end) = cut
	return r, e
}

// ofKind is fd if it is a directory or a file as wanted.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func ofKind(h *header, w *walkArea, fd uintptr) (uintptr, syscall.Errno) {
	e := stat(h, w, fd)
	is := w.stat.Mode&unix.S_IFMT == unix.S_IFDIR
	switch {
	case e != 0:
	case w.dir && !is:
		e = syscall.ENOTDIR
	case !w.dir && is:
		e = syscall.EISDIR
	default:
		return fd, 0
	}
	closeFD(h, fd)
	return 0, e
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func stat(h *header, w *walkArea, fd uintptr) syscall.Errno {
	return statx(h, fd, unsafe.Pointer(&w.empty), &w.stat)
}

// statx has one layout on every architecture, unlike stat. No path is the descriptor itself.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func statx(h *header, fd uintptr, path unsafe.Pointer, st *unix.Statx_t) syscall.Errno {
	h.args[0], h.args[1], h.args[2] = fd, uintptr(path), unix.AT_EMPTY_PATH
	h.args[3], h.args[4] = unix.STATX_BASIC_STATS, uintptr(unsafe.Pointer(st))
	_, e := sys(h, unix.SYS_STATX)
	return e
}
