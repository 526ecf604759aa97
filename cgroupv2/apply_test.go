package cgroupv2

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func settings(t *testing.T, resources string) Settings {
	t.Helper()
	var r specs.LinuxResources
	if err := json.Unmarshal([]byte(resources), &r); err != nil {
		t.Fatal(err)
	}
	s, problems := Convert(&r)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return s
}

func apply(t *testing.T, g *Group, resources string) {
	t.Helper()
	if err := g.Apply(settings(t, resources)); err != nil {
		t.Errorf("%s: %v", resources, err)
	}
}

func has(t *testing.T, g *Group, file, want string) {
	t.Helper()
	b, err := g.read(file)
	if got := strings.TrimSpace(string(b)); err != nil || got != want {
		t.Errorf("%s: %q, want %q (%v)", file, got, want, err)
	}
}

func TestApplyMemory(t *testing.T) {
	g, _ := group(t, "memory")
	if _, err := g.read("memory.swap.max"); err != nil {
		t.Skip("needs a kernel that accounts for swap")
	}
	for _, c := range []struct{ resources, limit, swap string }{
		{`{"memory":{"limit":104857600,"swap":157286400,"reservation":1048576}}`, "104857600", "52428800"},
		{`{"memory":{"limit":52428800,"swap":62914560}}`, "52428800", "10485760"},   // both lower
		{`{"memory":{"limit":209715200,"swap":209715200}}`, "209715200", "0"},       // more memory, no swap
		{`{"memory":{"limit":52428800,"swap":209715200}}`, "52428800", "157286400"}, // less memory, more swap
		{`{"memory":{"limit":-1}}`, "max", "max"},
	} {
		apply(t, g, c.resources)
		has(t, g, "memory.max", c.limit)
		has(t, g, "memory.swap.max", c.swap)
	}
	has(t, g, "memory.low", "1048576")
}

func TestOrderOfMemoryAndSwap(t *testing.T) {
	g, _ := group(t, "memory")
	if g.write("memory.swap.max", "4096000") != nil {
		t.Skip("needs a kernel that accounts for swap")
	}
	for swap, want := range map[string]string{
		"2000000": "memory.low memory.max memory.swap.max memory.high", // what is swapped out for the new limit may still be
		"8192000": "memory.low memory.swap.max memory.max memory.high",
		"max":     "memory.low memory.swap.max memory.max memory.high",
	} {
		var order []string
		for _, s := range g.swapLast(Settings{{File: "memory.low"}, {File: "memory.swap.max", Value: swap}, {File: "memory.max"}, {File: "memory.high"}}) {
			order = append(order, s.File)
		}
		if got := strings.Join(order, " "); got != want {
			t.Errorf("swap %s: %s", swap, got)
		}
	}
}

func TestCheckBeforeUpdate(t *testing.T) {
	g, _ := group(t, "memory")
	start(t, g, "exec sleep 60")
	waitFor(t, func() bool {
		b, _ := g.read("memory.current")
		return bytesOf(string(b)) > 65536
	})
	err := g.Apply(settings(t, `{"memory":{"limit":65536,"swap":65536,"checkBeforeUpdate":true}}`))
	if !errors.Is(err, ErrBelowUsage) || !strings.Contains(err.Error(), "linux.resources.memory.limit") {
		t.Error(err)
	}
	has(t, g, "memory.max", "max")
	has(t, g, "memory.swap.max", "max")
	apply(t, g, `{"memory":{"limit":1073741824,"checkBeforeUpdate":true}}`)
	has(t, g, "memory.max", "1073741824")
}

func TestApplyCPU(t *testing.T) {
	g, _ := group(t, "cpu")
	for _, c := range []struct{ resources, max, burst string }{
		{`{"cpu":{"quota":50000,"burst":40000}}`, "50000 100000", "40000"},
		{`{"cpu":{"quota":20000,"burst":10000}}`, "20000 100000", "10000"}, // the burst first
		{`{"cpu":{"quota":80000,"burst":80000}}`, "80000 100000", "80000"}, // the quota first
		{`{"cpu":{"quota":-1,"burst":0}}`, "max 100000", "0"},
	} {
		apply(t, g, c.resources)
		has(t, g, "cpu.max", c.max)
		has(t, g, "cpu.max.burst", c.burst)
	}
	apply(t, g, `{"cpu":{"shares":2048}}`)
	has(t, g, "cpu.weight", "174")
	apply(t, g, `{"cpu":{"idle":1,"shares":1024}}`)
	has(t, g, "cpu.idle", "1")
	apply(t, g, `{"cpu":{"idle":0,"shares":512}}`)
	has(t, g, "cpu.weight", "59")
}

func TestApplyPIDs(t *testing.T) {
	g, _ := group(t, "pids")
	apply(t, g, `{"pids":{"limit":0}}`)
	has(t, g, "pids.max", "1")
	if out, err := inside(g, "true | true"); err == nil || !strings.Contains(string(out), "fork") {
		t.Errorf("%v %s", err, out)
	}
	apply(t, g, `{"pids":{"limit":-1}}`)
	has(t, g, "pids.max", "max")
}

