package runtime

import (
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// mergeResources is what a container has, with what an update says. What that does not mention stays; so do the rules of devices, which engines
// send along with every update. Neither argument is changed.
func mergeResources(old, with *specs.LinuxResources) *specs.LinuxResources {
	r := specs.LinuxResources{}
	if old != nil {
		r = *old
	}
	r.Memory, r.CPU = mergeMemory(r.Memory, with.Memory), mergeCPU(r.CPU, with.CPU)
	if with.Pids != nil && with.Pids.Limit != nil {
		r.Pids = with.Pids
	}
	r.BlockIO = mergeBlockIO(r.BlockIO, with.BlockIO)
	for _, h := range with.HugepageLimits {
		r.HugepageLimits = replaceOr(r.HugepageLimits, h, func(a specs.LinuxHugepageLimit) bool { return a.Pagesize == h.Pagesize })
	}
	r.Rdma, r.Unified = mergeMap(r.Rdma, with.Rdma), mergeMap(r.Unified, with.Unified)
	if with.Network != nil {
		r.Network = with.Network
	}
	return &r
}

// or is b if it is given.
func or[T any](a *T, b *T) *T {
	if b != nil {
		return b
	}
	return a
}

func mergeMemory(old, with *specs.LinuxMemory) *specs.LinuxMemory {
	if old == nil || with == nil {
		return or(old, with)
	}
	m := *old
	m.Limit, m.Reservation, m.Swap = or(m.Limit, with.Limit), or(m.Reservation, with.Reservation), or(m.Swap, with.Swap)
	//nolint:staticcheck // deprecated, and refused later if they ask for anything
	m.Kernel, m.KernelTCP = or(m.Kernel, with.Kernel), or(m.KernelTCP, with.KernelTCP)
	m.Swappiness, m.DisableOOMKiller = or(m.Swappiness, with.Swappiness), or(m.DisableOOMKiller, with.DisableOOMKiller)
	m.UseHierarchy, m.CheckBeforeUpdate = or(m.UseHierarchy, with.UseHierarchy), with.CheckBeforeUpdate // it is about this update
	return &m
}

func mergeCPU(old, with *specs.LinuxCPU) *specs.LinuxCPU {
	if old == nil || with == nil {
		return or(old, with)
	}
	c := *old
	c.Shares, c.Quota, c.Burst, c.Period, c.Idle = or(c.Shares, with.Shares), or(c.Quota, with.Quota), or(c.Burst, with.Burst), or(c.Period, with.Period), or(c.Idle, with.Idle)
	c.RealtimeRuntime, c.RealtimePeriod = or(c.RealtimeRuntime, with.RealtimeRuntime), or(c.RealtimePeriod, with.RealtimePeriod)
	c.Cpus, c.Mems = first(with.Cpus, c.Cpus), first(with.Mems, c.Mems)
	return &c
}

func mergeBlockIO(old, with *specs.LinuxBlockIO) *specs.LinuxBlockIO {
	if old == nil || with == nil {
		return or(old, with)
	}
	b := *old
	b.Weight, b.LeafWeight = or(b.Weight, with.Weight), or(b.LeafWeight, with.LeafWeight)
	for _, w := range with.WeightDevice {
		b.WeightDevice = replaceOr(b.WeightDevice, w, func(a specs.LinuxWeightDevice) bool { return a.Major == w.Major && a.Minor == w.Minor })
	}
	for _, list := range []struct {
		to   *[]specs.LinuxThrottleDevice
		from []specs.LinuxThrottleDevice
	}{
		{&b.ThrottleReadBpsDevice, with.ThrottleReadBpsDevice}, {&b.ThrottleWriteBpsDevice, with.ThrottleWriteBpsDevice},
		{&b.ThrottleReadIOPSDevice, with.ThrottleReadIOPSDevice}, {&b.ThrottleWriteIOPSDevice, with.ThrottleWriteIOPSDevice},
	} {
		for _, d := range list.from {
			*list.to = replaceOr(*list.to, d, func(a specs.LinuxThrottleDevice) bool { return a.Major == d.Major && a.Minor == d.Minor })
		}
	}
	return &b
}

// replaceOr is the list with v in the place of what it replaces, or at the end.
func replaceOr[T any](list []T, v T, same func(T) bool) []T {
	list = slices.Clone(list)
	if i := slices.IndexFunc(list, same); i >= 0 {
		list[i] = v
		return list
	}
	return append(list, v)
}

func mergeMap[V any](old, with map[string]V) map[string]V {
	if len(with) == 0 {
		return old
	}
	m := make(map[string]V, len(old)+len(with))
	maps.Copy(m, old)
	maps.Copy(m, with)
	return m
}
