package main

import (
	"slices"

	"golang.org/x/sys/unix"
)

// limit is what a profile knows of an architecture.
type limit struct {
	machine uint32
	highest int64 // number of a system call, -1 without any; that of x32 has its bit
}

const (
	x32Bit     = 0x40000000 // __X32_SYSCALL_BIT
	armPrivate = 0x0f0000   // __ARM_NR_BASE: cacheflush, set_tls, and whatever else is not numbered like the rest
	enosys     = 0x00050000 | uint32(unix.ENOSYS)
)

// tooNew is what comes before a filter: a system call with a number above all that the profile knows ends with ENOSYS, as on a
// kernel that does not have it. Programs then do without it; EPERM would stop them, and killing them even more. What the profile
// denies by not naming it keeps its answer. So does runc.
//
//	load the architecture
//	for each: not this one → the next; load the number; above the highest → the end; else → the filter
//	→ the filter
//	the end: return ENOSYS
//	the filter
func tooNew(limits []limit) []unix.SockFilter {
	var p []unix.SockFilter
	op := func(code uint16, k uint32) { p = append(p, unix.SockFilter{Code: code, K: k}) }
	// What jumps to the end or to the filter is told where they are when that is known.
	var toEnd, toFilter, toFilterElse []int
	last := func() int { return len(p) - 1 }
	op(opLoad, dataArch)
	above := func(highest int64) {
		op(opGreater, uint32(highest))
		toEnd, toFilterElse = append(toEnd, last()), append(toFilterElse, last())
	}
	machines := merge(limits)
	for _, m := range machines {
		op(opEqual, m.machine)
		start := last()
		op(opLoad, dataNr)
		switch m.machine {
		case unix.AUDIT_ARCH_X86_64:
			op(opNotBelow, x32Bit)
			split := last()
			if m.highest >= 0 {
				above(m.highest)
			} else {
				op(opJump, 0)
				toFilter = append(toFilter, last())
			}
			if m.x32 < 0 { // not in the profile: for the filter to deal with, as with any other architecture
				toFilter = append(toFilter, split)
			} else {
				p[split].Jt = uint8(last() - split)
				above(m.x32)
			}
		case unix.AUDIT_ARCH_ARM:
			op(opNotBelow, armPrivate)
			toFilter = append(toFilter, last())
			above(m.highest)
		default:
			above(m.highest)
		}
		p[start].Jf = uint8(last() - start)
	}
	if len(machines) == 0 {
		return nil
	}
	op(opJump, 1)
	end := len(p)
	op(opReturn, enosys)
	for _, i := range toEnd {
		p[i].Jt = uint8(end - i - 1)
	}
	for _, i := range toFilterElse {
		p[i].Jf = uint8(end - i)
	}
	for _, i := range toFilter {
		if p[i].Code == opJump {
			p[i].K = uint32(end - i)
		} else {
			p[i].Jt = uint8(end - i)
		}
	}
	return p
}

// known is a machine with its one or two ranges of numbers.
type known struct {
	machine      uint32
	highest, x32 int64
}

// merge puts x32 and x86_64 together, and leaves out of what the profile knows nothing.
func merge(limits []limit) (list []known) {
	for _, l := range limits {
		if l.highest < 0 {
			continue
		}
		i := slices.IndexFunc(list, func(k known) bool { return k.machine == l.machine })
		if i < 0 {
			i = len(list)
			list = append(list, known{l.machine, -1, -1})
		}
		if l.machine == unix.AUDIT_ARCH_X86_64 && l.highest >= x32Bit {
			list[i].x32 = l.highest
		} else {
			list[i].highest = l.highest
		}
	}
	return list
}
