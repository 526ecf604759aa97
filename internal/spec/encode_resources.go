package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

func (e *encoder) resources(c *specs.LinuxResources) {
	e.open('{')
	list(e, "devices", c.Devices, (*encoder).deviceRule)
	if c.Memory != nil {
		e.name("memory")
		e.memory(c.Memory)
	}
	if c.CPU != nil {
		e.name("cpu")
		e.cpu(c.CPU)
	}
	if c.Pids != nil {
		e.name("pids")
		e.open('{')
		signedIf(e, "limit", c.Pids.Limit)
		e.close('}')
	}
	if c.BlockIO != nil {
		e.name("blockIO")
		e.blockIO(c.BlockIO)
	}
	list(e, "hugepageLimits", c.HugepageLimits, func(e *encoder, l *specs.LinuxHugepageLimit) {
		e.open('{')
		e.name("pageSize")
		e.string(l.Pagesize)
		e.number("limit", l.Limit)
		e.close('}')
	})
	if c.Network != nil {
		e.name("network")
		e.open('{')
		numberIf(e, "classID", c.Network.ClassID)
		list(e, "priorities", c.Network.Priorities, func(e *encoder, p *specs.LinuxInterfacePriority) {
			e.open('{')
			e.name("name")
			e.string(p.Name)
			e.number("priority", uint64(p.Priority))
			e.close('}')
		})
		e.close('}')
	}
	dict(e, "rdma", c.Rdma, func(e *encoder, r *specs.LinuxRdma) {
		e.open('{')
		numberIf(e, "hcaHandles", r.HcaHandles)
		numberIf(e, "hcaObjects", r.HcaObjects)
		e.close('}')
	})
	e.textMap("unified", c.Unified)
	e.close('}')
}

func (e *encoder) deviceRule(r *specs.LinuxDeviceCgroup) {
	e.open('{')
	e.name("allow")
	e.b = strictjson.AppendBool(e.b, r.Allow)
	e.text("type", r.Type)
	signedIf(e, "major", r.Major)
	signedIf(e, "minor", r.Minor)
	e.text("access", r.Access)
	e.close('}')
}

func (e *encoder) memory(m *specs.LinuxMemory) {
	e.open('{')
	signedIf(e, "limit", m.Limit)
	signedIf(e, "reservation", m.Reservation)
	signedIf(e, "swap", m.Swap)
	signedIf(e, "kernel", m.Kernel) //nolint:staticcheck // deprecated, and part of the document
	signedIf(e, "kernelTCP", m.KernelTCP)
	numberIf(e, "swappiness", m.Swappiness)
	flagIf(e, "disableOOMKiller", m.DisableOOMKiller)
	flagIf(e, "useHierarchy", m.UseHierarchy)
	flagIf(e, "checkBeforeUpdate", m.CheckBeforeUpdate)
	e.close('}')
}

func (e *encoder) cpu(c *specs.LinuxCPU) {
	e.open('{')
	numberIf(e, "shares", c.Shares)
	signedIf(e, "quota", c.Quota)
	numberIf(e, "burst", c.Burst)
	numberIf(e, "period", c.Period)
	signedIf(e, "realtimeRuntime", c.RealtimeRuntime)
	numberIf(e, "realtimePeriod", c.RealtimePeriod)
	e.text("cpus", c.Cpus)
	e.text("mems", c.Mems)
	signedIf(e, "idle", c.Idle)
	e.close('}')
}

func (e *encoder) blockIO(b *specs.LinuxBlockIO) {
	e.open('{')
	numberIf(e, "weight", b.Weight)
	numberIf(e, "leafWeight", b.LeafWeight)
	list(e, "weightDevice", b.WeightDevice, func(e *encoder, w *specs.LinuxWeightDevice) {
		e.open('{')
		e.signed("major", w.Major)
		e.signed("minor", w.Minor)
		numberIf(e, "weight", w.Weight)
		numberIf(e, "leafWeight", w.LeafWeight)
		e.close('}')
	})
	list(e, "throttleReadBpsDevice", b.ThrottleReadBpsDevice, (*encoder).throttle)
	list(e, "throttleWriteBpsDevice", b.ThrottleWriteBpsDevice, (*encoder).throttle)
	list(e, "throttleReadIOPSDevice", b.ThrottleReadIOPSDevice, (*encoder).throttle)
	list(e, "throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice, (*encoder).throttle)
	e.close('}')
}

func (e *encoder) throttle(t *specs.LinuxThrottleDevice) {
	e.open('{')
	e.signed("major", t.Major)
	e.signed("minor", t.Minor)
	e.number("rate", t.Rate)
	e.close('}')
}
