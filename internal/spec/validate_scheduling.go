package spec

import (
	"math"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// scheduler holds against the rules of sched_setattr(2); kernel/sched/syscalls.c has them in full.
func (r *report) scheduler(path string, s *specs.Scheduler) {
	realtime, deadline := false, false
	switch s.Policy {
	case specs.SchedOther, specs.SchedBatch, specs.SchedIdle:
	case specs.SchedFIFO, specs.SchedRR:
		realtime = true
	case specs.SchedDeadline:
		deadline = true
	case specs.SchedISO:
		r.refuse(path+".policy", "SCHED_ISO is a number that no kernel ever used; take SCHED_RR or SCHED_OTHER")
	case "":
		r.refuse(path+".policy", "missing; it is SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR or SCHED_DEADLINE")
	default:
		r.refuse(path+".policy", quote(string(s.Policy))+" is no policy; they are SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR and SCHED_DEADLINE")
	}
	r.schedulerFlags(path+".flags", s, deadline)
	switch {
	case s.Nice < -20 || s.Nice > 19:
		r.refuse(path+".nice", strconv.Itoa(int(s.Nice))+" is not from -20 to 19")
	case s.Nice != 0 && (realtime || deadline):
		r.giveUp(path+".nice", "means nothing with "+string(s.Policy))
	}
	// What is kept is not looked at.
	kept := slices.Contains(s.Flags, specs.SchedFlagKeepParams)
	switch {
	case s.Priority < 0 || s.Priority > 99, s.Priority == 0 && realtime && !kept:
		r.refuse(path+".priority", strconv.Itoa(int(s.Priority))+" is not from 1 to 99")
	case s.Priority != 0 && !realtime && s.Policy != "":
		r.refuse(path+".priority", "is for SCHED_FIFO and SCHED_RR; remove it, or take nice")
	}
	switch {
	case deadline && !kept:
		r.deadline(path, s)
	case !deadline && (s.Runtime != 0 || s.Deadline != 0 || s.Period != 0) && s.Policy != "":
		r.refuse(path, "runtime, deadline and period are for SCHED_DEADLINE; remove them")
	}
}

func (r *report) schedulerFlags(path string, s *specs.Scheduler, deadline bool) {
	for i, flag := range s.Flags {
		switch at := func() string { return strictjson.Element(path, i) }; flag {
		case specs.SchedFlagResetOnFork, specs.SchedFlagKeepPolicy, specs.SchedFlagKeepParams, specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax:
		case specs.SchedFlagReclaim, specs.SchedFlagDLOverrun:
			if !deadline {
				r.giveUp(at(), string(flag)+" means nothing without SCHED_DEADLINE")
			}
		default:
			r.refuse(at(), quote(string(flag))+" is no flag of a scheduler; see sched_setattr(2), such as SCHED_FLAG_RESET_ON_FORK")
		}
	}
}

// deadline checks the three times, in nanoseconds. What else bounds the period is for an administrator to say, in /proc/sys/kernel.
func (r *report) deadline(path string, s *specs.Scheduler) {
	period := s.Period
	if period == 0 {
		period = s.Deadline
	}
	switch {
	case s.Runtime < 1024:
		r.refuse(path+".runtime", strconv.FormatUint(s.Runtime, 10)+" ns; the kernel takes 1024 and more")
	case s.Deadline < s.Runtime:
		r.refuse(path+".deadline", "less than the runtime; it is runtime ≤ deadline ≤ period")
	case period < s.Deadline:
		r.refuse(path+".period", "less than the deadline; it is runtime ≤ deadline ≤ period")
	case period > math.MaxInt64:
		r.refuse(path+".period", "more than 9223372036854775807 ns, the most that the kernel takes")
	}
}

// ioPriority checks by ioprio_set(2).
func (r *report) ioPriority(path string, p *specs.LinuxIOPriority) {
	switch p.Class {
	case specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE:
	case "":
		r.refuse(path+".class", "missing; it is IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE")
	default:
		r.refuse(path+".class", quote(string(p.Class))+" is no class; they are IOPRIO_CLASS_RT, IOPRIO_CLASS_BE and IOPRIO_CLASS_IDLE")
	}
	if p.Priority < 0 || p.Priority > 7 {
		r.refuse(path+".priority", strconv.Itoa(p.Priority)+" is not from 0 (highest) to 7 (lowest)")
	}
}

// memoryPolicy holds against the rules of set_mempolicy(2): which modes want nodes, and what the flags go with (mm/mempolicy.c,
// mpol_new and sanitize_mpol_flags).
func (r *report) memoryPolicy(path string, p *specs.LinuxMemoryPolicy) {
	var static, relative, balancing bool
	for i, flag := range p.Flags {
		switch flag {
		case specs.MpolFStaticNodes:
			static = true
		case specs.MpolFRelativeNodes:
			relative = true
		case specs.MpolFNumaBalancing:
			balancing = true
		default:
			r.refuse(strictjson.Element(path+".flags", i), quote(string(flag))+" is no flag; they are MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES and MPOL_F_NUMA_BALANCING")
		}
	}
	const none, some, either = 0, 1, 2
	wants := either
	switch p.Mode {
	case specs.MpolDefault, specs.MpolLocal:
		wants = none
	case specs.MpolBind, specs.MpolInterleave, specs.MpolWeightedInterleave, specs.MpolPreferredMany:
		wants = some
	case specs.MpolPreferred:
	case "":
		r.refuse(path+".mode", "missing; such as MPOL_BIND or MPOL_INTERLEAVE")
	default:
		r.refuse(path+".mode", quote(string(p.Mode))+" is no mode; see set_mempolicy(2), such as MPOL_BIND")
	}
	nodes := p.Nodes != ""
	switch {
	case nodes && Nodes(p.Nodes) == nil:
		r.numbers(path+".nodes", p.Nodes, "memory nodes", maxNodes)
	case nodes && wants == none:
		r.refuse(path+".nodes", string(p.Mode)+" takes no nodes; remove them")
	case !nodes && wants == some:
		r.refuse(path+".nodes", "missing; "+string(p.Mode)+" needs at least one")
	}
	switch {
	case static && relative:
		r.refuse(path+".flags", "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other; keep one of them")
	case (static || relative) && (p.Mode == specs.MpolLocal || p.Mode == specs.MpolPreferred && !nodes):
		r.refuse(path+".flags", "say how to read nodes, of which there are none; remove them")
	}
	if balancing && p.Mode != specs.MpolBind && p.Mode != specs.MpolPreferredMany {
		r.refuse(path+".flags", "MPOL_F_NUMA_BALANCING goes with MPOL_BIND and MPOL_PREFERRED_MANY; remove it")
	}
}

func (r *report) personality(path string, p *specs.LinuxPersonality) {
	switch p.Domain {
	case specs.PerLinux, specs.PerLinux32:
	case "":
		r.refuse(path+".domain", "missing; it is LINUX or LINUX32")
	default:
		r.refuse(path+".domain", quote(string(p.Domain))+" is no personality here; they are LINUX and LINUX32")
	}
	if len(p.Flags) > 0 {
		r.refuse(path+".flags", "the runtime-spec defines none; remove them")
	}
}

// label is one of AppArmor or SELinux, which goes into a file of /proc or into mount options as a line.
func (r *report) label(path, label string) {
	for _, c := range []byte(label) {
		if c < ' ' || c == 0x7f {
			r.refuse(path, quote(label)+" has a control character, which no label has; remove it")
			return
		}
	}
}
