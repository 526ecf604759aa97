package main

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// call is what a filter decides about, struct seccomp_data.
type call struct {
	machine uint32
	nr      uint32
	args    [6]uint64
}

func (c call) bytes() []byte {
	b := binary.NativeEndian.AppendUint32(nil, c.nr)
	b = binary.NativeEndian.AppendUint32(b, c.machine)
	b = binary.NativeEndian.AppendUint64(b, 0) // instruction_pointer
	for _, a := range c.args {
		b = binary.NativeEndian.AppendUint64(b, a)
	}
	return b
}

// simulate runs a filter as the kernel does, with those instructions that it takes (kernel/seccomp.c, seccomp_check_filter) and
// filters are made of.
func simulate(t testing.TB, insns []byte, c call) uint32 {
	t.Helper()
	answer, err := interpret(insns, c)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func interpret(insns []byte, c call) (uint32, error) {
	data := c.bytes()
	var a, x uint32
	var memory [16]uint32
	for pc := 0; pc >= 0 && pc*insnSize < len(insns); pc++ {
		b := insns[pc*insnSize:]
		code, jt, jf, k := binary.NativeEndian.Uint16(b), int(b[2]), int(b[3]), binary.NativeEndian.Uint32(b[4:])
		jump := func(yes bool) {
			if yes {
				pc += jt
			} else {
				pc += jf
			}
		}
		switch code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if k%4 != 0 || int(k) >= len(data) {
				return 0, fmt.Errorf("%d: load of %d", pc, k)
			}
			a = binary.NativeEndian.Uint32(data[k:])
		case unix.BPF_LD | unix.BPF_MEM:
			a = memory[k]
		case unix.BPF_LDX | unix.BPF_MEM:
			x = memory[k]
		case unix.BPF_ST:
			memory[k] = a
		case unix.BPF_MISC | unix.BPF_TAX:
			x = a
		case unix.BPF_MISC | unix.BPF_TXA:
			a = x
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= k
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(k)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(a == k)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			jump(a > k)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= k)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			jump(a&k != 0)
		case unix.BPF_RET | unix.BPF_K:
			return k, nil
		default:
			return 0, fmt.Errorf("%d: instruction %#x", pc, code)
		}
	}
	return 0, fmt.Errorf("no answer")
}

// Answers, linux/seccomp.h.
const (
	killProcess = 0x80000000
	killThread  = 0x00000000
	trap        = 0x00030000
	errno       = 0x00050000
	notify      = 0x7fc00000
	trace       = 0x7ff00000
	logs        = 0x7ffc0000
	allow       = 0x7fff0000
)
