package spec

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// judged is what is said about the rootless configuration with what the fragment changes; what is not implemented is judged as well.
func judged(t *testing.T, fragment string) *report {
	t.Helper()
	s := Rootless(1000, 1000)
	s.Mounts = nil
	must(t, fragment, json.Unmarshal([]byte(fragment), s))
	var r report
	r.config(s)
	for _, p := range r.problems {
		if strings.Contains(p.Text, "\n") || strings.Contains(p.Text, "\x00") {
			t.Errorf("%s: not one line: %q", fragment, p.Text)
		}
	}
	return &r
}

// Fragments of a configuration, and the paths of what is then refused, and after a bar of what is given up.
func TestValues(t *testing.T) {
	const ms = `"runtime":1000000,"deadline":2000000`
	for fragment, want := range map[string]string{
		// Hooks.
		`{"hooks":{"prestart":[{"path":"/a","args":["a","b"],"env":["A=b"],"timeout":1}],"poststop":[{"path":"/b"}]}}`: "",
		`{"hooks":{"createRuntime":[{"path":""},{"path":"a"},{"path":"/a\u0000"}]}}`:                                   "hooks.createRuntime[0].path hooks.createRuntime[1].path hooks.createRuntime[2].path",
		`{"hooks":{"startContainer":[{"path":"/a","args":["","\u0000"],"env":["A","=","B=\u0000"],"timeout":0}]}}`: "hooks.startContainer[0].args[1] hooks.startContainer[0].env[0] hooks.startContainer[0].env[1] " +
			"hooks.startContainer[0].env[2] hooks.startContainer[0].timeout",
		`{"hooks":{"poststart":[{"path":"/a","timeout":-5}],"createContainer":[{"path":"b"}]}}`: "hooks.createContainer[0].path hooks.poststart[0].timeout",

		// Kernel parameters.
		`{"linux":{"sysctl":{"kernel.msgmax":"1","kernel/shm_rmid_forced":"1","kernel.sem_next_id":"1","fs.mqueue.msg_max":"1","user.max_ipc_namespaces":"1"}}}`: "",
		`{"linux":{"sysctl":{"net.ipv4.ip_forward":"1"}}}`:                                                             `linux.sysctl["net.ipv4.ip_forward"]`,
		`{"hostname":"","linux":{"sysctl":{"kernel.hostname":"a","kernel.domainname":"b"}}}`:                           "",
		`{"domainname":"d","linux":{"sysctl":{"kernel.hostname":"a","kernel/domainname":"b"}}}`:                        `linux.sysctl["kernel.hostname"] linux.sysctl["kernel/domainname"]`,
		`{"linux":{"sysctl":{"vm.overcommit_memory":"1","kernel.pid_max":"1","fs.file-max":"1","kernel":"","x":"1"}}}`: `linux.sysctl["fs.file-max"] linux.sysctl.kernel linux.sysctl["kernel.pid_max"] linux.sysctl["vm.overcommit_memory"] linux.sysctl.x`,
		`{"linux":{"sysctl":{"":"1","kernel..sem":"1","/kernel/sem":"1","kernel/sem/":"1","fs/mqueue/../x":"1","user.a":"\u0000"}}}`: `linux.sysctl[""] linux.sysctl["/kernel/sem"] linux.sysctl["fs/mqueue/../x"] ` +
			`linux.sysctl["kernel..sem"] linux.sysctl["kernel/sem/"] linux.sysctl["user.a"]`,
		`{"linux":{"sysctl":{"kernel.sem":"1","kernel/sem":"1"}}}`: `linux.sysctl["kernel/sem"]`,
		`{"hostname":"","linux":{"namespaces":[{"type":"mount"}],"uidMappings":null,"gidMappings":null,"sysctl":{"kernel.sem":"1","user.x":"1","kernel.domainname":"d","fs.mqueue.x":"1"}}}`: `linux.sysctl["fs.mqueue.x"] ` +
			`linux.sysctl["kernel.domainname"] linux.sysctl["kernel.sem"] linux.sysctl["user.x"]`,

		// Network devices.
		`{"linux":{"namespaces":[{"type":"mount"},{"type":"user"},{"type":"uts"},{"type":"network"}],"netDevices":{"eth0":{},"eth1":{"name":"eth%d"},"eth2":{"name":"eth%d"},"à":{"name":"123456789012345"}}}}`: `linux.netDevices["à"]`,
		`{"linux":{"netDevices":{"eth0":{}}}}`: "linux.netDevices",
		`{"linux":{"namespaces":[{"type":"mount"},{"type":"user"},{"type":"uts"},{"type":"network"}],"netDevices":{"":{"name":"a"},"lo":{"name":"b"},"c d":{"name":"c"},"eth%d":{"name":"d"},"1234567890123456":{"name":"e"},".":{"name":"f"}}}}`: `linux.netDevices[""] linux.netDevices["."] ` +
			`linux.netDevices["1234567890123456"] linux.netDevices["c d"] linux.netDevices["eth%d"] linux.netDevices.lo`,
		`{"linux":{"namespaces":[{"type":"mount"},{"type":"user"},{"type":"uts"},{"type":"network"}],"netDevices":{"a":{"name":"lo"},"b":{"name":"x/y"},"c":{"name":"%s"},"d":{"name":"%d%d"},"e":{},"f":{"name":"e"},"g":{"name":"a:b"}}}}`: "linux.netDevices.a.name linux.netDevices.b.name " +
			"linux.netDevices.c.name linux.netDevices.d.name linux.netDevices.f.name linux.netDevices.g.name",

		// Scheduling; kernel_scheduling_test.go has the combinations.
		`{"process":{"scheduler":{"policy":"SCHED_DEADLINE",` + ms + `,"flags":["SCHED_FLAG_RESET_ON_FORK","SCHED_FLAG_RECLAIM"]}}}`: "",
		`{"process":{"scheduler":{"policy":"SCHED_OTHER","nice":-20}}}`:                                                              "",
		`{"process":{"scheduler":{"policy":"SCHED_FIFO","priority":99,"nice":5,"flags":["SCHED_FLAG_DL_OVERRUN"]}}}`:                 "|process.scheduler.flags[0] process.scheduler.nice",
		`{"process":{"scheduler":{"policy":"SCHED_RR","flags":["SCHED_FLAG_KEEP_PARAMS"]}}}`:                                         "",
		`{"process":{"scheduler":{"policy":"SCHED_OTHER","nice":20,"priority":1,` + ms + `,"flags":["SCHED_FLAG_X"]}}}`:              "process.scheduler.flags[0] process.scheduler.nice process.scheduler.priority process.scheduler",
		`{"process":{"scheduler":{"priority":-1}}}`:                                                                                  "process.scheduler.policy process.scheduler.priority",
		`{"process":{"scheduler":{"policy":"OTHER"}}}`:                                                                               "process.scheduler.policy",
		`{"process":{"scheduler":{"policy":"SCHED_ISO"}}}`:                                                                           "process.scheduler.policy",
		`{"process":{"ioPriority":{"class":"IOPRIO_CLASS_IDLE","priority":4}}}`:                                                      "",
		`{"process":{"ioPriority":{"class":"IDLE","priority":8}}}`:                                                                   "process.ioPriority.class process.ioPriority.priority",
		`{"process":{"ioPriority":{"priority":-1}}}`:                                                                                 "process.ioPriority.class process.ioPriority.priority",
		`{"process":{"execCPUAffinity":{"initial":"7","final":"0-3,8191"}}}`:                                                         "",
		`{"process":{"execCPUAffinity":{"initial":"a","final":"3-0"}}}`:                                                              "process.execCPUAffinity.initial process.execCPUAffinity.final",
		`{"process":{"execCPUAffinity":{"initial":"8192","final":"0-"}}}`:                                                            "process.execCPUAffinity.initial process.execCPUAffinity.final",
		`{"linux":{"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0-3,7","flags":["MPOL_F_STATIC_NODES"]}}}`:                            "",
		`{"linux":{"memoryPolicy":{"mode":"MPOL_BIND","nodes":"x","flags":["MPOL_F_X"]}}}`:                                           "linux.memoryPolicy.flags[0] linux.memoryPolicy.nodes",
		`{"linux":{"memoryPolicy":{"nodes":"1024"}}}`:                                                                                "linux.memoryPolicy.mode linux.memoryPolicy.nodes",
		`{"linux":{"memoryPolicy":{"mode":"BIND"}}}`:                                                                                 "linux.memoryPolicy.mode",
		`{"linux":{"personality":{"domain":"LINUX32"}}}`:                                                                             "",
		`{"linux":{"personality":{"flags":["ADDR_NO_RANDOMIZE"]}}}`:                                                                  "linux.personality.domain linux.personality.flags",
		`{"linux":{"personality":{"domain":"linux"}}}`:                                                                               "linux.personality.domain",

		// Labels.
		`{"process":{"apparmorProfile":"a b//&:n:c","selinuxLabel":"u:r:t:s0:c1,c2"},"linux":{"mountLabel":"u:o:t:s0"}}`: "",
		`{"process":{"apparmorProfile":"a\n","selinuxLabel":"a\u0000"},"linux":{"mountLabel":"\u007f"}}`:                 "process.apparmorProfile process.selinuxLabel linux.mountLabel",

		// Mappings of mounts.
		`{"mounts":[{"destination":"/a","source":"/a","options":["bind","idmap"],"uidMappings":[{"size":1}],"gidMappings":[{"size":1}]}]}`: "",

		// Resources.
		`{"linux":{"resources":{"memory":{},"cpu":{},"pids":{"limit":0},"blockIO":{"weight":0},"network":{"classID":0},"rdma":{"mlx5_1":{}},"unified":{"memory.high":"max"}}}}`:                      "",
		`{"linux":{"resources":{"memory":{"limit":5,"swap":5,"reservation":-1,"useHierarchy":true,"checkBeforeUpdate":true,"kernel":-1},"cpu":{"cpus":"0-1","mems":"0","quota":-1,"period":1000}}}}`: "",
		`{"linux":{"resources":{"memory":{"limit":-2,"reservation":-2,"swap":-2},"pids":{"limit":-2}}}}`:                                                                                             "linux.resources.memory.limit linux.resources.memory.reservation linux.resources.memory.swap linux.resources.pids.limit",
		`{"linux":{"resources":{"memory":{"swap":5}}}}`:           "linux.resources.memory.swap",
		`{"linux":{"resources":{"memory":{"limit":6,"swap":5}}}}`: "linux.resources.memory.swap",
		`{"linux":{"resources":{"cpu":{"quota":999,"period":1000001,"burst":1000,"idle":2,"cpus":"x","mems":"1-"}}}}`: "linux.resources.cpu.quota linux.resources.cpu.period linux.resources.cpu.burst linux.resources.cpu.idle " +
			"linux.resources.cpu.cpus linux.resources.cpu.mems",
		`{"linux":{"resources":{"blockIO":{"weight":9,"weightDevice":[{"major":-1,"minor":1048576,"weight":1001}],"throttleReadBpsDevice":[{"major":4096}]}}}}`: "linux.resources.blockIO.weight linux.resources.blockIO.weightDevice[0].major " +
			"linux.resources.blockIO.weightDevice[0].minor linux.resources.blockIO.weightDevice[0].weight linux.resources.blockIO.throttleReadBpsDevice[0].major",
		`{"linux":{"resources":{"hugepageLimits":[{"pageSize":"2MB"},{"pageSize":"2MB"},{"pageSize":"2M"},{"pageSize":""}]}}}`: "linux.resources.hugepageLimits[1].pageSize linux.resources.hugepageLimits[2].pageSize linux.resources.hugepageLimits[3].pageSize",
		`{"linux":{"resources":{"rdma":{"a b":{}},"unified":{"a":"1","a/b.c":"1",".x":"1","x.":"1","x.y":"\u0000"}}}}`: `linux.resources.rdma["a b"] linux.resources.unified[".x"] linux.resources.unified.a ` +
			`linux.resources.unified["a/b.c"] linux.resources.unified["x."] linux.resources.unified["x.y"]`,

		// Of cgroup v1 alone.
		`{"linux":{"resources":{"memory":{"kernel":1,"kernelTCP":1,"swappiness":0,"disableOOMKiller":true},"cpu":{"realtimeRuntime":1,"realtimePeriod":1}}}}`: "linux.resources.memory.kernel linux.resources.memory.kernelTCP " +
			"linux.resources.memory.swappiness linux.resources.memory.disableOOMKiller linux.resources.cpu.realtimeRuntime linux.resources.cpu.realtimePeriod",
		`{"linux":{"resources":{"blockIO":{"leafWeight":10,"weightDevice":[{"leafWeight":10}]},"network":{"classID":1,"priorities":[{"name":"eth0"}]}}}}`: "linux.resources.blockIO.leafWeight linux.resources.blockIO.weightDevice[0].leafWeight " +
			"linux.resources.network.classID linux.resources.network.priorities",
	} {
		r := judged(t, fragment)
		got := paths(r.problems)
		if len(r.givenUp) > 0 {
			got += "|" + paths(r.givenUp)
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s\n%v", fragment, got, want, r.problems)
		}
	}
}