func TestApplyHugepages(t *testing.T) {
	g, _ := group(t, "hugetlb")
	apply(t, g, `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}],"unified":{"hugetlb.1GB.max":"0"}}`)
	has(t, g, "hugetlb.2MB.max", "4194304")
	has(t, g, "hugetlb.2MB.rsvd.max", "4194304")
	has(t, g, "hugetlb.1GB.max", "0")
	err := g.Apply(settings(t, `{"hugepageLimits":[{"pageSize":"3MB","limit":1}]}`))
	if err == nil || !strings.Contains(err.Error(), "the hugetlb controller of this kernel has no hugetlb.3MB.max") {
		t.Error(err)
	}
}

// A controller that the kernel doesn't have, wrong values, and several of them at once: each error names file, value and path.
func TestApplyErrors(t *testing.T) {
	g, path := group(t)
	err := g.Apply(settings(t, `{"unified":{"cgroup.max.depth":"many","nothing.max":"7","cgroup.max.descendants":"12","cgroup.brandnew":"1"}}`))
	for _, words := range []string{
		`linux.resources.unified["cgroup.max.depth"]: write "many" to ` + path + `/cgroup.max.depth: invalid argument`,
		`linux.resources.unified["nothing.max"]: write "7" to ` + path + "/nothing.max: no such file or directory: this kernel has no nothing controller",
		"this kernel has no cgroup.brandnew",
	} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v\nhas no %q", err, words)
		}
	}
	has(t, g, "cgroup.max.descendants", "12") // the others don't suffer
	var one *SettingError
	if !errors.As(err, &one) || !errors.Is(err, unix.EINVAL) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%T %v", err, err)
	}
}

// A kernel with the controller and without the file: weights are of BFQ, or of io.cost.
func TestMissingWeights(t *testing.T) {
	g, path := group(t, "io")
	if _, err := os.Stat(path + "/io.weight"); err == nil {
		t.Skip("needs a kernel without io.weight")
	}
	if _, err := os.Stat(path + "/io.bfq.weight"); err == nil {
		t.Skip("needs a kernel without io.bfq.weight")
	}
	s := settings(t, `{"blockIO":{"weight":100}}`)
	const words = "neither io.bfq.weight nor io.weight"
	if err := g.Apply(s); err == nil || !strings.Contains(err.Error(), words) {
		t.Error(err)
	}
	if m, err := Check(path, s); err != nil || len(m) != 1 || !strings.Contains(m[0].Error(), words) {
		t.Error(m, err)
	}
}

func TestEnable(t *testing.T) {
	g, path := group(t)
	if err := g.Enable([]string{"nothing"}); err == nil || !strings.Contains(err.Error(), "no nothing controller") {
		t.Error(err)
	}
	controllers, err := g.Controllers()
	if err != nil {
		t.Fatal(err)
	}
	if len(controllers) == 0 {
		parent := base(t)
		if controllers, err = parent.Controllers(); err != nil || len(controllers) == 0 {
			t.Skip("needs a controller of cgroup v2")
		}
		if err := parent.Enable(controllers); err != nil {
			t.Fatal(err)
		}
	}
	start(t, g, "exec sleep 60")
	err = g.Enable(controllers)
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
}

func TestMake(t *testing.T) {
	g, path := group(t)
	for _, wrong := range []string{"", ".", "..", "../x", "/x", "a/../.."} {
		if _, err := Make(g.Dir(), wrong, nil); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
	deep, err := Make(g.Dir(), "a/b/c", nil)
	if err != nil {
		t.Fatal(err)
	}
	deep.Close()
	if deep.Path() != path+"/a/b/c" {
		t.Error(deep.Path())
	}
	// What was made is taken away where it does not come to an end.
	if err := g.write("cgroup.max.depth", "1"); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(g.Dir(), "d/e", nil); !errors.Is(err, unix.EAGAIN) {
		t.Error(err)
	}
	if _, err := os.Stat(path + "/d"); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	parent := base(t)
	missing, err := Check(parent.Path(), Settings{
		{File: "nothing.max", Controller: "nothing", Path: "a"}, {File: "cgroup.max.depth", Path: "b"}, {File: "cgroup.brandnew", Path: "c"}})
	if err != nil || len(missing) != 2 {
		t.Fatal(missing, err)
	}
	if m := missing[0]; m.Path != "a" || m.Why != NoController && m.Why != NotShared {
		t.Error(m)
	}
	if m := missing[1]; m.Path != "c" || m.Why != NoFile || !strings.Contains(m.Error(), "c: this kernel has no cgroup.brandnew") {
		t.Error(m)
	}
	g, path := group(t)
	if m, err := Check(path, Settings{{File: "x.max", Controller: "x"}}); err != nil || len(m) != 1 || m[0].Text() == "" {
		t.Error(m, err)
	}
	have, err := parent.Controllers()
	if err != nil || len(have) == 0 {
		t.Skip("needs a controller of cgroup v2")
	}
	// Two levels down nothing is shared out unless somebody does.
	inner, err := Make(g.Dir(), "inner", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	if err := parent.Enable(have); err != nil {
		t.Fatal(err)
	}
	m, err := Check(inner.Path(), Settings{{File: have[0] + ".max", Controller: have[0]}})
	if err != nil || len(m) != 1 || m[0].Why != NotShared || m[0].Dir != path {
		t.Error(m, err)
	}
}
