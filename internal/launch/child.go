package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file and child_*.go run in the forked child, called by unsafeForkAndRun. See doc.go for what they must not do. Values
// are passed as uintptr and unsafe.Pointer on the stack only; scratch space is in the arena.
//
// The frames of a chain of nosplit calls must fit into 800 bytes, also without optimisation (a debugger's build): the linker
// refuses more. Hence sys, which takes its arguments in memory, and few levels.

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func begin(base unsafe.Pointer, h *header) {
	relocate(base, h)
	wipe(h)
	if e := placeFiles(base, h); e != 0 {
		h.status = (*fdMove)(unsafe.Add(base, uintptr(h.fds))).from // the first of the moves
		fail(h, h.nsteps, e)
	}
}

//go:nosplit
//go:norace
//go:nocheckptr
func stepAt(base unsafe.Pointer, h *header, i uint32) *step {
	return (*step)(unsafe.Add(base, uintptr(h.steps)+uintptr(i)*unsafe.Sizeof(step{})))
}

// arg is the value of argument n.
//
//go:nosplit
//go:norace
//go:nocheckptr
func arg(base unsafe.Pointer, h *header, s *step, n uintptr) uintptr {
	v := uintptr(*(*int32)(unsafe.Add(unsafe.Pointer(&s.args), 4*n))) // sign-extended
	switch s.kinds >> (kindBits * n) & (1<<kindBits - 1) {
	case kindData:
		return uintptr(base) + uintptr(h.data) + v
	case kindSlot:
		return uintptr(*(*uint64)(unsafe.Add(base, uintptr(h.slots)+8*v)))
	case kindWhere:
		return uintptr(base) + uintptr(h.slots) + 8*v + lowHalf
	case kindSpace:
		return uintptr(base) + uintptr(h.space) + v
	case kindWide:
		return uintptr(*(*uint64)(unsafe.Add(base, uintptr(h.data)+v)))
	}
	return v
}

// at is arg as a pointer. It adds to base, so that vet and checkptr can follow it.
//
//go:nosplit
//go:norace
//go:nocheckptr
func at(base unsafe.Pointer, h *header, s *step, n uintptr) unsafe.Pointer {
	start := h.data
	if s.kinds>>(kindBits*n)&(1<<kindBits-1) == kindSpace {
		start = h.space
	}
	return unsafe.Add(base, uintptr(start)+uintptr(*(*int32)(unsafe.Add(unsafe.Pointer(&s.args), 4*n))))
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func call(base unsafe.Pointer, h *header, s *step, nr uintptr) (uintptr, syscall.Errno) {
	for n := uintptr(0); n < 6; n++ {
		*(*uintptr)(unsafe.Add(unsafe.Pointer(&h.args), n*unsafe.Sizeof(n))) = arg(base, h, s, n)
	}
	return sys(h, nr)
}

// sys is a system call with the arguments that are in h.args.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func sys(h *header, nr uintptr) (uintptr, syscall.Errno) {
	r, _, e := syscall.RawSyscall6(nr, h.args[0], h.args[1], h.args[2], h.args[3], h.args[4], h.args[5])
	return r, e
}

//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func closeFD(h *header, fd uintptr) {
	h.args[0] = fd
	sys(h, unix.SYS_CLOSE)
}

// keep stores a result in the step's slot.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func keep(base unsafe.Pointer, h *header, s *step, r uintptr, e syscall.Errno) {
	if s.out < 0 {
		return
	}
	v := uint64(r)
	if e != 0 {
		v = ^uint64(0)
	}
	*(*uint64)(unsafe.Add(base, uintptr(h.slots)+8*uintptr(s.out))) = v
}

// after is the step that follows step i. An errno without a rule is the end.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func after(base unsafe.Pointer, h *header, s *step, i uint32, r uintptr, e syscall.Errno) uint32 {
	jumps := s.op == opJump || s.op == opJumpIf && r != 0 || s.op == opFork && e == 0 && r != 0
	if e == 0 && !jumps {
		return i + 1
	}
	for k := s.rules; k != 0; { // a jump's rule is for errno 0
		ru := (*rule)(unsafe.Add(base, uintptr(h.rules)+uintptr(k-1)*unsafe.Sizeof(rule{})))
		if ru.errno == uint32(e) || ru.errno == anyErrno {
			return ru.next
		}
		k = ru.link
	}
	fail(h, i, e)
	return never
}

// relocate makes addresses of the offsets inside data. Only in the child: the parent's copy stays relocatable.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func relocate(base unsafe.Pointer, h *header) {
	data := unsafe.Add(base, uintptr(h.data))
	for k := uintptr(0); k < uintptr(h.nrelocs); k++ {
		off := *(*uint32)(unsafe.Add(base, uintptr(h.relocs)+4*k))
		start := uintptr(data)
		if off&spaceReloc != 0 {
			start = uintptr(base) + uintptr(h.space)
		}
		*(*uintptr)(unsafe.Add(data, uintptr(off&^spaceReloc))) += start
	}
}

// wipe takes our arguments out of /proc/PID/cmdline, which anybody may read, dumpable or not, and puts a name there.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func wipe(h *header) {
	name := unsafe.Pointer(&h.control) // not in use yet, and zero at the end
	const words = "roost: [init]\x00"
	for k := uintptr(0); k < uintptr(len(words)); k++ {
		*(*byte)(unsafe.Add(name, k)) = words[k]
	}
	h.args[0] = unix.PR_SET_NAME
	h.args[1] = uintptr(name)
	sys(h, unix.SYS_PRCTL)
	for k := uintptr(0); k < h.argvLen; k++ {
		c := byte(0)
		if k < uintptr(len(words)) && k+1 < h.argvLen {
			c = words[k]
		}
		*(*byte)(unsafe.Add(nil, h.argv+k)) = c // our own argv, which no Go object owns
	}
}

//go:nosplit
//go:norace
func exit(status uintptr) {
	for {
		syscall.RawSyscall6(unix.SYS_EXIT_GROUP, status, 0, 0, 0, 0, 0)
	}
}

//go:nosplit
//go:norace
//go:nocheckptr
func fail(h *header, i uint32, e syscall.Errno) {
	tell(h, msgFailed, i, uint32(e), 0)
	exit(255)
}