func TestSysctlPath(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":             "net/ipv4/ip_forward",
		"net/ipv4/ip_forward":             "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/1.forwarding": "net/ipv4/conf/eth0.1/forwarding",
		"net/ipv4/conf/eth0.1/forwarding": "net/ipv4/conf/eth0.1/forwarding",
	} {
		if path, ok := SysctlPath(name); !ok || path != want {
			t.Errorf("%s: %s %v", name, path, ok)
		}
	}
	for _, name := range []string{"", "net", ".net.x", "net.", "net..x", "net/../x", "net.x.//.y", "a.b\x00"} {
		if path, ok := SysctlPath(name); ok {
			t.Errorf("%q: %s", name, path)
		}
	}
}

func TestNumbers(t *testing.T) {
	for list, want := range map[string][]Range{
		"0":             {{0, 0}},
		"0-3,7":         {{0, 3}, {7, 7}},
		" 1 , ,2-2,":    {{1, 1}, {2, 2}},
		"8191":          {{8191, 8191}},
		"":              nil,
		",":             nil,
		"8192":          nil,
		"1-0":           nil,
		"-1":            nil,
		"1-":            nil,
		"1-2-3":         nil,
		"+1":            nil,
		"0x1":           nil,
		"99999999999-1": nil,
	} {
		if diff := cmp.Diff(want, CPUs(list)); diff != "" {
			t.Errorf("%q: %s", list, diff)
		}
	}
	if Nodes("1023") == nil || Nodes("1024") != nil {
		t.Error("a node too many, or one too few")
	}
}

