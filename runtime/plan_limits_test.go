package runtime

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/userns"
)

func TestLimitsAreRefusedOrListed(t *testing.T) {
	n, none, zero, shares, weight := int64(1<<20), int64(-1), int64(0), uint64(512), uint16(10)
	usual := uint64(1024)
	asked := &specs.LinuxResources{
		Memory:         &specs.LinuxMemory{Limit: &n, Reservation: &n, Swap: &n},
		CPU:            &specs.LinuxCPU{Shares: &shares, Quota: &n, Cpus: "0"},
		Pids:           &specs.LinuxPids{Limit: &n},
		BlockIO:        &specs.LinuxBlockIO{Weight: &weight},
		HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 1}},
		Rdma:           map[string]specs.LinuxRdma{"mlx5_1": {HcaHandles: new(uint32)}},
		Unified:        map[string]string{"memory.high": "1"},
	}
	nothing := &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &none, Swap: &zero}, CPU: &specs.LinuxCPU{Shares: &usual, Quota: &none}, Pids: &specs.LinuxPids{Limit: &none},
	}
	for name, c := range map[string]struct {
		resources      *specs.LinuxResources
		policies       string
		refused, given int
	}{
		"by default":      {asked, "", 11, 0},
		"some are let go": {asked, "memory=warn,pids=ignore", 7, 4},
		"all are":         {asked, "all=ignore", 0, 11},
		"nothing asked":   {nothing, "", 0, 0},
		"nothing at all":  {nil, "", 0, 0},
	} {
		p, bad := &Plan{}, planError{}
		if c.policies != "" {
			if err := p.Policies.Set(c.policies); err != nil {
				t.Fatal(err)
			}
		}
		p.limits(c.resources, cgroupInput{refused: "no bus"}, &bad)
		if len(bad.problems) != c.refused || len(p.GivenUp) != c.given {
			t.Errorf("%s: refused %v, given up %v", name, bad.problems, p.GivenUp)
		}
	}
}

// cgroupsOf is a machine where whoever is root has a cgroup, and others do not.
func cgroupsOf(p planned) cgroupInput {
	if p.choice.Kind != userns.None {
		return cgroupInput{refused: "no bus of systemd answers"}
	}
	return cgroupInput{filter: true, grant: &Cgroup{Mode: "inherit", Why: "the caller is root", Parent: "/sys/fs/cgroup", Name: "roost-box"}}
}

func TestLimitsThatAreHad(t *testing.T) {
	n, shares := int64(1<<20), uint64(512)
	asked := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &n}, CPU: &specs.LinuxCPU{Shares: &shares, Cpus: "0"}, Pids: &specs.LinuxPids{Limit: &n}}
	in := cgroupInput{lacking: map[string]string{"cpuset.": "/sys/fs/cgroup/user.slice: not delegated; ask for Delegate=yes"}}
	p, bad := &Plan{Cgroup: &Cgroup{}}, planError{}
	p.limits(asked, in, &bad)
	if len(p.Cgroup.Settings) != 3 || len(bad.problems) != 1 {
		t.Fatalf("%+v %v", p.Cgroup.Settings, bad.problems)
	}
	if b := bad.problems[0]; b.Kind != "cpuset" || b.Path != "linux.resources.cpu.cpus" || !strings.Contains(b.Text, "/sys/fs/cgroup/user.slice") || !strings.Contains(b.Text, "ask for Delegate=yes; or run") {
		t.Error(b)
	}
}
