package launch

import (
	"os"
	"time"
	"unsafe"
)

// Program is a compiled list of steps. Running it does not change it: one Program may be started often and concurrently.
type Program struct {
	// Flags are the CLONE_NEW* flags of the first fork.
	Flags uint64
	// Steps describe the arena's steps, one for one. The child never sees them.
	Steps []Step

	arena  []uint64 // header, slots, steps, relocations, data; uint64 for its alignment
	size   int      // bytes of the arena in use
	syncs  []syncPoint
	status int  // the fixed number of the child's end of the status socket
	forks  bool // the first process only makes the second, which is the one that counts
	execs  bool // the status socket does not end well before msgExec
}

// Step is what people, errors and golden files know of a step.
type Step struct {
	Label  string `json:"label"`            // "mount proc on /proc"
	Call   string `json:"call"`             // the call and its arguments
	Path   string `json:"path,omitempty"`   // what the step is about, if it is about a path
	Remedy string `json:"remedy,omitempty"` // what the user can do about a failure, where we know it
}

// Action is what the parent does at a sync point. The files are those that the child sent; the action closes them.
// The reply lands in the child's scratch space. An error ends the child and is what [Child.Drive] returns.
type Action func(c *Child, files []*os.File) (reply []byte, err error)

// syncPoint is the parent's half of a sync point.
type syncPoint struct {
	step     int
	deadline time.Duration // for the child to get here
	action   Action
	size     int // of the space for the reply
}

// header begins the arena. Offsets count from the arena's first byte; those of data from header.data.
type header struct {
	steps   uint32
	nsteps  uint32
	slots   uint32
	relocs  uint32 // data offsets of the words that hold a data offset and have to become addresses
	nrelocs uint32
	data    uint32
	fds     uint32 // the fdMoves, written by Start
	nfds    uint32
	floor   int32  // the first number above all fixed descriptors
	status  int32  // where the child reports to
	stopAt  uint32 // end before this step, as if killed there; never, in earnest
	pidfd   int32  // where clone3 puts the first child's pidfd
	argv    uintptr
	argvLen uintptr
	args    [6]uintptr // of the next system call, see sys
	out     message    // what the child says
	in      message    // what it heard last
	msg     msghdr
	iov     [2]iovec
	control [controlSize]byte
}

const never = 1<<32 - 1

// fdMove puts the descriptor from at the number to; a from of -1 closes that number.
type fdMove struct{ from, to, flags int32 }

// step is a step as the child sees it.
type step struct {
	op     uint8
	nrules uint8
	kinds  [6]uint8
	nr     uint32 // the system call
	out    int32  // the slot for the result, or -1
	args   [6]uint64
	rules  [maxRules]rule
}

// rule says which step comes next after an errno. The first that fits is taken; without one, the program fails.
type rule struct{ errno, next uint32 }

const (
	maxRules = 6
	anyErrno = 1<<32 - 1
)

// What a step does. All but opCall are composite operations: functions of the child_*.go files.
const (
	opCall     = iota // a system call
	opFork            // clone3: the child goes on, its parent goes to rules[0].next; other rules are for an errno
	opSync            // tell the parent, await its word
	opTell            // tell the parent a number: the pid of a fork, or that the execve is next
	opStop            // exit_group
	opJump            // go to rules[0].next
	opJumpIf          // go to rules[0].next if the argument is ^0
	opMkdirAll        // make a directory and its parents in a root
	opTarget          // make a mount point of the same kind as what will be mounted there
	opVerify          // is this descriptor what it should be?
	opWriteAll        // write a whole buffer
	opWait            // await a child's end, up to a deadline
	opFind            // find the executable
	opReap            // be a minimal pid 1
	opReportTo        // from here on, report failures to another descriptor
)

// How an argument is read.
const (
	kindConst = iota
	kindData  // an offset into data, which becomes an address
	kindSlot  // the value of a slot
	kindWhere // the address of a slot
)

// Size is the length of the arena in bytes: what a launch copies.
func (p *Program) Size() int { return p.size }

// Arena is a copy of the arena, the same for the same input: for golden files and hashes.
func (p *Program) Arena() []byte { return append([]byte(nil), arenaBytes(p.arena)[:p.size]...) }

func arenaBytes(a []uint64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a))), len(a)*8)
}
