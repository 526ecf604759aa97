package runtime

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
)

// Scheduling is how the kernel treats a process: when it runs, where, and where its memory is. A nil pointer leaves what the
// caller has.
type Scheduling struct {
	Scheduler   *Scheduler
	IOPriority  *IOPriority
	Memory      *MemoryPolicy
	Personality *Personality
	// The CPUs of an exec, as sets of bits: until it has joined the container, and from then on. nil leaves them.
	InitialCPUs, FinalCPUs []uint64
}

// Scheduler is what sched_setattr(2) takes.
type Scheduler struct {
	Name                      string // such as SCHED_FIFO
	Policy                    uint32
	Flags                     uint64
	Nice                      int32
	Priority                  uint32
	Runtime, Deadline, Period uint64 // nanoseconds
}

// IOPriority is what ioprio_set(2) takes.
type IOPriority struct {
	Class string
	Level int
	Value uint32
}

// MemoryPolicy is what set_mempolicy(2) takes.
type MemoryPolicy struct {
	Name  string
	Mode  uint32 // with its flags
	Nodes []uint64
	List  string // the nodes for people
}

// Personality is what personality(2) takes.
type Personality struct {
	Name  string
	Value uint32
}

// scheduling is the part that a process has by itself.
func (p *Plan) scheduling(s *specs.Process, at string, bad *planError) {
	to := &p.Process.Scheduling
	if s.Scheduler != nil {
		to.Scheduler = p.scheduler(s.Scheduler, at+"scheduler", bad)
	}
	if io := s.IOPriority; io != nil {
		value, _ := spec.IOPriority(*io)
		to.IOPriority = &IOPriority{Class: string(io.Class), Level: io.Priority, Value: value}
	}
}

func (p *Plan) scheduler(s *specs.Scheduler, at string, bad *planError) *Scheduler {
	out := &Scheduler{
		Name: string(s.Policy), Nice: s.Nice, Priority: uint32(max(0, s.Priority)),
		Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
	}
	out.Policy, _ = spec.SchedulerPolicy(s.Policy)
	for _, f := range s.Flags {
		bit, _ := spec.SchedulerFlag(f)
		out.Flags |= bit
	}
	switch {
	case s.Policy == specs.SchedDeadline && p.Init:
		// Neither can an own pid 1 fork it, nor may it fork one.
		p.giveUp(degrade.Scheduler, at+".policy", "a process of SCHED_DEADLINE is not made by forking (sched(7)), and our own pid 1 (--init) forks it; leave one of them out", bad)
		return nil
	case s.Policy == specs.SchedDeadline && len(p.Hooks.StartContainer) > 0 && out.Flags&spec.SchedResetOnFork == 0:
		p.giveUp(degrade.Scheduler, at+".policy", "a process of SCHED_DEADLINE cannot fork (sched(7)), and hooks.startContainer are forked by it; add SCHED_FLAG_RESET_ON_FORK, or leave the hooks out", bad)
		return nil
	case s.Policy == specs.SchedIdle && s.Nice != 0:
		p.GivenUp = append(p.GivenUp, Problem{Path: at + ".nice", Text: "means nothing with SCHED_IDLE"})
	}
	return out
}

// linuxScheduling is the part that is the container's, and so every process's in it.
func (p *Plan) linuxScheduling(l *specs.Linux) {
	if l == nil {
		return
	}
	to := &p.Process.Scheduling
	if m := l.MemoryPolicy; m != nil {
		out := &MemoryPolicy{Name: string(m.Mode), List: m.Nodes}
		out.Mode, _ = spec.MemoryMode(m.Mode)
		for _, f := range m.Flags {
			bit, _ := spec.MemoryFlag(f)
			out.Mode |= bit
		}
		out.Nodes = bitSet(spec.Nodes(m.Nodes))
		to.Memory = out
	}
	if d := l.Personality; d != nil && d.Domain != "" {
		value, _ := spec.Personality(d.Domain)
		to.Personality = &Personality{string(d.Domain), value}
	}
}

// affinity is for an exec only, the runtime-spec says so.
func (p *Plan) affinity(a *specs.CPUAffinity) {
	if a != nil {
		to := &p.Process.Scheduling
		to.InitialCPUs = bitSet(spec.CPUs(a.Initial))
		to.FinalCPUs = bitSet(spec.CPUs(a.Final))
	}
}

// bitSet is nil without ranges.
func bitSet(ranges []spec.Range) (set []uint64) {
	for _, r := range ranges {
		for n := r.First; n <= r.Last; n++ {
			for int(n/64) >= len(set) {
				set = append(set, 0)
			}
			set[n/64] |= 1 << (n % 64)
		}
	}
	return set
}
