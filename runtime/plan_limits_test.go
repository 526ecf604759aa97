package runtime

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
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
		p.limits(c.resources, &bad)
		if len(bad.problems) != c.refused || len(p.GivenUp) != c.given {
			t.Errorf("%s: refused %v, given up %v", name, bad.problems, p.GivenUp)
		}
	}
}
