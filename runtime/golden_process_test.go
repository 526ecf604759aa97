package runtime

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// plainProcess has no mounts and devices to read past.
func plainProcess() *specs.Spec {
	s := quiet()
	s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
	return s
}

func scheduledSpec() *specs.Spec {
	s := plainProcess()
	s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedFIFO, Priority: 10, Nice: 3, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}}
	s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 7}
	s.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0-3", Final: "1,65"}
	s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolInterleave, Nodes: "0-1", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}
	s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
	return s
}

func networkSpec() *specs.Spec {
	s := plainProcess()
	s.Linux.Sysctl = map[string]string{"net.ipv4.conf.eth0/1.forwarding": "1", "kernel.sem": "32000 1024000000 500 32000", "kernel.domainname": ""}
	s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"eth1": {Name: "net%d"}, "eth0": {}}
	return s
}

func labelledSpec() *specs.Spec {
	s := quiet()
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/proc/kcore"}, nil
	s.Process.ApparmorProfile, s.Process.SelinuxLabel, s.Linux.MountLabel = "docker-default", "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"
	return s
}

func processPlans() []planned {
	outside := standing{outside: func() bool { return true }}
	return []planned{
		{name: "scheduled", choice: privileged(), spec: scheduledSpec},
		{name: "scheduled-degraded", choice: single(), spec: scheduledSpec, allow: "scheduler=warn,rlimit=ignore,oom=deny", init: true},
		{name: "scheduled-outside", choice: several(), spec: func() *specs.Spec {
			s, adj := scheduledSpec(), -5
			s.Process.OOMScoreAdj = &adj
			return s
		}, caller: outside},
		{name: "network", choice: single(), spec: networkSpec},
		{name: "network-degraded", choice: privileged(), spec: networkSpec, allow: "sysctl=ignore"},
		{name: "labels", choice: several(), spec: labelledSpec},
		{name: "labels-degraded", choice: privileged(), spec: labelledSpec, allow: "label=warn"},
		{name: "keep-groups", choice: several(), spec: func() *specs.Spec {
			s := plainProcess()
			s.Process.User.AdditionalGids = []uint32{5}
			return s
		}, caller: standing{keepGroups: true}},
	}
}

func processExecs(all uint64) []execed {
	return []execed{
		{name: "exec-labels", flags: all, choice: single(), change: func(p *specs.Process) { *p = *labelledSpec().Process; p.Env = []string{"HOME=/"} }},
		{name: "exec-scheduled", flags: all, choice: single(), linux: scheduledSpec().Linux, change: func(p *specs.Process) { *p = *scheduledSpec().Process; p.Env = []string{"HOME=/"} }},
	}
}

func TestProcessProblems(t *testing.T) {
	low := standing{hardLimit: func(int) uint64 { return 1000 }, raises: func() bool { return false }}
	no := func() bool { return false }
	none := standing{apparmor: no, selinux: no}
	for _, c := range []struct {
		name   string
		caller standing
		change func(*specs.Spec)
		want   string // of the error; of what is given up, after a !
		init   bool
		single bool
		allow  string
	}{
		{name: "deadline below our pid 1", init: true, change: func(s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1e6, Deadline: 1e7}
		}, want: "process.scheduler.policy: a process of SCHED_DEADLINE is not made by forking"},
		{name: "above the hard limit", caller: low, change: func(s *specs.Spec) {}, want: "process.rlimits[0].hard: RLIMIT_NOFILE: above the hard limit of the caller, 1000"},
		{name: "above the hard limit, allowed", caller: low, change: func(s *specs.Spec) {}, want: "!process.rlimits[0].hard: RLIMIT_NOFILE", allow: "rlimit=ignore"},
		{name: "apparmor", caller: none, change: func(s *specs.Spec) { s.Process.ApparmorProfile = "box" }, want: "process.apparmorProfile: apparmor profile box cannot be applied: apparmor is not enabled on the system"},
		{name: "apparmor, allowed", caller: none, change: func(s *specs.Spec) { s.Process.ApparmorProfile = "box" }, want: "!process.apparmorProfile: apparmor profile box", allow: "label=warn"},
		{name: "selinux", caller: none, change: func(s *specs.Spec) { s.Process.SelinuxLabel = "a:b:c" }, want: "process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not supported"},
		{name: "mounts of selinux", caller: none, change: func(s *specs.Spec) { s.Linux.MountLabel = "a:b:c" }, want: "linux.mountLabel: selinux label is specified in config"},
		{name: "mounts of selinux, allowed", caller: none, change: func(s *specs.Spec) { s.Linux.MountLabel = "a:b:c" }, want: "!linux.mountLabel: selinux label is specified in config", allow: "label=ignore"},
		{name: "groups", single: true, change: func(s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{5} }, want: "process.user.additionalGids: groups cannot be set here"},
		{name: "groups, allowed", single: true, change: func(s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{5} }, want: "!process.user.additionalGids: groups cannot be set here", allow: "groups=warn"},
		{name: "groups and kept ones", single: true, caller: standing{keepGroups: true}, change: func(s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{5} }, want: "!process.user.additionalGids: the caller's groups are kept"},
	} {
		t.Run(c.name, func(t *testing.T) {
			choice := privileged()
			if c.single {
				choice = single()
			}
			p, err := planned{choice: choice, init: c.init, caller: c.caller, allow: c.allow, spec: func() *specs.Spec { s := quiet(); c.change(s); return s }}.plan(t)
			want, given := strings.CutPrefix(c.want, "!")
			if !given {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "--degrade") {
					t.Error(err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range p.GivenUp {
				if strings.HasPrefix(g.String(), want) {
					return
				}
			}
			t.Errorf("not given up: %q of %v", want, p.GivenUp)
		})
	}
}

// An exec has what its file says, and otherwise what the container's process has, as with runc.
func TestInherit(t *testing.T) {
	adj := 7
	own := &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN"}}, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}}, ApparmorProfile: "a",
		SelinuxLabel: "b", OOMScoreAdj: &adj, Scheduler: &specs.Scheduler{Policy: specs.SchedBatch}, IOPriority: &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_IDLE},
		ExecCPUAffinity: &specs.CPUAffinity{Final: "0"}, NoNewPrivileges: true, Env: []string{"A=1"},
	}
	var p specs.Process
	inherit(&p, own)
	if p.Capabilities != own.Capabilities || len(p.Rlimits) != 1 || p.ApparmorProfile != "a" || p.SelinuxLabel != "b" || p.OOMScoreAdj != &adj ||
		p.Scheduler != own.Scheduler || p.IOPriority != own.IOPriority || p.ExecCPUAffinity != own.ExecCPUAffinity {
		t.Errorf("%+v", p)
	}
	if p.NoNewPrivileges || p.Env != nil {
		t.Errorf("what the file says by leaving it out: %+v", p)
	}
	q := specs.Process{ApparmorProfile: "c", Scheduler: &specs.Scheduler{Policy: specs.SchedIdle}}
	inherit(&q, own)
	if q.ApparmorProfile != "c" || q.Scheduler.Policy != specs.SchedIdle {
		t.Errorf("%+v", q)
	}
	inherit(&q, nil)
}
