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

	head   header
	steps  []step
	rules  []rule
	relocs []uint32
	data   []byte
	space  int // zero bytes after data
	syncs  []syncPoint
	status int  // the fixed number of the child's end of the status socket
	forks  bool // the first process only makes the second, which is the one that counts
	execs  bool // the status socket does not end well before msgExec
	rest   time.Duration
}

// Step is what people, errors and golden files know of a step.
type Step struct {
	Label  string `json:"label"`            // "mount proc on /proc"
	Call   string `json:"call"`             // the call and its arguments
	Path   string `json:"path,omitempty"`   // what the step is about, if it is about a path
	Remedy string `json:"remedy,omitempty"` // what the user can do about a failure, where we know it
	Code   string `json:"-"`                // of which kind a failure is, in the words of the program's maker: [Builder.Code]
	Kind   string `json:"-"`                // what a refusal denies, likewise: [StepRef.Kind]
}

// Action is what the parent does at a sync point. The files are those that the child sent; the action closes them.
// The reply lands in the child's scratch space. An error ends the child and is what [Child.Drive] returns.
type Action func(c *Child, files []*os.File) (reply []byte, err error)

// syncPoint is the parent's half of a sync point.
type syncPoint struct {
	step     int
	deadline time.Duration // for the child to get here; negative is any
	action   Action
	size     int // of the space for the reply
}

// header begins the arena, which goes on with fdMoves, slots, rules, steps, relocations, data and space. Offsets count from
// the arena's first byte; those of data from header.data, those of space from header.space.
type header struct {
	steps   uint32
	nsteps  uint32
	slots   uint32
	rules   uint32
	relocs  uint32 // data offsets of the words that hold an offset and have to become addresses; see spaceReloc
	nrelocs uint32
	data    uint32
	space   uint32 // zeros, for what composite operations note down
	fds     uint32 // the fdMoves
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

// spaceReloc marks a relocation whose word is an offset into space, not data.
const spaceReloc = 1 << 31

// step is a step as the child sees it. It is small since there are hundreds, and each page of them costs a fault or two.
type step struct {
	op    uint8
	nr    uint16 // the system call
	out   int32  // the slot for the result, or -1
	kinds uint32 // of the arguments, kindBits for each
	rules uint32 // the first rule's number, from 1; 0 is none
	args  [6]int32
}

// rule says which step comes next after an errno. The first that fits is taken; without one, the program fails.
type rule struct {
	errno uint32
	next  uint32 // step
	link  uint32 // the step's next rule, from 1
}

const (
	maxRules = 6 // of a step
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
	opFinish          // the same, and fail unless it ends well; nothing of it is left
	opAbout           // from here on, failures are about this number
	opFind            // find the executable
	opReap            // be a minimal pid 1
	opCopyTree        // copy what is in a directory
	opLikeness        // give a directory the mode of another
	opReportTo        // from here on, report failures to another descriptor
	opDecimal         // write a number as text
	opSendFile        // send a text and a descriptor to a socket
)

// How an argument is read.
const (
	kindConst = iota
	kindData  // an offset into data, which becomes an address
	kindSlot  // the value of a slot
	kindWhere // the address of a slot
	kindSpace // an offset into space, which becomes an address
	kindWide  // an offset into data where the 64-bit value is

	kindBits = 3
)

// Size is the length of the arena in bytes: what a launch prepares.
func (p *Program) Size() int { return len(p.assemble(nil)) * 8 }

// Arena is the arena, the same for the same input: for golden files, hashes, and to be sent.
func (p *Program) Arena() []byte {
	a := p.assemble(nil)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(a))), len(a)*8)
}

// assemble lays everything into one buffer, of words for its alignment.
func (p *Program) assemble(moves []fdMove) []uint64 {
	h := p.head
	at := uint32(unsafe.Sizeof(h))
	part := func(size uintptr) (start uint32) {
		start = at
		at = (at + uint32(size) + 7) &^ 7
		return start
	}
	h.nfds = uint32(len(moves))
	h.fds = part(uintptr(len(moves)) * unsafe.Sizeof(fdMove{}))
	h.slots = part(uintptr(h.slots) * 8) // their number before
	h.rules = part(uintptr(len(p.rules)) * unsafe.Sizeof(rule{}))
	h.nsteps, h.steps = uint32(len(p.steps)), part(uintptr(len(p.steps))*unsafe.Sizeof(step{}))
	h.nrelocs, h.relocs = uint32(len(p.relocs)), part(uintptr(len(p.relocs))*4)
	h.data = part(uintptr(len(p.data)))
	h.space = part(uintptr(p.space))
	arena := make([]uint64, at/8+1) // checkptr: where the last part is empty, its address must still be one of ours
	base := unsafe.Pointer(unsafe.SliceData(arena))
	*(*header)(base) = h
	copy(unsafe.Slice((*fdMove)(unsafe.Add(base, h.fds)), len(moves)), moves)
	copy(unsafe.Slice((*rule)(unsafe.Add(base, h.rules)), len(p.rules)), p.rules)
	copy(unsafe.Slice((*step)(unsafe.Add(base, h.steps)), len(p.steps)), p.steps)
	copy(unsafe.Slice((*uint32)(unsafe.Add(base, h.relocs)), len(p.relocs)), p.relocs)
	copy(unsafe.Slice((*byte)(unsafe.Add(base, h.data)), len(p.data)), p.data)
	return arena
}
