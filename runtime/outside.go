package runtime

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// fromOutside does for a process what it has no privilege for any more: in a user namespace of its own it has none over the
// machine, which is what the kernel asks for here (capable() in its sources, not ns_capable()). The caller has it, see
// Plan.attributes. A process that nothing of this was asked for takes no system call.
func (p *ProcessPlan) fromOutside(pid int, policies degrade.Policies) (givenUp []Problem, err error) {
	if !p.Outside {
		return nil, nil
	}
	// try lets an error pass if it is a refusal and the policy for the kind allows it.
	try := func(kind degrade.Kind, path, what, remedy string, err error) error {
		refused := errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)
		if kind == degrade.Scheduler {
			for _, errno := range schedErrnos {
				refused = refused || errors.Is(err, errno)
			}
		}
		switch {
		case err == nil:
			return nil
		case refused && policies.Allows(kind):
			givenUp = append(givenUp, Problem{Path: path, Text: what + ": " + err.Error(), Loud: policies.For(kind) == degrade.Warn})
			return nil
		}
		code := fault.Process
		if refused {
			code = fault.Degraded
		}
		return &fault.Error{Code: code, Kind: string(kind), Hint: remedy + degrade.Remedy(kind), Err: fmt.Errorf("%s: %w", what, err)}
	}
	if p.OOMScoreAdj != nil {
		err := writeFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", itoa(*p.OOMScoreAdj))
		if err := try(degrade.OOM, "process.oomScoreAdj", "set oom_score_adj", "only root may lower it; ", err); err != nil {
			return givenUp, err
		}
	}
	for _, r := range p.Rlimits {
		err := os.NewSyscallError("prlimit", unix.Prlimit(pid, r.Resource, &unix.Rlimit{Cur: r.Soft, Max: r.Hard}, nil))
		if err := try(degrade.Rlimit, "process.rlimits", "set the resource limit "+r.Name, rlimitRemedy, err); err != nil {
			return givenUp, err
		}
	}
	if s := p.Scheduling.Scheduler; s != nil {
		attr := unix.SchedAttr{
			Size: unix.SizeofSchedAttr, Policy: s.Policy, Flags: s.Flags, Nice: s.Nice, Priority: s.Priority,
			Runtime: s.Runtime, Deadline: s.Deadline, Period: s.Period,
		}
		err := os.NewSyscallError("sched_setattr", unix.SchedSetAttr(pid, &attr, 0))
		if err := try(degrade.Scheduler, "process.scheduler", "set the scheduling policy "+s.Name, schedRemedy, err); err != nil {
			return givenUp, err
		}
	}
	if io := p.Scheduling.IOPriority; io != nil {
		if err := try(degrade.Scheduler, "process.ioPriority", "set the I/O priority", "", sys.SetIOPriority(pid, io.Value)); err != nil {
			return givenUp, err
		}
	}
	return givenUp, nil
}

func writeFile(path string, data []byte) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, data); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}
