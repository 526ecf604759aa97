package cgroupv2

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBrief is part of what Stats says, also where the kernel has little.
func TestBrief(t *testing.T) {
	pressure := &Pressure{Some: Stall{Avg10: 1.5, Avg60: 0.25, Total: 42}, Full: Stall{Avg300: 0.12, Total: 7}}
	all := directory(t, map[string]string{
		"cpu.stat":       "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\n",
		"memory.current": "1000\n", "memory.max": "max\n", "pids.current": "3\n", "pids.max": "7\n",
	})
	few := directory(t, map[string]string{"cpu.stat": "usage_usec 30\n", "memory.pressure": someone})
	for name, c := range map[string]struct {
		g    *Group
		want *Stats
	}{
		"all": {all, &Stats{
			CPU: &CPUStats{Usage: 30, User: 20, System: 10, Quota: Unlimited}, Memory: &MemoryStats{Current: 1000, Max: Unlimited},
			PIDs: &PIDsStats{Current: 3, Max: 7},
		}},
		"few":     {few, &Stats{CPU: &CPUStats{Usage: 30, Quota: Unlimited}}},
		"nothing": {directory(t, nil), &Stats{}},
	} {
		got, err := c.g.Brief()
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
	if diff := cmp.Diff(pressure, few.Pressure("memory")); diff != "" {
		t.Error(diff)
	}
	if few.Pressure("io") != nil {
		t.Error("pressure out of nothing")
	}
}
