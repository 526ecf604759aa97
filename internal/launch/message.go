package launch

import "unsafe"

// What child and parent say to each other, over a SOCK_SEQPACKET pair. The first process of a program and those that it
// forks share the child's end.
//
//	child            parent          meaning
//	msgFailed   →                    a step failed: step, errno, or in value the status of a child; the sender ends
//	msgForked   →                    value is the pid of a fork, which is the process that counts
//	msgNote     →                    value is a number that the program's maker gave a meaning: something was given up
//	msgExec     →                    the execve is next; then either msgFailed or the end of the socket
//	msgSync     →                    the child is at sync point number sync, and waits; descriptors may come along
//	            ←    msgGo           go on; a reply may follow in the same packet
//	            ←    (end)           the parent is gone, or gave up: the child ends
//
// After [Builder.ReportTo] msgFailed and msgExec go to a FIFO instead, as they are.
type message struct {
	kind  uint32
	step  uint32
	errno uint32
	sync  uint32
	value uint64
	about uint32 // what the child does: a number that the program's maker gave a meaning
	who   uint32 // which process of the child's side speaks
}

const (
	msgFailed = 1 + iota
	msgForked
	msgExec
	msgSync
	msgGo
	msgNote
)

// Who speaks. A child of whom Spawn makes is twice as much: what the first spawns still is before the second, and what the
// second spawns is not the second.
const (
	whoFirst  = 0
	whoSecond = 1 // the one that Fork made
)

const messageSize = int(unsafe.Sizeof(message{}))

// MaxFiles is how many descriptors a child can send at one sync point.
const MaxFiles = 4

// controlSize holds a cmsghdr (16 bytes on 64-bit systems, 12 on 32-bit ones) and MaxFiles descriptors.
const controlSize = 16 + 4*MaxFiles

// msghdr and iovec are the kernel's, with integers for pointers: the child must not store Go pointers, since a write
// barrier may be on in the memory that it inherited.
type msghdr struct {
	name       uintptr
	namelen    uint32
	iov        uintptr
	iovlen     uintptr
	control    uintptr
	controllen uintptr
	flags      int32
}

type iovec struct{ base, length uintptr }

// cmsghdr begins a control message. Its data follows at once: the header's size is a multiple of the alignment everywhere.
type cmsghdr struct {
	length uintptr
	level  int32
	kind   int32
}
