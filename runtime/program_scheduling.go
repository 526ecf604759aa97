package runtime

import (
	"encoding/binary"
	"math/bits"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/spec"
)

// scheduling makes us what the process is to be to the scheduler. After our last fork (SCHED_DEADLINE forbids another, and
// SCHED_FLAG_RESET_ON_FORK undoes all of it), after the resource limits (RLIMIT_RTPRIO and RLIMIT_NICE say what everybody may ask
// for) and before the capabilities go. Where these are worth nothing any more, the parent has done the first two: see outside.go.
func (c *compiler) scheduling(p *ProcessPlan) {
	s := &p.Scheduling
	if s.Scheduler != nil && !p.Outside {
		attr := *s.Scheduler
		if c.underOwnInit() {
			attr.Flags &^= spec.SchedResetOnFork // there is one more fork, see resetOnFork
		}
		c.schedule(&attr)
	}
	if s.IOPriority != nil && !p.Outside {
		const process = 1 // IOPRIO_WHO_PROCESS
		step := c.Call("set the I/O priority", unix.SYS_IOPRIO_SET, launch.Const(process), launch.Const(0), launch.Const(s.IOPriority.Value)).
			Remedy("IOPRIO_CLASS_RT takes CAP_SYS_NICE on the machine; " + degrade.Remedy(degrade.Scheduler))
		c.orGiveUp(degrade.Scheduler, "process.ioPriority", "the I/O priority is refused here; the caller's stays", []launch.StepRef{step}, unix.EPERM, unix.ENOSYS, unix.EINVAL)
	}
	c.cpus("run on the final CPUs", "final", s.FinalCPUs)
	if m := s.Memory; m != nil {
		c.memoryPolicy(m)
	}
	if d := s.Personality; d != nil {
		c.Call("set the personality", unix.SYS_PERSONALITY, launch.Const(d.Value)).Remedy("a filter of system calls around this container may forbid it; remove linux.personality")
	}
}

// schedErrnos are what sched_setattr(2) says to what it knows and will not or cannot do.
var schedErrnos = [...]syscall.Errno{unix.EPERM, unix.ENOSYS, unix.EINVAL, unix.EBUSY, unix.EOPNOTSUPP}

const schedRemedy = "real-time and deadline policies, and a nice value below the caller's, take CAP_SYS_NICE on the machine or the limits RLIMIT_RTPRIO and RLIMIT_NICE; "

func (c *compiler) schedule(s *Scheduler) {
	step := c.Call(c.say("set the scheduling policy ", s.Name), unix.SYS_SCHED_SETATTR, launch.Const(0), c.Data(s.attr()), launch.Const(0)).
		Remedy(schedRemedy + degrade.Remedy(degrade.Scheduler))
	c.orGiveUp(degrade.Scheduler, "process.scheduler", s.Name+" as asked for is refused here; the caller's scheduling stays", []launch.StepRef{step}, schedErrnos[:]...)
}

// attr is struct sched_attr in its second version, of Linux 5.3.
func (s *Scheduler) attr() []byte {
	const size = 56
	b := make([]byte, 0, size)
	b = binary.NativeEndian.AppendUint32(b, size)
	b = binary.NativeEndian.AppendUint32(b, s.Policy)
	b = binary.NativeEndian.AppendUint64(b, s.Flags)
	b = binary.NativeEndian.AppendUint32(b, uint32(s.Nice))
	b = binary.NativeEndian.AppendUint32(b, s.Priority)
	b = binary.NativeEndian.AppendUint64(b, s.Runtime)
	b = binary.NativeEndian.AppendUint64(b, s.Deadline)
	b = binary.NativeEndian.AppendUint64(b, s.Period)
	return append(b, make([]byte, size-len(b))...) // the clamps: the runtime-spec has flags for them, and no values
}

// resetOnFork is for the process below our own pid 1: a flag alone takes no privilege.
func (c *compiler) resetOnFork(p *ProcessPlan) {
	if s := p.Scheduling.Scheduler; s != nil && s.Flags&spec.SchedResetOnFork != 0 {
		flag := Scheduler{Flags: spec.SchedResetOnFork | spec.SchedKeepAll}
		c.Call("reset the scheduling of forks", unix.SYS_SCHED_SETATTR, launch.Const(0), c.Data(flag.attr()), launch.Const(0)).Ignore(schedErrnos[:]...)
	}
}

func (c *compiler) underOwnInit() bool { return c.plan != nil && c.plan.Init }

// cpus restricts us to a set of CPUs.
func (c *compiler) cpus(label, property string, set []uint64) {
	if set == nil {
		return
	}
	mask := longs(set)
	step := c.Call(label, unix.SYS_SCHED_SETAFFINITY, launch.Const(0), launch.Const(len(mask)), c.Data(mask)).
		Remedy("none of these CPUs is there, or is allowed here; " + degrade.Remedy(degrade.Scheduler))
	c.orGiveUp(degrade.Scheduler, "process.execCPUAffinity."+property, "none of these CPUs is there, or is allowed here; the others stay", []launch.StepRef{step}, unix.EINVAL, unix.EPERM, unix.ENOSYS)
}

func (c *compiler) memoryPolicy(m *MemoryPolicy) {
	nodes, most := launch.Const(0), 0
	if m.Nodes != nil {
		mask := longs(m.Nodes)
		nodes, most = c.Data(mask), 8*len(mask)+1 // the kernel takes one off, set_mempolicy(2)
	}
	step := c.Call(c.say("set the memory policy ", m.Name), unix.SYS_SET_MEMPOLICY, launch.Const(m.Mode), nodes, launch.Const(most)).
		Remedy("one of these nodes may not be there or not be allowed here, the mode may need a newer kernel, or a container around this one forbids it; " + degrade.Remedy(degrade.Scheduler))
	c.orGiveUp(degrade.Scheduler, "linux.memoryPolicy", m.Name+" on nodes "+m.List+" is refused here; the caller's policy stays", []launch.StepRef{step}, unix.ENOSYS, unix.EPERM, unix.EINVAL)
}

// longs is a set of bits as the kernel takes them: in words of the machine's size.
func longs(set []uint64) []byte {
	var b []byte
	for _, word := range set {
		if bits.UintSize == 64 {
			b = binary.NativeEndian.AppendUint64(b, word)
		} else {
			b = binary.NativeEndian.AppendUint32(b, uint32(word))
			b = binary.NativeEndian.AppendUint32(b, uint32(word>>32))
		}
	}
	return b
}
