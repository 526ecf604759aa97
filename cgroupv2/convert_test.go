package cgroupv2

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// lines is settings and problems as text, without what all paths begin with: "path: file=value", "path: problem".
func lines(s Settings, problems []Problem) (list []string) {
	short := func(path string) string { return strings.TrimPrefix(path, "linux.resources.") + ": " }
	for _, one := range s {
		text := short(one.Path) + one.File + "=" + one.Value
		if one.Optional {
			text += " (optional)"
		}
		if one.NotBelowUsage {
			text += " (not below usage)"
		}
		if one.Or != nil {
			text += " or " + one.Or.File + "=" + one.Or.Value
		}
		list = append(list, text)
	}
	for _, p := range problems {
		kind := "bad"
		if p.V1 {
			kind = "v1"
		}
		list = append(list, short(p.Path)+kind)
	}
	return list
}

func convert(t *testing.T, resources string) []string {
	t.Helper()
	var r specs.LinuxResources
	if err := json.Unmarshal([]byte(resources), &r); err != nil {
		t.Fatal(err)
	}
	return lines(Convert(&r))
}

func TestConvert(t *testing.T) {
	for resources, want := range map[string][]string{
		`{}`: nil,
		`{"memory":{},"cpu":{},"pids":{},"blockIO":{},"hugepageLimits":[],"network":{},"rdma":{"mlx5_1":{}},"unified":{}}`: nil,

		`{"memory":{"limit":0,"reservation":0,"swap":0}}`:                                      nil,
		`{"memory":{"limit":1048576}}`:                                                         {"memory.limit: memory.max=1048576"},
		`{"memory":{"limit":-1}}`:                                                              {"memory.limit: memory.swap.max=max (optional)", "memory.limit: memory.max=max"},
		`{"memory":{"swap":-1}}`:                                                               {"memory.swap: memory.swap.max=max (optional)"},
		`{"memory":{"limit":1000,"swap":1500}}`:                                                {"memory.swap: memory.swap.max=500", "memory.limit: memory.max=1000"},
		`{"memory":{"limit":1000,"swap":1000}}`:                                                {"memory.swap: memory.swap.max=0 (optional)", "memory.limit: memory.max=1000"},
		`{"memory":{"limit":1000,"swap":-1}}`:                                                  {"memory.swap: memory.swap.max=max (optional)", "memory.limit: memory.max=1000"},
		`{"memory":{"limit":-1,"swap":1500}}`:                                                  {"memory.swap: memory.swap.max=1500", "memory.limit: memory.max=max"},
		`{"memory":{"limit":1000,"swap":999}}`:                                                 {"memory.limit: memory.max=1000", "memory.swap: bad"},
		`{"memory":{"swap":999}}`:                                                              {"memory.swap: bad"},
		`{"memory":{"limit":-2,"reservation":-3,"swap":-4}}`:                                   {"memory.limit: bad", "memory.reservation: bad", "memory.swap: bad"},
		`{"memory":{"limit":-2,"swap":5}}`:                                                     {"memory.limit: bad"},
		`{"memory":{"reservation":500}}`:                                                       {"memory.reservation: memory.low=500"},
		`{"memory":{"reservation":-1}}`:                                                        {"memory.reservation: memory.low=max"},
		`{"memory":{"limit":1000,"checkBeforeUpdate":true}}`:                                   {"memory.limit: memory.max=1000 (not below usage)"},
		`{"memory":{"limit":1000,"checkBeforeUpdate":false}}`:                                  {"memory.limit: memory.max=1000"},
		`{"memory":{"kernel":-1,"kernelTCP":0,"disableOOMKiller":false,"useHierarchy":false}}`: nil,
		`{"memory":{"kernel":1,"kernelTCP":2,"swappiness":0,"disableOOMKiller":true,"useHierarchy":true}}`: {
			"memory.kernel: v1", "memory.kernelTCP: v1", "memory.swappiness: v1", "memory.disableOOMKiller: v1"},

		`{"cpu":{"shares":0,"quota":0,"period":0}}`:         nil,
		`{"cpu":{"shares":1024}}`:                           {"cpu.shares: cpu.weight=100"},
		`{"cpu":{"quota":50000}}`:                           {"cpu.quota: cpu.max=50000 100000"},
		`{"cpu":{"quota":50000,"period":20000}}`:            {"cpu.quota: cpu.max=50000 20000"},
		`{"cpu":{"quota":-1}}`:                              {"cpu.quota: cpu.max=max 100000"},
		`{"cpu":{"period":20000}}`:                          {"cpu.period: cpu.max=max 20000"},
		`{"cpu":{"quota":-2}}`:                              {"cpu.quota: bad"},
		`{"cpu":{"quota":50000,"burst":10000}}`:             {"cpu.quota: cpu.max=50000 100000", "cpu.burst: cpu.max.burst=10000"},
		`{"cpu":{"quota":50000,"burst":50001}}`:             {"cpu.burst: bad"},
		`{"cpu":{"burst":0}}`:                               {"cpu.burst: cpu.max.burst=0 (optional)"},
		`{"cpu":{"idle":1,"shares":512}}`:                   {"cpu.idle: cpu.idle=1"},
		`{"cpu":{"idle":0,"shares":2}}`:                     {"cpu.idle: cpu.idle=0 (optional)", "cpu.shares: cpu.weight=1"},
		`{"cpu":{"idle":2}}`:                                {"cpu.idle: bad"},
		`{"cpu":{"cpus":"0-3,7","mems":"0"}}`:               {"cpu.cpus: cpuset.cpus=0-3,7", "cpu.mems: cpuset.mems=0"},
		`{"cpu":{"cpus":"0\n1","mems":" "}}`:                {"cpu.cpus: bad", "cpu.mems: bad"},
		`{"cpu":{"realtimeRuntime":0,"realtimePeriod":0}}`:  nil,
		`{"cpu":{"realtimeRuntime":-1,"realtimePeriod":1}}`: {"cpu.realtimePeriod: v1"},
		`{"cpu":{"realtimeRuntime":1}}`:                     {"cpu.realtimeRuntime: v1"},

		`{"pids":{"limit":0}}`:   {"pids.limit: pids.max=1"},
		`{"pids":{"limit":-1}}`:  {"pids.limit: pids.max=max"},
		`{"pids":{"limit":-7}}`:  {"pids.limit: pids.max=max"},
		`{"pids":{"limit":100}}`: {"pids.limit: pids.max=100"},

		`{"blockIO":{"weight":0,"leafWeight":0}}`: nil,
		`{"blockIO":{"weight":10}}`:               {"blockIO.weight: io.bfq.weight=10 or io.weight=1"},
		`{"blockIO":{"weight":1000}}`:             {"blockIO.weight: io.bfq.weight=1000 or io.weight=10000"},
		`{"blockIO":{"weight":9}}`:                {"blockIO.weight: bad"},
		`{"blockIO":{"leafWeight":10}}`:           {"blockIO.leafWeight: v1"},
		`{"blockIO":{"weightDevice":[{"major":8,"minor":16,"weight":100,"leafWeight":7},{"major":-1,"minor":0,"weight":100}]}}`: {
			"blockIO.weightDevice[0].weight: io.bfq.weight=8:16 100 or io.weight=8:16 910", "blockIO.weightDevice[0].leafWeight: v1", "blockIO.weightDevice[1]: bad"},
		`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}],"throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":0}],` +
			`"throttleReadIOPSDevice":[{"major":8,"minor":1,"rate":3}],"throttleWriteIOPSDevice":[{"major":8,"minor":2,"rate":4},{"major":8,"minor":3,"rate":5},{"major":8,"minor":3,"rate":1}]}}`: {
			"blockIO.throttleReadBpsDevice[0].rate: io.max=8:0 rbps=600", "blockIO.throttleWriteBpsDevice[0].rate: io.max=8:0 wbps=max",
			"blockIO.throttleReadIOPSDevice[0].rate: io.max=8:1 riops=3", "blockIO.throttleWriteIOPSDevice[0].rate: io.max=8:2 wiops=4",
			"blockIO.throttleWriteIOPSDevice[1].rate: io.max=8:3 wiops=5", "blockIO.throttleWriteIOPSDevice[2].rate: bad"},

		`{"hugepageLimits":[{"pageSize":"2MB","limit":4194304},{"pageSize":"MB","limit":1},{"pageSize":"1/2MB","limit":1},{"pageSize":"2MBB","limit":1}]}`: {
			"hugepageLimits[0].limit: hugetlb.2MB.max=4194304", "hugepageLimits[0].limit: hugetlb.2MB.rsvd.max=4194304 (optional)",
			"hugepageLimits[1].pageSize: bad", "hugepageLimits[2].pageSize: bad", "hugepageLimits[3].pageSize: bad"},

		`{"rdma":{"b":{"hcaHandles":3,"hcaObjects":10000},"a":{"hcaObjects":0},"c d":{"hcaObjects":0}}}`: {
			"rdma.a: rdma.max=a hca_object=0", "rdma.b: rdma.max=b hca_handle=3 hca_object=10000", `rdma["c d"]: bad`},

		`{"network":{"classID":0,"priorities":[{"name":"eth0","priority":0}]}}`: nil,
		`{"network":{"classID":1,"priorities":[{"name":"eth0","priority":1}]}}`: {"network.classID: v1", "network.priorities[0]: v1"},
	} {
		if diff := cmp.Diff(want, convert(t, resources)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", resources, diff)
		}
	}
	if s, p := Convert(nil); s != nil || p != nil {
		t.Error(s, p)
	}
}

