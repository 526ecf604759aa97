package cgroupv2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// directory is a directory with files as a kernel has them.
func directory(t *testing.T, files map[string]string) *Group {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &Group{f}
}

const someone = "some avg10=1.50 avg60=0.25 avg300=0.00 total=42\nfull avg10=0.00 avg60=0.00 avg300=0.12 total=7 new=1\nmost avg10=9.99\n"

// What this kernel may not have, and lines, columns and values that none has yet.
func TestStatsOfEveryController(t *testing.T) {
	g := directory(t, map[string]string{
		"cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled 4\nthrottled_usec 3\nnr_bursts 2\nburst_usec 1\n" +
			"core_sched.force_idle_usec 9\nnew_thing a b\n\nalone\n",
		"cpu.weight": "100\n", "cpu.max": "50000 100000\n", "cpu.pressure": someone,
		"memory.current": "1000\n", "memory.peak": "2000\n", "memory.max": "max\n", "memory.high": "3000\n", "memory.low": "0\n", "memory.min": "4096\n",
		"memory.stat":         "anon 1\nfile 2\nnew 18446744073709551615\ntoo_much 18446744073709551616\n",
		"memory.events":       "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\nsock_throttled 7\n",
		"memory.swap.current": "10\n", "memory.swap.max": "20\n", "memory.swap.peak": "15\n",
		"pids.current": "3\n", "pids.max": "max\n", "pids.peak": "9\n", "pids.events": "max 8\n",
		"io.stat": "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7\n8:0 rbytes=9\n253:0 \n(unknown) rbytes=1\n",
		"io.max":  "8:16 rbps=100 wbps=max riops=max wiops=200\n", "io.pressure": someone,
		"hugetlb.2MB.current": "2097152\n", "hugetlb.2MB.max": "max\n", "hugetlb.2MB.events": "max 1\n", "hugetlb.2MB.rsvd.current": "0\n", "hugetlb.2MB.rsvd.max": "4194304\n",
		"hugetlb.1GB.current": "0\n", "hugetlb.1GB.max": "0\n",
		"rdma.current": "mlx4_0 hca_handle=2 hca_object=2000\nnew hca_handle=1 hca_object=1\n", "rdma.max": "mlx4_0 hca_handle=3 hca_object=max\n",
		"misc.current": "res_a 3\nres_b 0\n", "misc.max": "res_a max\nres_b 4\n", "misc.events": "res_a.max 0\nres_b.max 2\n",
	})
	got, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	pressure := &Pressure{Some: Stall{Avg10: 1.5, Avg60: 0.25, Total: 42}, Full: Stall{Avg300: 0.12, Total: 7}}
	want := &Stats{
		CPU: &CPUStats{Usage: 30, User: 20, System: 10, Periods: 5, ThrottledPeriods: 4, ThrottledTime: 3, Bursts: 2, BurstTime: 1,
			Weight: 100, Quota: 50000, Period: 100000, Pressure: pressure, Raw: map[string]uint64{"usage_usec": 30, "user_usec": 20, "system_usec": 10,
				"nr_periods": 5, "nr_throttled": 4, "throttled_usec": 3, "nr_bursts": 2, "burst_usec": 1, "core_sched.force_idle_usec": 9}},
		Memory: &MemoryStats{Current: 1000, Peak: 2000, Max: Unlimited, High: 3000, Min: 4096, Swap: &SwapStats{10, 15, 20},
			Events: MemoryEvents{1, 2, 3, 4, 5, 6}, Raw: map[string]uint64{"anon": 1, "file": 2, "new": Unlimited}},
		PIDs: &PIDsStats{3, 9, Unlimited, 8},
		IO: &IOStats{Pressure: pressure, Devices: []DeviceStats{
			{Major: 8, Minor: 0, ReadBytes: 9, Raw: map[string]uint64{"rbytes": 9}},
			{Major: 8, Minor: 16, ReadBytes: 1, WriteBytes: 2, Reads: 3, Writes: 4, DiscardBytes: 5, Discards: 6, ReadLimit: 100, WriteLimit: Unlimited,
				ReadOperationsLimit: Unlimited, WriteOperationsLimit: 200,
				Raw: map[string]uint64{"rbytes": 1, "wbytes": 2, "rios": 3, "wios": 4, "dbytes": 5, "dios": 6, "cost.usage": 7}},
			{Major: 253, Minor: 0, Raw: map[string]uint64{}},
		}},
		HugeTLB: map[string]HugeTLBStats{"2MB": {2097152, Unlimited, 1, 0, 4194304}, "1GB": {}},
		RDMA:    map[string]RDMAStats{"mlx4_0": {2, 2000, 3, Unlimited}, "new": {1, 1, Unlimited, Unlimited}},
		Misc:    map[string]MiscStats{"res_a": {3, Unlimited, 0}, "res_b": {0, 4, 2}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Without any controller there is the time alone; without a cgroup an error.
func TestStatsOfFewControllers(t *testing.T) {
	got, err := directory(t, map[string]string{"cpu.stat": "usage_usec 30\n"}).Stats()
	want := &Stats{CPU: &CPUStats{Usage: 30, Quota: Unlimited, Raw: map[string]uint64{"usage_usec": 30}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if _, err := directory(t, nil).Stats(); !os.IsNotExist(err) {
		t.Error(err)
	}
	// One that cannot be read doesn't take the others along.
	g := directory(t, map[string]string{"cpu.stat": "usage_usec 30\n"})
	if err := os.Mkdir(g.Path()+"/pids.current", 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := g.Stats(); err == nil || !strings.Contains(err.Error(), "pids.current") || got.CPU.Usage != 30 {
		t.Error(got, err)
	}
}

func TestStatsOfThisKernel(t *testing.T) {
	g, _ := group(t)
	cmd := start(t, g, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exec sleep 60")
	waitFor(t, func() bool {
		b, _ := os.ReadFile("/proc/" + itoa(cmd.Process.Pid) + "/comm")
		return string(b) == "sleep\n"
	})
	s, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if sum := s.CPU.User + s.CPU.System; s.CPU.Usage == 0 || sum+2 < s.CPU.Usage || sum > s.CPU.Usage { // each is rounded
		t.Errorf("%+v", s.CPU)
	}
	if s.CPU.Pressure == nil {
		missing(t, "psi", "a kernel with pressure stall information")
	}
}
