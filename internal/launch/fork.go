package launch

import (
	"syscall"
	"unsafe"
	_ "unsafe" // for linkname

	"golang.org/x/sys/unix"
)

// The hooks of Go's own fork. Go keeps them reachable for those who fork by themselves: see the "linkname" notes in its
// runtime/proc.go. fork.s is empty, and lets declarations have no body.

//go:linkname runtimeBeforeFork syscall.runtime_BeforeFork
func runtimeBeforeFork()

//go:linkname runtimeAfterFork syscall.runtime_AfterFork
func runtimeAfterFork()

//go:linkname runtimeAfterForkInChild syscall.runtime_AfterForkInChild
func runtimeAfterForkInChild()

// cloneArgs is struct clone_args, man 2 clone3.
type cloneArgs struct {
	flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

const cloneArgsSize = int(unsafe.Sizeof(cloneArgs{}))

// unsafeForkAndRun forks, and in the child runs the arena and does not return. BeforeFork blocks all signals and forbids the
// stack to grow; the child stays like that but for the signals, which AfterForkInChild gives their default actions. This
// function alone is not nosplit: its frame is there before the fork.
//
//go:noinline
//go:norace
//go:nocheckptr
func unsafeForkAndRun(args *cloneArgs, base unsafe.Pointer) (int, syscall.Errno) {
	runtimeBeforeFork()
	pid, _, errno := syscall.RawSyscall6(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), uintptr(cloneArgsSize), 0, 0, 0, 0)
	if errno != 0 || pid != 0 {
		runtimeAfterFork()
		return int(pid), errno
	}
	runtimeAfterForkInChild()
	h := (*header)(base)
	begin(base, h)
	for i := uint32(0); i < h.nsteps; {
		if i == h.stopAt {
			exit(255)
		}
		s := stepAt(base, h, i)
		r, e := uintptr(0), syscall.Errno(0)
		switch s.op {
		case opCall:
			r, e = call(base, h, s, uintptr(s.nr))
		case opFork:
			r, e = call(base, h, s, unix.SYS_CLONE3)
			if e == 0 && r == 0 {
				h.out.who = max(h.out.who*2, uint32(s.nr))
			}
		case opSync:
			e = synchronize(base, h, s, i)
		case opTell:
			e = tell(h, uint32(arg(base, h, s, 0)), i, 0, uint64(arg(base, h, s, 1)))
		case opStop:
			exit(arg(base, h, s, 0))
		case opJumpIf:
			if arg(base, h, s, 0) == ^uintptr(0) {
				r = 1
			}
		case opMkdirAll, opTarget:
			w := (*walkArea)(at(base, h, s, 3))
			e = prepare(base, h, s, w)
			again := e == 0
			for again {
				r, e = extend(h, w)
				w.tries++
				again = e == syscall.ENOENT && w.tries < maxTries
			}
			if e == 0 {
				r, e = ofKind(h, w, r)
			}
		case opVerify:
			e = verify(base, h, s)
		case opWriteAll:
			e = writeAll(h, arg(base, h, s, 0), arg(base, h, s, 1), arg(base, h, s, 2))
		case opWait, opFinish:
			r, e = waitFor(base, h, s)
			if s.op == opFinish && e == 0 && r != 0 {
				tell(h, msgFailed, i, 0, uint64(r))
				exit(255)
			}
		case opAbout:
			h.out.about = uint32(arg(base, h, s, 0))
		case opFind:
			r, e = find(base, h, s)
		case opReap:
			reap(h, arg(base, h, s, 0), (*reapArea)(at(base, h, s, 1)))
		case opCopyTree:
			c := (*copyArea)(at(base, h, s, 2))
			e = copyBegin(base, h, s, c)
			for e == 0 && c.state != copyDone {
				e = copyStep(h, c)
				switch e {
				case syscall.EOPNOTSUPP: // that word is taken
					e = syscall.EIO
				case syscall.EEXIST: // listed twice, since somebody renamed it meanwhile
					e = syscall.ESTALE
				}
			}
			if e == 0 && c.left {
				e = syscall.EOPNOTSUPP
			}
		case opLikeness:
			e = likeness(base, h, s)
		case opReportTo:
			h.status = int32(arg(base, h, s, 0))
		case opDecimal:
			decimal(at(base, h, s, 1), arg(base, h, s, 0))
		case opSendFile:
			e = sendFile(base, h, s)
		}
		i = after(base, h, s, i, r, e)
		keep(base, h, s, r, e)
	}
	exit(255) // a program ends by execve or opStop
	return 0, 0
}
