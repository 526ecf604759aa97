package runtime

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/roost-run/roost/cgroupv2"
)

// TestCount puts each figure of a cgroup where readers of runc's look for it, in the unit that they expect.
func TestCount(t *testing.T) {
	stall := &cgroupv2.Pressure{Some: cgroupv2.Stall{Avg10: 1.5, Avg60: 2, Avg300: 3, Total: 4}, Full: cgroupv2.Stall{Total: 5}}
	line := &Pressure{Some: PressureLine{1.5, 2, 3, 4}, Full: PressureLine{Total: 5}}
	from := &cgroupv2.Stats{
		CPU: &cgroupv2.CPUStats{Usage: 7, User: 4, System: 3, Periods: 10, ThrottledPeriods: 5, ThrottledTime: 9, Pressure: stall},
		Memory: &cgroupv2.MemoryStats{
			Current: 100, Peak: 200, Max: 1000, Swap: &cgroupv2.SwapStats{Current: 10, Peak: 20, Max: 50}, Events: cgroupv2.MemoryEvents{Max: 6},
			Raw: map[string]uint64{"file": 40, "anon": 60},
		},
		PIDs: &cgroupv2.PIDsStats{Current: 2, Max: 30},
		IO: &cgroupv2.IOStats{Pressure: stall, Devices: []cgroupv2.DeviceStats{
			{Major: 7, Raw: map[string]uint64{}},
			{Major: 8, Minor: 1, Raw: map[string]uint64{"rbytes": 1, "wbytes": 2, "rios": 3, "wios": 0, "dbytes": 5}},
		}},
		HugeTLB: map[string]cgroupv2.HugeTLBStats{"2MB": {Current: 1, Max: 2, Refused: 3}},
	}
	want := Stats{
		Memory: MemoryStats{Cache: 40, Usage: MemoryEntry{1000, 100, 200, 6}, Swap: MemoryEntry{Limit: 1050, Usage: 110}, Raw: from.Memory.Raw},
		Pids:   PidsStats{2, 30},
		IO: IOStats{
			Bytes:      []IOEntry{{8, 1, "Read", 1}, {8, 1, "Write", 2}},
			Operations: []IOEntry{{8, 1, "Read", 3}, {8, 1, "Write", 0}}, Pressure: line,
		},
		Hugetlb: map[string]HugetlbStats{"2MB": {1, 0, 3}},
	}
	want.CPU.Usage.Total, want.CPU.Usage.User, want.CPU.Usage.Kernel = 7000, 4000, 3000
	want.CPU.Throttling.Periods, want.CPU.Throttling.Throttled, want.CPU.Throttling.Time = 10, 5, 9000
	want.CPU.Pressure = line
	got := Stats{Hugetlb: map[string]HugetlbStats{}}
	lacks := got.count(from)
	if diff := cmp.Diff(want, got); diff != "" || lacks.any() {
		t.Errorf("%+v (-want +got)\n%s", lacks, diff)
	}
}

// TestCountLacks has the limits that are none, and leaves to the processes what no controller counts.
func TestCountLacks(t *testing.T) {
	got := Stats{Hugetlb: map[string]HugetlbStats{}}
	lacks := got.count(&cgroupv2.Stats{CPU: &cgroupv2.CPUStats{Usage: 1}, PIDs: &cgroupv2.PIDsStats{Current: 1, Max: cgroupv2.Unlimited}})
	if want := (missing{memory: true, io: true}); lacks != want || got.Pids.Limit != 0 {
		t.Errorf("%+v %+v", lacks, got.Pids)
	}
	for _, c := range []struct {
		memory, swap, want uint64
		accounted          bool
	}{
		{Unlimited, 5, Unlimited, true}, {5, Unlimited, Unlimited, true}, {5, 6, 11, true}, {5, 0, 5, false}, {Unlimited, 0, Unlimited, false},
	} {
		m := &cgroupv2.MemoryStats{Max: c.memory}
		if c.accounted {
			m.Swap = &cgroupv2.SwapStats{Max: c.swap}
		}
		got.count(&cgroupv2.Stats{Memory: m})
		if got.Memory.Swap.Limit != c.want {
			t.Errorf("%+v: %d", c, got.Memory.Swap.Limit)
		}
	}
	u := Usage{MemoryLimit: Unlimited}
	if lacks := u.count(&cgroupv2.Stats{PIDs: &cgroupv2.PIDsStats{Current: 3, Max: cgroupv2.Unlimited}}); !lacks.cpu || !lacks.memory || lacks.pids || u.TasksLimit != 0 || u.Tasks != 3 {
		t.Errorf("%+v %+v", lacks, u)
	}
}
