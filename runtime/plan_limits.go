package runtime

import (
	"fmt"
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/strictjson"
)

// limits says of every limit that is asked for that it cannot be had yet. A value that asks for what is so anyway is no limit.
func (p *Plan) limits(r *specs.LinuxResources, bad *planError) {
	if r == nil {
		return
	}
	not := func(asked bool, kind degrade.Kind, member string) {
		if asked {
			p.giveUp(kind, "linux.resources."+member, "limits are not supported yet; limit the service or scope that roost runs in", bad)
		}
	}
	if m := r.Memory; m != nil {
		not(positive(m.Limit), degrade.Memory, "memory.limit")
		not(positive(m.Reservation), degrade.Memory, "memory.reservation")
		not(positive(m.Swap), degrade.Memory, "memory.swap")
	}
	if c := r.CPU; c != nil {
		const usual = 1024 // what every cgroup has, and engines ask for
		not(c.Shares != nil && *c.Shares != 0 && *c.Shares != usual, degrade.CPU, "cpu.shares")
		not(positive(c.Quota), degrade.CPU, "cpu.quota")
		not(c.Burst != nil && *c.Burst > 0, degrade.CPU, "cpu.burst")
		not(c.Idle != nil && *c.Idle != 0, degrade.CPU, "cpu.idle")
		not(c.Cpus != "", degrade.Cpuset, "cpu.cpus")
		not(c.Mems != "", degrade.Cpuset, "cpu.mems")
	}
	not(r.Pids != nil && positive(r.Pids.Limit), degrade.PIDs, "pids.limit")
	if b := r.BlockIO; b != nil {
		not(b.Weight != nil && *b.Weight != 0, degrade.IO, "blockIO.weight")
		not(len(b.WeightDevice) > 0, degrade.IO, "blockIO.weightDevice")
		not(len(b.ThrottleReadBpsDevice) > 0, degrade.IO, "blockIO.throttleReadBpsDevice")
		not(len(b.ThrottleWriteBpsDevice) > 0, degrade.IO, "blockIO.throttleWriteBpsDevice")
		not(len(b.ThrottleReadIOPSDevice) > 0, degrade.IO, "blockIO.throttleReadIOPSDevice")
		not(len(b.ThrottleWriteIOPSDevice) > 0, degrade.IO, "blockIO.throttleWriteIOPSDevice")
	}
	for i := range r.HugepageLimits {
		not(true, degrade.HugeTLB, fmt.Sprintf("hugepageLimits[%d]", i))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Rdma)) {
		not(r.Rdma[name].HcaHandles != nil || r.Rdma[name].HcaObjects != nil, degrade.RDMA, strictjson.Member("rdma", name))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Unified)) {
		not(true, degrade.Unified, strictjson.Member("unified", name))
	}
}

// positive is a limit: 0 is none in every runtime, and -1 is no limit.
func positive(n *int64) bool { return n != nil && *n > 0 }
