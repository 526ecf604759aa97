package cgroupv2

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// The registers of the program, linux/bpf.h.
const (
	r0 = iota // the answer: 1 allows
	r1        // struct bpf_cgroup_dev_ctx: access<<16|type, major, minor, of 32 bits each
	r2        // type: 1 is a block device, 2 a character device
	r3        // what is asked for and not yet allowed
	r4        // major
	r5        // minor
	r6
)

// program is the rules as an eBPF program. It goes through them from the last to the first, since the last one decides:
// a rule that denies any of what is still open ends it with no; one that allows takes from what is open, and when nothing is
// left the answer is yes. At the end it is no.
func program(rules []Rule) []sys.BPFInsn {
	p := []sys.BPFInsn{
		load(r2, r1, 0), alu(unix.BPF_AND, r2, 0xffff),
		load(r3, r1, 0), alu(unix.BPF_RSH, r3, 16),
		load(r4, r1, 4), load(r5, r1, 8),
	}
	for i := len(rules) - 1; i >= 0; i-- {
		block, always := rules[i].block()
		p = append(p, block...)
		if always { // the kernel refuses what can never be reached
			return p
		}
	}
	return append(p, answer(0)...)
}

// block is one rule; it always answers if it holds for every device and every access.
func (r Rule) block() (block []sys.BPFInsn, always bool) {
	var tests []sys.BPFInsn
	if r.Type != 'a' {
		tests = append(tests, jump(unix.BPF_JNE, r2, map[byte]int32{'b': 1, 'c': 2}[r.Type]))
	}
	if r.Major != Any {
		tests = append(tests, jump(unix.BPF_JNE, r4, int32(r.Major)))
	}
	if r.Minor != Any {
		tests = append(tests, jump(unix.BPF_JNE, r5, int32(r.Minor)))
	}
	always = len(tests) == 0 && r.Access == all
	var body []sys.BPFInsn
	switch {
	case always && r.Allow:
		body = answer(1)
	case r.Allow:
		body = append(body, alu(unix.BPF_AND, r3, int32(all&^r.Access)), jump(unix.BPF_JNE, r3, 0))
		body = append(body, answer(1)...)
		body[1].Off = 2
	case r.Access == all:
		body = answer(0)
	default:
		body = append(body, move(r6, r3), alu(unix.BPF_AND, r6, int32(r.Access)), jump(unix.BPF_JEQ, r6, 0))
		body = append(body, answer(0)...)
		body[2].Off = 2
	}
	for i := range tests {
		tests[i].Off = int16(len(tests) - 1 - i + len(body))
	}
	return append(tests, body...), always
}

func load(to, from uint8, offset int16) sys.BPFInsn {
	return sys.BPFInsn{Code: unix.BPF_LDX | unix.BPF_MEM | unix.BPF_W, Regs: sys.BPFRegs(to, from), Off: offset}
}

func alu(op, to uint8, value int32) sys.BPFInsn {
	return sys.BPFInsn{Code: unix.BPF_ALU | op | unix.BPF_K, Regs: sys.BPFRegs(to, 0), Imm: value}
}

func move(to, from uint8) sys.BPFInsn {
	return sys.BPFInsn{Code: unix.BPF_ALU | unix.BPF_MOV | unix.BPF_X, Regs: sys.BPFRegs(to, from)}
}

// jump compares a register with a value. All values are below 2^31, so 64 bits compare as 32 do.
func jump(op, reg uint8, value int32) sys.BPFInsn {
	return sys.BPFInsn{Code: unix.BPF_JMP | op | unix.BPF_K, Regs: sys.BPFRegs(reg, 0), Imm: value}
}

func answer(value int32) []sys.BPFInsn {
	return []sys.BPFInsn{
		{Code: unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K, Regs: sys.BPFRegs(r0, 0), Imm: value},
		{Code: unix.BPF_JMP | unix.BPF_EXIT},
	}
}

// FilterDevices puts the rules in force for everything in the cgroup and below it. It takes CAP_BPF and CAP_NET_ADMIN, or
// CAP_SYS_ADMIN, over the machine.
func (g *Group) FilterDevices(rules []Rule) error {
	fd, err := sys.LoadDeviceFilter(program(rules))
	if err != nil {
		return fmt.Errorf("device filter: %w", err)
	}
	defer unix.Close(fd)
	if err := sys.AttachDeviceFilter(fd, int(g.dir.Fd())); err != nil {
		return fmt.Errorf("device filter: %w", err)
	}
	return nil
}
