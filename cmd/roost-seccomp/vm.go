package main

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

const insnSize = 8 // of struct sock_filter

// parse is a filter as it goes to the kernel, taken apart.
func parse(insns []byte) []unix.SockFilter {
	p := make([]unix.SockFilter, 0, len(insns)/insnSize)
	for ; len(insns) >= insnSize; insns = insns[insnSize:] {
		p = append(p, unix.SockFilter{Code: binary.NativeEndian.Uint16(insns), Jt: insns[2], Jf: insns[3], K: binary.NativeEndian.Uint32(insns[4:])})
	}
	return p
}

func bytesOf(p []unix.SockFilter) []byte {
	b := make([]byte, 0, insnSize*len(p))
	for _, i := range p {
		b = binary.NativeEndian.AppendUint16(b, i.Code)
		b = append(b, i.Jt, i.Jf)
		b = binary.NativeEndian.AppendUint32(b, i.K)
	}
	return b
}

// call is what a filter decides about.
type call struct {
	machine uint32
	nr      uint32
	args    [6]uint64
}

// Offsets in struct seccomp_data, linux/seccomp.h.
const (
	dataNr   = 0
	dataArch = 4
	dataArgs = 16 // after an instruction pointer
	dataSize = dataArgs + 6*8
)

// word is the 32-bit word at an offset.
func (c *call) word(offset uint32) uint32 {
	switch {
	case offset == dataNr:
		return c.nr
	case offset == dataArch:
		return c.machine
	case offset < dataArgs:
		return 0
	}
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], c.args[(offset-dataArgs)/8])
	return binary.NativeEndian.Uint32(b[offset%8:])
}

// The instructions that libseccomp makes filters of; the kernel takes some more (kernel/seccomp.c, seccomp_check_filter).
const (
	opLoad     = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	opLoadMem  = unix.BPF_LD | unix.BPF_MEM
	opLoadX    = unix.BPF_LDX | unix.BPF_MEM
	opStore    = unix.BPF_ST
	opToX      = unix.BPF_MISC | unix.BPF_TAX
	opFromX    = unix.BPF_MISC | unix.BPF_TXA
	opAnd      = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	opJump     = unix.BPF_JMP | unix.BPF_JA
	opEqual    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	opGreater  = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	opNotBelow = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	opAnyBit   = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	opReturn   = unix.BPF_RET | unix.BPF_K
)

// interpret runs a filter as the kernel does.
func interpret(p []unix.SockFilter, c call) (uint32, error) {
	var a, x uint32
	var memory [16]uint32
	for pc := 0; pc < len(p); pc++ {
		i := &p[pc]
		yes := false
		switch i.Code {
		case opLoad:
			if i.K%4 != 0 || i.K >= dataSize {
				return 0, fmt.Errorf("%d: load of %d", pc, i.K)
			}
			a = c.word(i.K)
			continue
		case opLoadMem:
			a = memory[i.K%16]
			continue
		case opLoadX:
			x = memory[i.K%16]
			continue
		case opStore:
			memory[i.K%16] = a
			continue
		case opToX:
			x = a
			continue
		case opFromX:
			a = x
			continue
		case opAnd:
			a &= i.K
			continue
		case opJump:
			pc = ahead(p, pc, i.K) - 1
			continue
		case opReturn:
			return i.K, nil
		case opEqual, opGreater, opNotBelow, opAnyBit:
			yes = compare(i.Code, a, i.K)
		default:
			return 0, fmt.Errorf("%d: instruction %#x", pc, i.Code)
		}
		if yes {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	return 0, fmt.Errorf("no answer")
}

// ahead is where a jump leads to, at most to the end.
func ahead(p []unix.SockFilter, pc int, k uint32) int {
	return int(min(uint64(pc)+1+uint64(k), uint64(len(p))))
}

func compare(code uint16, a, k uint32) bool {
	switch code {
	case opEqual:
		return a == k
	case opGreater:
		return a > k
	case opNotBelow:
		return a >= k
	}
	return a&k != 0
}
