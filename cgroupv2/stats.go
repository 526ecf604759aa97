package cgroupv2

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// Stats is what the kernel counts for a cgroup and all below it, since it was made. A part is nil where its controller isn't enabled here, or
// the kernel has none; a number is 0 where this kernel doesn't count it. Times are in microseconds, amounts in bytes, as in the
// kernel's files, and a limit that is not set is [Unlimited].
type Stats struct {
	CPU     *CPUStats // every cgroup has one; the controller adds throttling
	Memory  *MemoryStats
	PIDs    *PIDsStats
	IO      *IOStats
	HugeTLB map[string]HugeTLBStats // by page size, "2MB"
	RDMA    map[string]RDMAStats    // by device, "mlx5_0"
	Misc    map[string]MiscStats    // by resource, "sev"
}

// CPUStats is cpu.stat, cpu.pressure and the limits in force.
type CPUStats struct {
	Usage, User, System uint64 // µs

	Periods, ThrottledPeriods uint64 // of cpu.max, and those in which the quota was used up
	ThrottledTime             uint64 // µs, summed over the CPUs
	Bursts                    uint64 // periods in which more than the quota was used
	BurstTime                 uint64 // µs above the quota

	Weight        uint64 // 1 to 10000; 0 without the controller
	Quota, Period uint64 // µs; Quota is Unlimited where there is none, Period is 0 without the controller
	Pressure      *Pressure
	Raw           map[string]uint64 // cpu.stat as it is
}

// MemoryStats is memory.*, in bytes.
type MemoryStats struct {
	Current, Peak uint64 // Peak since Linux 5.19
	Max, High     uint64 // Unlimited where there is none
	Low, Min      uint64 // protected; 0 is nothing

	Swap     *SwapStats // nil where swap isn't accounted for
	Events   MemoryEvents
	Pressure *Pressure
	Raw      map[string]uint64 // memory.stat: bytes, and numbers of events
}

// SwapStats is memory.swap.*, of swap alone, in bytes.
type SwapStats struct{ Current, Peak, Max uint64 } // Peak since Linux 6.5

// PIDsStats is pids.*: processes and threads.
type PIDsStats struct {
	Current, Peak uint64 // Peak since Linux 6.10
	Max           uint64
	Refused       uint64 // how often a fork was refused for a limit (pids.events, "max")
}

// HugeTLBStats is hugetlb.SIZE.*, in bytes. The parts named Reserved are hugetlb.SIZE.rsvd.*, Linux 5.7.
type HugeTLBStats struct {
	Current, Max                 uint64
	Refused                      uint64 // hugetlb.SIZE.events, "max"
	ReservedCurrent, ReservedMax uint64
}

// RDMAStats is a device's lines in rdma.current and rdma.max.
type RDMAStats struct{ Handles, Objects, MaxHandles, MaxObjects uint64 }

// MiscStats is a resource's lines in misc.current, misc.max and misc.events.
type MiscStats struct{ Current, Max, Refused uint64 }

// Stats reads all of them. A file that cannot be read for another reason than that it isn't there is an error, with what was read all
// the same; lines and columns that aren't known are left out, or in Raw.
func (g *Group) Stats() (*Stats, error) {
	r := reader{g: g}
	s := &Stats{CPU: r.cpu(), Memory: r.memory(), PIDs: r.pids(), IO: r.io()}
	s.HugeTLB = r.hugetlb()
	s.RDMA = r.rdma()
	s.Misc = r.misc()
	if r.err == nil && s.CPU == nil {
		r.err = &os.PathError{Op: "read", Path: g.dir.Name() + "/cpu.stat", Err: os.ErrNotExist}
	}
	return s, r.err
}

// reader reads files of a cgroup that may be missing.
type reader struct {
	g   *Group
	err error // the first
}

// text is a file's; ok is whether it's there.
func (r *reader) text(file string) (text string, ok bool) {
	b, err := r.g.read(file)
	if err != nil {
		// ENOTSUP: pressure that is switched off on some kernels (psi=0).
		if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, errors.ErrUnsupported) && r.err == nil {
			r.err = err
		}
		return "", false
	}
	return string(b), true
}

// number is a file with a number or "max"; 0 if it isn't there.
func (r *reader) number(file string) (n uint64, ok bool) {
	text, ok := r.text(file)
	n, valid := number(strings.TrimSpace(text))
	return n, ok && valid
}

func number(s string) (uint64, bool) {
	if s == "max" {
		return Unlimited, true
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, false
	}
	return n, true
}

// flat is a file of lines with a name and a number; nil if it isn't there.
func (r *reader) flat(file string) map[string]uint64 {
	text, ok := r.text(file)
	if !ok {
		return nil
	}
	return flat(text)
}

func flat(text string) map[string]uint64 {
	m := make(map[string]uint64)
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, ok := number(rest); ok {
			m[name] = n
		}
	}
	return m
}

// nested is a file of lines with a name and NAME=NUMBER many times; nil if it isn't there.
func (r *reader) nested(file string) map[string]map[string]uint64 {
	text, ok := r.text(file)
	if !ok {
		return nil
	}
	m := make(map[string]map[string]uint64)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		columns := make(map[string]uint64)
		for _, column := range f[1:] {
			name, value, _ := strings.Cut(column, "=")
			if n, ok := number(value); ok {
				columns[name] = n
			}
		}
		m[f[0]] = columns
	}
	return m
}
