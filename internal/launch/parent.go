package launch

import (
	"fmt"
	"os"
	gosync "sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is a descriptor that the child keeps, at a number of its own.
type File struct {
	File *os.File
	To   int
	// Inherit leaves it open across the execve: standard streams and what the user asked for.
	Inherit bool
}

// Options go with one launch.
type Options struct {
	// Files are what the child keeps; all else is closed. Numbers below the highest that are not named are closed, too.
	Files []File
	// Cgroup is the directory of a cgroup of version 2 that the child is born in; nil is ours.
	Cgroup *os.File
	// StopAt, when positive, ends the child before that step, as a kill there would: for tests.
	StopAt int
}

// Child is a program that was started.
type Child struct {
	prog    *Program
	mu      gosync.Mutex // guards pidfd and wake against Kill and the context's end from elsewhere
	first   int          // pid of the first process; 0 once it was waited for and is not the one that counts
	pid     int          // of the process that counts; 0 until it is known
	pidfd   int
	conn    int // our end of the status socket, or -1
	wake    int // an eventfd that the context's end writes to, or -1
	notes   []int
	killed  bool         // by Kill
	waiting gosync.Mutex // guards exited and status
	exited  bool
	ended   atomic.Bool // exited, for others than who waits
	status  syscall.WaitStatus
}

// Start forks and lets the child run the program up to its first sync point. [Child.Drive] must follow.
// The error of clone3 comes back as it is.
func Start(p *Program, o Options) (*Child, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[1])
	moves, err := plan(p, o.Files, pair[1])
	if err == nil && p.forks {
		// The kernel names the sender of each message: see meet.
		err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
	}
	if err != nil {
		unix.Close(pair[0])
		return nil, err
	}
	arena := load(p, moves, o.StopAt)
	h := (*header)(unsafe.Pointer(unsafe.SliceData(arena)))
	args := &cloneArgs{
		flags:      p.Flags | unix.CLONE_PIDFD,
		pidfd:      uint64(uintptr(unsafe.Pointer(&h.pidfd))),
		exitSignal: uint64(syscall.SIGCHLD),
	}
	if o.Cgroup != nil {
		args.flags |= unix.CLONE_INTO_CGROUP
		args.cgroup = uint64(o.Cgroup.Fd())
	}
	// Like Go's own forks: so no descriptor is seen between its making and its close-on-exec flag. Our child closes what it
	// does not know, but it must know what there is.
	syscall.ForkLock.Lock()
	pid, errno := unsafeForkAndRun(args, unsafe.Pointer(h))
	syscall.ForkLock.Unlock()
	keepAlive(arena, o.Files, o.Cgroup)
	if errno != 0 {
		unix.Close(pair[0])
		return nil, errno
	}
	c := &Child{prog: p, first: pid, pidfd: int(h.pidfd), conn: pair[0], wake: -1}
	if !p.forks {
		c.pid = pid
	}
	return c, nil
}

// plan lists the moves of descriptors: the status socket first, so that what fails later can be told.
func plan(p *Program, files []File, status int) ([]fdMove, error) {
	moves := []fdMove{{from: int32(status), to: int32(p.status), flags: unix.O_CLOEXEC}}
	used := map[int]bool{p.status: true}
	top := p.status
	for _, f := range files {
		switch {
		case f.To < 0 || used[f.To]:
			return nil, fmt.Errorf("descriptor %d is taken, or no number: give each file one of its own", f.To)
		case f.File == nil || f.File.Fd() == ^uintptr(0):
			return nil, fmt.Errorf("descriptor %d: %w", f.To, os.ErrClosed)
		}
		m := fdMove{from: int32(f.File.Fd()), to: int32(f.To), flags: unix.O_CLOEXEC}
		if f.Inherit {
			m.flags = 0
		}
		moves = append(moves, m)
		used[f.To] = true
		top = max(top, f.To)
	}
	for n := 0; n < top; n++ {
		if !used[n] {
			moves = append(moves, fdMove{from: -1, to: int32(n)})
		}
	}
	return moves, nil
}

// load copies the program's arena and adds what belongs to this launch.
func load(p *Program, moves []fdMove, stopAt int) []uint64 {
	arena := p.assemble(moves)
	h := (*header)(unsafe.Pointer(unsafe.SliceData(arena)))
	for _, m := range moves {
		h.floor = max(h.floor, m.to+1)
	}
	h.argv, h.argvLen = argvArea()
	if stopAt > 0 {
		h.stopAt = uint32(stopAt)
	}
	return arena
}

//go:noinline
func keepAlive(...any) {}

// Pid is the pid of the process that counts, or, before a fork in the program, of the first.
func (c *Child) Pid() int {
	if c.pid == 0 {
		return c.first
	}
	return c.pid
}

// Notes are the numbers that the program told with [Builder.Note] so far.
func (c *Child) Notes() []int { return c.notes }

// Pidfd is a descriptor of that process, owned by c.
func (c *Child) Pidfd() int { return c.pidfd }
