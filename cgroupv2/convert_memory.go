package cgroupv2

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (c *converter) memory(m *specs.LinuxMemory) {
	if m == nil {
		return
	}
	limit, reservation, swap := value(m.Limit), value(m.Reservation), value(m.Swap)
	for _, v := range []struct {
		path string
		n    int64
	}{{"memory.limit", limit}, {"memory.reservation", reservation}, {"memory.swap", swap}} {
		if v.n < -1 {
			c.bad(v.path, "%d is no number of bytes; -1 is no limit", v.n)
		}
	}
	c.swap(limit, swap)
	if s := amount(limit); s != "" {
		c.set("memory.limit", "memory.max", s).NotBelowUsage = m.CheckBeforeUpdate != nil && *m.CheckBeforeUpdate && limit > 0
	}
	if s := amount(reservation); s != "" {
		c.set("memory.reservation", "memory.low", s)
	}
	const counted = "cgroup v2 counts it as memory, under memory.limit"
	//nolint:staticcheck // deprecated, and refused
	c.v1(value(m.Kernel) > 0, "memory.kernel", counted)
	c.v1(value(m.KernelTCP) > 0, "memory.kernelTCP", counted)
	// 0 asks for something, too: to swap as little as possible.
	c.v1(m.Swappiness != nil, "memory.swappiness", "limit memory.swap, or leave it out")
	c.v1(m.DisableOOMKiller != nil && *m.DisableOOMKiller, "memory.disableOOMKiller", "memory.high by unified slows down what is above it")
}

// swap is memory.swap.max: memory.swap is of memory and swap together, as cgroup v1 counts them, and cgroup v2 counts swap for itself.
func (c *converter) swap(limit, swap int64) {
	s := ""
	switch {
	case swap == -1:
		s = "max"
	case swap == 0 && limit == -1: // who takes the limit of memory away means the swap that came with it, too
		s = "max"
	case swap <= 0 || limit < -1:
		return
	case limit == -1: // nothing to subtract
		s = amount(swap)
	case limit == 0:
		c.bad("memory.swap", "%d is of memory and swap together: give memory.limit too", swap)
		return
	case swap < limit:
		c.bad("memory.swap", "%d is of memory and swap together, and less than memory.limit, which is %d; the same means no swap", swap, limit)
		return
	default:
		s = strconv.FormatInt(swap-limit, 10)
	}
	path := "memory.swap"
	if swap == 0 {
		path = "memory.limit"
	}
	c.set(path, "memory.swap.max", s).Optional = s == "max" || s == "0"
}

// amount is a number as memory.max takes it; 0 asks for nothing.
func amount(n int64) string {
	switch {
	case n == -1:
		return "max"
	case n <= 0:
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// value is a number, or 0.
func value[N int64 | uint64 | uint16](n *N) N {
	if n == nil {
		return 0
	}
	return *n
}
