package runtime

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func ref[T any](v T) *T { return &v }

func TestMergedResources(t *testing.T) {
	old := &specs.LinuxResources{
		Devices: []specs.LinuxDeviceCgroup{{Allow: true, Access: "r"}},
		Memory:  &specs.LinuxMemory{Limit: ref(int64(100)), Swap: ref(int64(200)), CheckBeforeUpdate: ref(true)},
		CPU:     &specs.LinuxCPU{Quota: ref(int64(5000)), Period: ref(uint64(10000)), Cpus: "0"},
		Pids:    &specs.LinuxPids{Limit: ref(int64(5))},
		BlockIO: &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{throttle(8, 0, 10), throttle(8, 16, 20)}},
		Unified: map[string]string{"memory.high": "1", "pids.max": "2"},
	}
	kept := cmp.Diff(old, mergeResources(old, &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{}}}))
	if kept != "" {
		t.Error(kept)
	}
	got := mergeResources(old, &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: ref(int64(150))},
		CPU:     &specs.LinuxCPU{Quota: ref(int64(-1)), Mems: "0"},
		BlockIO: &specs.LinuxBlockIO{Weight: ref(uint16(50)), ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{throttle(8, 16, 30), throttle(9, 0, 1)}},
		Unified: map[string]string{"memory.high": "3"}, HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 1}},
	})
	want := &specs.LinuxResources{
		Devices: old.Devices, Pids: old.Pids,
		Memory:  &specs.LinuxMemory{Limit: ref(int64(150)), Swap: ref(int64(200))},
		CPU:     &specs.LinuxCPU{Quota: ref(int64(-1)), Period: ref(uint64(10000)), Cpus: "0", Mems: "0"},
		BlockIO: &specs.LinuxBlockIO{Weight: ref(uint16(50)), ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{throttle(8, 0, 10), throttle(8, 16, 30), throttle(9, 0, 1)}},
		Unified: map[string]string{"memory.high": "3", "pids.max": "2"}, HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(old.HugepageLimits) != 0 || *old.Memory.Limit != 100 || old.BlockIO.ThrottleReadBpsDevice[1].Rate != 20 || old.Unified["memory.high"] != "1" {
		t.Error("the old resources were changed")
	}
}

func throttle(major, minor int64, rate uint64) specs.LinuxThrottleDevice {
	d := specs.LinuxThrottleDevice{Rate: rate}
	d.Major, d.Minor = major, minor
	return d
}

func TestChangesAreWhatAnUpdateIsAbout(t *testing.T) {
	old := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ref(int64(1 << 20)), Swap: ref(int64(2 << 20))}, Pids: &specs.LinuxPids{Limit: ref(int64(5))}}
	for name, c := range map[string]struct {
		with *specs.LinuxResources
		want string
	}{
		"nothing":            {&specs.LinuxResources{}, ""},
		"the same again":     {&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ref(int64(5))}}, "pids.max=5"},
		"swap follows":       {&specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ref(int64(3 << 19))}}, "memory.swap.max=524288 memory.max=1572864"},
		"no processes given": {&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ref(int64(-1))}}, "pids.max=max"},
	} {
		merged := mergeResources(old, c.with)
		list, err := changes(old, merged, c.with)
		if err != nil {
			t.Fatal(name, err)
		}
		var words []string
		for _, s := range list {
			words = append(words, s.File+"="+s.Value)
		}
		if got := strings.Join(words, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	bad := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: ref(int64(4 << 20))}}
	if _, err := changes(old, mergeResources(old, bad), bad); err == nil || !strings.Contains(err.Error(), "linux.resources.memory.swap") {
		t.Error(err)
	}
}
