package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

// Flags of sched_setattr(2), linux/sched.h.
const (
	SchedResetOnFork  = 0x01
	schedReclaim      = 0x02
	schedOverrun      = 0x04
	schedKeepPolicy   = 0x08
	SchedKeepParams   = 0x10
	SchedKeepAll      = schedKeepPolicy | SchedKeepParams
	schedUtilClampMin = 0x20
	schedUtilClampMax = 0x40
)

// SchedulerPolicy is the kernel's number of a policy, sched(7).
func SchedulerPolicy(p specs.LinuxSchedulerPolicy) (uint32, bool) {
	switch p {
	case specs.SchedOther:
		return 0, true
	case specs.SchedFIFO:
		return 1, true
	case specs.SchedRR:
		return 2, true
	case specs.SchedBatch:
		return 3, true
	case specs.SchedISO:
		return 4, true // reserved: no kernel of kernel.org has it
	case specs.SchedIdle:
		return 5, true
	case specs.SchedDeadline:
		return 6, true
	}
	return 0, false
}

// SchedulerFlag is a flag's bit.
func SchedulerFlag(f specs.LinuxSchedulerFlag) (uint64, bool) {
	switch f {
	case specs.SchedFlagResetOnFork:
		return SchedResetOnFork, true
	case specs.SchedFlagReclaim:
		return schedReclaim, true
	case specs.SchedFlagDLOverrun:
		return schedOverrun, true
	case specs.SchedFlagKeepPolicy:
		return schedKeepPolicy, true
	case specs.SchedFlagKeepParams:
		return SchedKeepParams, true
	case specs.SchedFlagUtilClampMin:
		return schedUtilClampMin, true
	case specs.SchedFlagUtilClampMax:
		return schedUtilClampMax, true
	}
	return 0, false
}

// IOPriority is what ioprio_set(2) takes, linux/ioprio.h.
func IOPriority(p specs.LinuxIOPriority) (uint32, bool) {
	const classShift = 13
	switch p.Class {
	case specs.IOPRIO_CLASS_RT:
		return 1<<classShift | uint32(p.Priority), true
	case specs.IOPRIO_CLASS_BE:
		return 2<<classShift | uint32(p.Priority), true
	case specs.IOPRIO_CLASS_IDLE:
		return 3<<classShift | uint32(p.Priority), true
	}
	return 0, false
}

// Personality is the number of an execution domain, personality(2).
func Personality(d specs.LinuxPersonalityDomain) (uint32, bool) {
	switch d {
	case specs.PerLinux:
		return 0, true
	case specs.PerLinux32:
		return 8, true
	}
	return 0, false
}

// MemoryMode is a mode of set_mempolicy(2), linux/mempolicy.h.
func MemoryMode(m specs.MemoryPolicyModeType) (uint32, bool) {
	switch m {
	case specs.MpolDefault:
		return 0, true
	case specs.MpolPreferred:
		return 1, true
	case specs.MpolBind:
		return 2, true
	case specs.MpolInterleave:
		return 3, true
	case specs.MpolLocal:
		return 4, true
	case specs.MpolPreferredMany:
		return 5, true
	case specs.MpolWeightedInterleave:
		return 6, true
	}
	return 0, false
}

// MemoryFlag is a flag's bit, which is added to the mode.
func MemoryFlag(f specs.MemoryPolicyFlagType) (uint32, bool) {
	switch f {
	case specs.MpolFNumaBalancing:
		return 1 << 13, true
	case specs.MpolFRelativeNodes:
		return 1 << 14, true
	case specs.MpolFStaticNodes:
		return 1 << 15, true
	}
	return 0, false
}
