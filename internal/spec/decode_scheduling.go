package spec

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (d *decoder) scheduler() *specs.Scheduler {
	s := &specs.Scheduler{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "policy":
			s.Policy = specs.LinuxSchedulerPolicy(d.Text())
		case "nice":
			s.Nice = d.int32()
		case "priority":
			s.Priority = d.int32()
		case "flags":
			s.Flags = words[specs.LinuxSchedulerFlag](d)
		case "runtime":
			s.Runtime = d.Uint(math.MaxUint64)
		case "deadline":
			s.Deadline = d.Uint(math.MaxUint64)
		case "period":
			s.Period = d.Uint(math.MaxUint64)
		default:
			d.unknown(key, "policy nice priority flags runtime deadline period")
		}
	}
	return s
}

func (d *decoder) ioPriority() *specs.LinuxIOPriority {
	p := &specs.LinuxIOPriority{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "class":
			p.Class = specs.IOPriorityClass(d.Text())
		case "priority":
			p.Priority = int(d.int32())
		default:
			d.unknown(key, "class priority")
		}
	}
	return p
}

func (d *decoder) affinity() *specs.CPUAffinity {
	a := &specs.CPUAffinity{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "initial":
			a.Initial = d.Text()
		case "final":
			a.Final = d.Text()
		default:
			d.unknown(key, "initial final")
		}
	}
	return a
}

func (d *decoder) memoryPolicy() *specs.LinuxMemoryPolicy {
	p := &specs.LinuxMemoryPolicy{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "mode":
			p.Mode = specs.MemoryPolicyModeType(d.Text())
		case "nodes":
			p.Nodes = d.Text()
		case "flags":
			p.Flags = words[specs.MemoryPolicyFlagType](d)
		default:
			d.unknown(key, "mode nodes flags")
		}
	}
	return p
}

func (d *decoder) personality() *specs.LinuxPersonality {
	p := &specs.LinuxPersonality{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "domain":
			p.Domain = specs.LinuxPersonalityDomain(d.Text())
		case "flags":
			p.Flags = words[specs.LinuxPersonalityFlag](d)
		default:
			d.unknown(key, "domain flags")
		}
	}
	return p
}
