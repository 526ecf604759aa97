package delegate

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestProperties(t *testing.T) {
	const all = uint64(math.MaxUint64)
	num := func(name string, n uint64, since int) Property {
		return Property{Name: name, Signature: "t", Value: n, Since: since}
	}
	device := func(name string, since int, pairs ...any) Property {
		return Property{Name: name, Signature: "a(st)", Value: pairs, Since: since}
	}
	pair := func(device string, n uint64) any { return []any{"/dev/block/" + device, n} }
	for _, c := range []struct {
		file, value string
		props       []Property
		rest        bool
	}{
		{"memory.max", "1048576", []Property{num("MemoryMax", 1<<20, 231)}, false},
		{"memory.max", "max", []Property{num("MemoryMax", all, 231)}, false},
		{"memory.high", "64M", []Property{num("MemoryHigh", 64<<20, 231)}, false},
		{"memory.high", "1g\n", []Property{num("MemoryHigh", 1<<30, 231)}, false},
		{"memory.high", "16E", nil, true},
		{"memory.high", "much", nil, true},
		{"memory.low", "0", []Property{num("MemoryLow", 0, 231)}, false},
		{"memory.min", "4096", []Property{num("MemoryMin", 4096, 240)}, false},
		{"memory.swap.max", "0", []Property{num("MemorySwapMax", 0, 232)}, false},
		{"memory.swap.high", "0", nil, true},
		{"memory.zswap.max", "0", []Property{num("MemoryZSwapMax", 0, 253)}, false},
		{"memory.zswap.writeback", "0", []Property{{Name: "MemoryZSwapWriteback", Signature: "b", Value: false, Since: 256}}, false},
		{"memory.oom.group", "1", []Property{{Name: "OOMPolicy", Signature: "s", Value: "kill", Since: 253}}, false},
		{"pids.max", "32", []Property{num("TasksMax", 32, 227)}, false},
		{"pids.max", "max", []Property{num("TasksMax", all, 227)}, false},
		{"cpu.weight", "79", []Property{num("CPUWeight", 79, 232)}, false},
		{"cpu.idle", "1", []Property{num("CPUWeight", 0, 252)}, false},
		{"cpu.idle", "0", nil, true},
		{"cpu.weight.nice", "1", nil, true},
		{"cpu.max", "50000 100000", []Property{num("CPUQuotaPerSecUSec", 500000, 213), num("CPUQuotaPeriodUSec", 100000, 242)}, false},
		{"cpu.max", "50000", []Property{num("CPUQuotaPerSecUSec", 500000, 213)}, false},
		{"cpu.max", "max", []Property{num("CPUQuotaPerSecUSec", all, 213)}, false},
		{"cpu.max", "max 200000", []Property{num("CPUQuotaPerSecUSec", all, 213), num("CPUQuotaPeriodUSec", 200000, 242)}, false},
		{"cpu.max", "12345 100000", []Property{num("CPUQuotaPerSecUSec", 130000, 213), num("CPUQuotaPeriodUSec", 100000, 242)}, true},
		{"cpu.max", "10000 30000", []Property{num("CPUQuotaPerSecUSec", 340000, 213), num("CPUQuotaPeriodUSec", 30000, 242)}, true},
		{"cpu.max", "1000 0", nil, true},
		{"cpu.max.burst", "1000", nil, true},
		{"cpuset.cpus", "0-1,8", []Property{{Name: "AllowedCPUs", Signature: "ay", Value: []byte{3, 1}, Since: 244}}, false},
		{"cpuset.mems", "0", []Property{{Name: "AllowedMemoryNodes", Signature: "ay", Value: []byte{1}, Since: 244}}, false},
		{"cpuset.cpus", "1-", nil, true},
		{"cpuset.cpus", "0-4000000000", nil, true},
		{"cpuset.cpus.partition", "root", nil, true},
		{"io.weight", "default 50\n8:0 100", []Property{num("IOWeight", 50, 230), device("IODeviceWeight", 230, pair("8:0", 100))}, true},
		{"io.weight", "70", []Property{num("IOWeight", 70, 230)}, true},
		{"io.max", "8:0 rbps=1048576 wiops=max\n8:16 rbps=2", []Property{
			device("IOReadBandwidthMax", 230, pair("8:0", 1<<20), pair("8:16", 2)), device("IOWriteIOPSMax", 230, pair("8:0", all)),
		}, true},
		{"io.latency", "8:0 target=1000", []Property{device("IODeviceLatencyTargetUSec", 240, pair("8:0", 1000))}, true},
		{"hugetlb.2MB.max", "0", nil, true},
	} {
		props, rest := Properties([]File{{Name: c.file, Value: c.value}})
		if d := cmp.Diff(c.props, props, cmpopts.IgnoreUnexported(Property{})); d != "" || len(rest) == 1 != c.rest {
			t.Errorf("%s %q: rest %v\n%s", c.file, c.value, rest, d)
		}
	}
}

func TestTheLaterFileWins(t *testing.T) {
	props, _ := Properties([]File{{Name: "cpu.weight", Value: "50"}, {Name: "cpu.idle", Value: "1"}, {Name: "memory.max", Value: "1", Path: "a"}, {Name: "memory.max", Value: "2", Path: "b"}})
	if len(props) != 2 || props[0].Value != uint64(0) || props[1].Value != uint64(2) || props[1].Path != "b" {
		t.Error(props)
	}
}
