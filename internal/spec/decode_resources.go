package spec

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (d *decoder) resources() *specs.LinuxResources {
	r := &specs.LinuxResources{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "devices":
			r.Devices = each(d, d.deviceRule)
		case "memory":
			r.Memory = d.memory()
		case "cpu":
			r.CPU = d.cpu()
		case "pids":
			r.Pids = d.pids()
		case "blockIO":
			r.BlockIO = d.blockIO()
		case "hugepageLimits":
			r.HugepageLimits = each(d, d.hugepageLimit)
		case "network":
			r.Network = d.network()
		case "rdma":
			r.Rdma = members(d, d.rdma)
		case "unified":
			r.Unified = d.textMap()
		default:
			d.unknown(key, "devices memory cpu pids blockIO network rdma unified hugepageLimits")
		}
	}
	return r
}

func (d *decoder) deviceRule() specs.LinuxDeviceCgroup {
	var r specs.LinuxDeviceCgroup
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "allow":
			r.Allow = d.Bool()
		case "type":
			r.Type = d.Text()
		case "major":
			r.Major = to(d.int64())
		case "minor":
			r.Minor = to(d.int64())
		case "access":
			r.Access = d.Text()
		default:
			d.unknown(key, "allow type major minor access")
		}
	}
	return r
}

func (d *decoder) memory() *specs.LinuxMemory {
	m := &specs.LinuxMemory{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "limit":
			m.Limit = to(d.int64())
		case "reservation":
			m.Reservation = to(d.int64())
		case "swap":
			m.Swap = to(d.int64())
		case "kernel":
			m.Kernel = to(d.int64()) //nolint:staticcheck // deprecated, and refused
		case "kernelTCP":
			m.KernelTCP = to(d.int64())
		case "swappiness":
			m.Swappiness = to(d.Uint(math.MaxUint64))
		case "disableOOMKiller":
			m.DisableOOMKiller = to(d.Bool())
		case "useHierarchy":
			m.UseHierarchy = to(d.Bool())
		case "checkBeforeUpdate":
			m.CheckBeforeUpdate = to(d.Bool())
		default:
			d.unknown(key, "limit reservation swap kernel kernelTCP swappiness disableOOMKiller useHierarchy checkBeforeUpdate")
		}
	}
	return m
}

func (d *decoder) cpu() *specs.LinuxCPU {
	c := &specs.LinuxCPU{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "shares":
			c.Shares = to(d.Uint(math.MaxUint64))
		case "quota":
			c.Quota = to(d.int64())
		case "burst":
			c.Burst = to(d.Uint(math.MaxUint64))
		case "period":
			c.Period = to(d.Uint(math.MaxUint64))
		case "realtimeRuntime":
			c.RealtimeRuntime = to(d.int64())
		case "realtimePeriod":
			c.RealtimePeriod = to(d.Uint(math.MaxUint64))
		case "cpus":
			c.Cpus = d.Text()
		case "mems":
			c.Mems = d.Text()
		case "idle":
			c.Idle = to(d.int64())
		default:
			d.unknown(key, "shares quota burst period realtimeRuntime realtimePeriod cpus mems idle")
		}
	}
	return c
}

func (d *decoder) pids() *specs.LinuxPids {
	p := &specs.LinuxPids{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "limit":
			p.Limit = to(d.int64())
		default:
			d.unknown(key, "limit")
		}
	}
	return p
}

func (d *decoder) hugepageLimit() specs.LinuxHugepageLimit {
	var l specs.LinuxHugepageLimit
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "pageSize":
			l.Pagesize = d.Text()
		case "limit":
			l.Limit = d.Uint(math.MaxUint64)
		default:
			d.unknown(key, "pageSize limit")
		}
	}
	return l
}

func (d *decoder) network() *specs.LinuxNetwork {
	n := &specs.LinuxNetwork{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "classID":
			n.ClassID = to(d.uint32())
		case "priorities":
			n.Priorities = each(d, d.interfacePriority)
		default:
			d.unknown(key, "classID priorities")
		}
	}
	return n
}

func (d *decoder) interfacePriority() specs.LinuxInterfacePriority {
	var p specs.LinuxInterfacePriority
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "name":
			p.Name = d.Text()
		case "priority":
			p.Priority = d.uint32()
		default:
			d.unknown(key, "name priority")
		}
	}
	return p
}

func (d *decoder) rdma() specs.LinuxRdma {
	var r specs.LinuxRdma
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "hcaHandles":
			r.HcaHandles = to(d.uint32())
		case "hcaObjects":
			r.HcaObjects = to(d.uint32())
		default:
			d.unknown(key, "hcaHandles hcaObjects")
		}
	}
	return r
}
