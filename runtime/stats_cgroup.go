package runtime

import (
	"github.com/roost-run/roost/cgroupv2"
)

// count fills in what the cgroup counts, in runc's units and places, which are those of cgroup v1, and says what it does not.
func (s *Stats) count(from *cgroupv2.Stats) missing {
	s.CPU.count(from.CPU)
	s.Memory.count(from.Memory)
	s.IO.count(from.IO)
	if from.PIDs != nil {
		s.Pids.Current, s.Pids.Limit = from.PIDs.Current, from.PIDs.Max
		if s.Pids.Limit == cgroupv2.Unlimited {
			s.Pids.Limit = 0
		}
	}
	for size, h := range from.HugeTLB {
		s.Hugetlb[size] = HugetlbStats{Usage: h.Current, Failcnt: h.Refused}
	}
	return missing{cpu: from.CPU == nil, memory: from.Memory == nil, pids: from.PIDs == nil, io: from.IO == nil}
}

func (s *CPUStats) count(from *cgroupv2.CPUStats) {
	if from == nil {
		return
	}
	const nanoseconds = 1000 // in a microsecond
	s.Usage.Total, s.Usage.Kernel, s.Usage.User = from.Usage*nanoseconds, from.System*nanoseconds, from.User*nanoseconds
	s.Throttling.Periods, s.Throttling.Throttled, s.Throttling.Time = from.Periods, from.ThrottledPeriods, from.ThrottledTime*nanoseconds
	s.Pressure = pressure(from.Pressure)
}

func (s *MemoryStats) count(from *cgroupv2.MemoryStats) {
	if from == nil {
		return
	}
	s.Cache = from.Raw["file"]
	s.Usage = MemoryEntry{Limit: from.Max, Usage: from.Current, Max: from.Peak, Failcnt: from.Events.Max}
	// Version 1 counted memory and swap together. The highest sum is none of the highest summands.
	swap := cgroupv2.SwapStats{}
	if from.Swap != nil {
		swap = *from.Swap
	}
	s.Swap = MemoryEntry{Limit: Unlimited, Usage: from.Current + swap.Current}
	if from.Max != Unlimited && swap.Max != Unlimited {
		s.Swap.Limit = from.Max + swap.Max
	}
	s.Raw = from.Raw
	s.Pressure = pressure(from.Pressure)
}

func (s *IOStats) count(from *cgroupv2.IOStats) {
	if from == nil {
		return
	}
	for _, d := range from.Devices {
		for _, column := range []struct {
			name, op string
			to       *[]IOEntry
		}{{"rbytes", "Read", &s.Bytes}, {"wbytes", "Write", &s.Bytes}, {"rios", "Read", &s.Operations}, {"wios", "Write", &s.Operations}} {
			if n, ok := d.Raw[column.name]; ok { // a device that only was asked about has a line without any
				*column.to = append(*column.to, IOEntry{uint64(d.Major), uint64(d.Minor), column.op, n})
			}
		}
	}
	s.Pressure = pressure(from.Pressure)
}

func pressure(from *cgroupv2.Pressure) *Pressure {
	if from == nil {
		return nil
	}
	return &Pressure{Some: PressureLine(from.Some), Full: PressureLine(from.Full)}
}
