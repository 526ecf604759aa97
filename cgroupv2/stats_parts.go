package cgroupv2

import (
	"strings"
)

func (r *reader) cpu() *CPUStats {
	raw := r.flat("cpu.stat")
	if raw == nil {
		return nil
	}
	s := &CPUStats{
		Usage: raw["usage_usec"], User: raw["user_usec"], System: raw["system_usec"],
		Periods: raw["nr_periods"], ThrottledPeriods: raw["nr_throttled"], ThrottledTime: raw["throttled_usec"],
		Bursts: raw["nr_bursts"], BurstTime: raw["burst_usec"],
		Quota: Unlimited, Pressure: r.pressure("cpu.pressure"), Raw: raw,
	}
	s.Weight, _ = r.number("cpu.weight")
	text, _ := r.text("cpu.max")
	if f := strings.Fields(text); len(f) == 2 {
		s.Quota, _ = number(f[0])
		s.Period, _ = number(f[1])
	}
	return s
}

func (r *reader) memory() *MemoryStats {
	current, ok := r.number("memory.current")
	if !ok {
		return nil
	}
	s := &MemoryStats{Current: current, Raw: r.flat("memory.stat"), Pressure: r.pressure("memory.pressure")}
	s.Peak, _ = r.number("memory.peak")
	s.Max, _ = r.number("memory.max")
	s.High, _ = r.number("memory.high")
	s.Low, _ = r.number("memory.low")
	s.Min, _ = r.number("memory.min")
	s.Events = memoryEvents(r.flat("memory.events"))
	if current, ok := r.number("memory.swap.current"); ok {
		s.Swap = &SwapStats{Current: current}
		s.Swap.Peak, _ = r.number("memory.swap.peak")
		s.Swap.Max, _ = r.number("memory.swap.max")
	}
	return s
}

func (r *reader) pids() *PIDsStats {
	current, ok := r.number("pids.current")
	if !ok {
		return nil
	}
	s := &PIDsStats{Current: current, Refused: r.flat("pids.events")["max"]}
	s.Peak, _ = r.number("pids.peak")
	s.Max, _ = r.number("pids.max")
	return s
}

// hugetlb asks the directory for the page sizes: those of the machine may be more than those of the controller.
func (r *reader) hugetlb() map[string]HugeTLBStats {
	var sizes map[string]HugeTLBStats
	for _, name := range files(int(r.g.dir.Fd())) {
		prefix, ok := strings.CutSuffix(name, ".current")
		size, ours := strings.CutPrefix(prefix, "hugetlb.")
		if !ok || !ours || strings.Contains(size, ".") { // 2MB.rsvd
			continue
		}
		var s HugeTLBStats
		s.Current, _ = r.number(name)
		s.Max, _ = r.number(prefix + ".max")
		s.Refused = r.flat(prefix + ".events")["max"]
		s.ReservedCurrent, _ = r.number(prefix + ".rsvd.current")
		s.ReservedMax, _ = r.number(prefix + ".rsvd.max")
		if sizes == nil {
			sizes = make(map[string]HugeTLBStats)
		}
		sizes[size] = s
	}
	return sizes
}

func (r *reader) rdma() map[string]RDMAStats {
	current := r.nested("rdma.current")
	if current == nil {
		return nil
	}
	limits, devices := r.nested("rdma.max"), make(map[string]RDMAStats)
	for name, now := range current {
		s := RDMAStats{now["hca_handle"], now["hca_object"], Unlimited, Unlimited}
		if limit, ok := limits[name]; ok {
			s.MaxHandles, s.MaxObjects = limit["hca_handle"], limit["hca_object"]
		}
		devices[name] = s
	}
	return devices
}

func (r *reader) misc() map[string]MiscStats {
	current := r.flat("misc.current")
	if current == nil {
		return nil
	}
	limits, events, resources := r.flat("misc.max"), r.flat("misc.events"), make(map[string]MiscStats)
	for name, now := range current {
		s := MiscStats{now, Unlimited, events[name+".max"]}
		if limit, ok := limits[name]; ok {
			s.Max = limit
		}
		resources[name] = s
	}
	return resources
}
