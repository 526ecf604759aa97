package runtime

import (
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/strictjson"
)

// limits gives up what a cgroup of the container's own would take. What asks for nothing more than a new cgroup has anyway
// (no limit, the weight of everybody) is let pass: engines write much of that.
func (p *Plan) limits(r *specs.LinuxResources, bad *planError) {
	if r == nil {
		return
	}
	limit := func(kind degrade.Kind, asked bool, path string) {
		if asked {
			p.giveUp(kind, "linux.resources."+path, "limits are not applied yet; limit the service or scope that roost runs in", bad)
		}
	}
	if m := r.Memory; m != nil {
		limit(degrade.Memory, above(m.Limit), "memory.limit")
		limit(degrade.Memory, above(m.Reservation), "memory.reservation")
		limit(degrade.Memory, above(m.Swap), "memory.swap")
	}
	if c := r.CPU; c != nil {
		limit(degrade.CPU, c.Shares != nil && *c.Shares > 0, "cpu.shares")
		limit(degrade.CPU, above(c.Quota), "cpu.quota") // a period means nothing without one
		limit(degrade.CPU, c.Burst != nil && *c.Burst > 0, "cpu.burst")
		limit(degrade.CPU, c.Idle != nil && *c.Idle != 0, "cpu.idle")
		limit(degrade.Cpuset, c.Cpus != "", "cpu.cpus")
		limit(degrade.Cpuset, c.Mems != "", "cpu.mems")
	}
	if r.Pids != nil {
		limit(degrade.PIDs, above(r.Pids.Limit), "pids.limit")
	}
	if r.BlockIO != nil {
		blockIO(r.BlockIO, func(asked bool, path string) { limit(degrade.IO, asked, "blockIO."+path) })
	}
	limit(degrade.HugeTLB, len(r.HugepageLimits) > 0, "hugepageLimits")
	for _, name := range slices.Sorted(maps.Keys(r.Rdma)) {
		limit(degrade.RDMA, r.Rdma[name].HcaHandles != nil || r.Rdma[name].HcaObjects != nil, strictjson.Member("rdma", name))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Unified)) {
		limit(degrade.Unified, true, strictjson.Member("unified", name))
	}
}

// above says whether there is a limit: 0 is none given, -1 is none wanted.
func above(n *int64) bool { return n != nil && *n > 0 }

func blockIO(b *specs.LinuxBlockIO, limit func(asked bool, path string)) {
	limit(b.Weight != nil && *b.Weight > 0, "weight")
	for i, w := range b.WeightDevice {
		limit(w.Weight != nil && *w.Weight > 0, strictjson.Element("weightDevice", i)+".weight")
	}
	throttle := func(list []specs.LinuxThrottleDevice, name string) {
		for i, t := range list {
			limit(t.Rate > 0, strictjson.Element(name, i)+".rate")
		}
	}
	throttle(b.ThrottleReadBpsDevice, "throttleReadBpsDevice")
	throttle(b.ThrottleWriteBpsDevice, "throttleWriteBpsDevice")
	throttle(b.ThrottleReadIOPSDevice, "throttleReadIOPSDevice")
	throttle(b.ThrottleWriteIOPSDevice, "throttleWriteIOPSDevice")
}