// The mappings of a mount: what goes together.
func TestMountMappings(t *testing.T) {
	one := ranges(0, 1000, 1)
	for name, c := range map[string]struct {
		m    specs.Mount
		want string
	}{
		"both":           {specs.Mount{UIDMappings: one, GIDMappings: one}, ""},
		"one":            {specs.Mount{UIDMappings: one}, "gidMappings"},
		"the other":      {specs.Mount{GIDMappings: one}, "uidMappings"},
		"empty range":    {specs.Mount{UIDMappings: ranges(0, 0, 0), GIDMappings: one}, "uidMappings[0].size"},
		"overlap":        {specs.Mount{UIDMappings: ranges(0, 0, 2, 1, 5, 1), GIDMappings: ranges(0, 0, 2, 5, 1, 1)}, "uidMappings[1].containerID gidMappings[1].hostID"},
		"remount":        {specs.Mount{UIDMappings: one, GIDMappings: one, Options: []string{"remount"}}, "uidMappings"},
		"option, too":    {specs.Mount{UIDMappings: one, GIDMappings: one, Options: []string{"idmap=uids=0-0-1;gids=0-0-1"}}, "uidMappings"},
		"option without": {specs.Mount{UIDMappings: one, GIDMappings: one, Options: []string{"ridmap"}}, ""},
	} {
		o, problems := ParseOptions(c.m.Options)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		var r report
		r.mountMappings("m", &c.m, &o)
		if got := strings.ReplaceAll(paths(r.problems), "m.", ""); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
