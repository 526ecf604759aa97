package cgroupv2

// Brief is what changes from second to second, for those who look at many cgroups often: of [Stats] the times of CPU, and the current amount and the
// limit of Memory and PIDs. The rest is zero. It reads five files; memory.stat, which has the kernel add up what all processors have counted, is
// not one of them.
func (g *Group) Brief() (*Stats, error) {
	r := reader{g: g}
	s := &Stats{}
	if raw := r.flat("cpu.stat"); raw != nil {
		s.CPU = &CPUStats{Usage: raw["usage_usec"], User: raw["user_usec"], System: raw["system_usec"], Quota: Unlimited}
	}
	if current, ok := r.number("memory.current"); ok {
		s.Memory = &MemoryStats{Current: current}
		s.Memory.Max, _ = r.number("memory.max")
	}
	if current, ok := r.number("pids.current"); ok {
		s.PIDs = &PIDsStats{Current: current}
		s.PIDs.Max, _ = r.number("pids.max")
	}
	return s, r.err
}

// Pressure is what the kernel tells of "cpu", "memory" or "io" without asking whether the controller is enabled: it does not have to be. Nil
// where it tells nothing.
func (g *Group) Pressure(resource string) *Pressure {
	r := reader{g: g}
	return r.pressure(resource + ".pressure")
}