func TestUnified(t *testing.T) {
	for resources, want := range map[string][]string{
		`{"unified":{"memory.high":"1000","cgroup.max.depth":"3","hugetlb.1GB.max":"1073741824"}}`: {
			`unified["cgroup.max.depth"]: cgroup.max.depth=3`, `unified["hugetlb.1GB.max"]: hugetlb.1GB.max=1073741824`, `unified["memory.high"]: memory.high=1000`},
		// What is said in the kernel's own words wins.
		`{"memory":{"limit":1000,"swap":2000},"unified":{"memory.max":"5000"}}`: {"memory.swap: memory.swap.max=1000", `unified["memory.max"]: memory.max=5000`},
		// But a file with a line for each device has room for both.
		`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":600}]},"unified":{"io.max":"259:0 rbps=2097152 wiops=120\n253:0 rbps=1\n"}}`: {
			"blockIO.throttleReadBpsDevice[0].rate: io.max=8:0 rbps=600", `unified["io.max"]: io.max=259:0 rbps=2097152 wiops=120`, `unified["io.max"]: io.max=253:0 rbps=1`},
		`{"unified":{"cpuset.cpus":""}}`:        {`unified["cpuset.cpus"]: cpuset.cpus=`},
		`{"unified":{"brandnew.knob.max":"1"}}`: {`unified["brandnew.knob.max"]: brandnew.knob.max=1`},
		`{"unified":{"cgroup.procs":"0","cgroup.threads":"0","cgroup.subtree_control":"+cpu","cgroup.type":"threaded","cgroup.freeze":"1","cgroup.kill":"1"}}`: {
			`unified["cgroup.freeze"]: bad`, `unified["cgroup.kill"]: bad`, `unified["cgroup.procs"]: bad`,
			`unified["cgroup.subtree_control"]: bad`, `unified["cgroup.threads"]: bad`, `unified["cgroup.type"]: bad`},
		`{"unified":{"../memory.max":"1","memory.max/":"1","":"1","memory":"1",".max":"1","memory.":"1","..":"1","memory.max\n":"1","a.b":"\u0000"}}`: {
			`unified[""]: bad`, `unified[".."]: bad`, `unified["../memory.max"]: bad`, `unified[".max"]: bad`, `unified["a.b"]: bad`,
			`unified.memory: bad`, `unified["memory."]: bad`, `unified["memory.max\n"]: bad`, `unified["memory.max/"]: bad`},
	} {
		if diff := cmp.Diff(want, convert(t, resources)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", resources, diff)
		}
	}
}

func TestControllers(t *testing.T) {
	var r specs.LinuxResources
	err := json.Unmarshal([]byte(`{"memory":{"limit":1,"reservation":1},"cpu":{"quota":1,"cpus":"0"},"unified":{"cgroup.max.depth":"1","misc.max":"a 1"}}`), &r)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := Convert(&r)
	if diff := cmp.Diff([]string{"memory", "cpu", "cpuset", "misc"}, s.Controllers()); diff != "" {
		t.Error(diff)
	}
}

func TestWeight(t *testing.T) {
	for shares, want := range map[uint64]uint64{0: 1, 1: 1, 2: 1, 3: 2, 10: 4, 100: 17, 256: 35, 512: 59, 1024: 100, 2048: 174, 4096: 303, 262144: 10000, 1 << 40: 10000} {
		if got := Weight(shares); got != want {
			t.Errorf("%d shares: weight %d, want %d", shares, got, want)
		}
	}
	last := uint64(0)
	for shares := uint64(1); shares <= 1<<18+10; shares++ {
		w := Weight(shares)
		if w < last || w < 1 || w > 10000 {
			t.Fatalf("%d shares: weight %d after %d", shares, w, last)
		}
		last = w
	}
}
