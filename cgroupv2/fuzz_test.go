package cgroupv2

import (
	"encoding/json"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Whatever a configuration says, what is written goes to a file in the cgroup's own directory, a line at a time, and never to those by which
// processes come into it, run and end.
func FuzzConvert(f *testing.F) {
	for _, seed := range []string{
		`{"memory":{"limit":1000,"swap":1500,"reservation":-1,"checkBeforeUpdate":true},"cpu":{"shares":1024,"quota":50000,"burst":1,"cpus":"0-3","idle":1}}`,
		`{"pids":{"limit":0},"blockIO":{"weight":10,"weightDevice":[{"major":8,"minor":0,"weight":500}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":0}]}}`,
		`{"hugepageLimits":[{"pageSize":"2MB","limit":1}],"rdma":{"mlx5_0":{"hcaHandles":1}},"network":{"classID":1}}`,
		`{"unified":{"memory.high":"1\n2","../x":"1","cgroup.procs":"0","io.max":"8:0 rbps=1\n8:1 wbps=1"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, config []byte) {
		var r specs.LinuxResources
		if json.Unmarshal(config, &r) != nil {
			return
		}
		s, problems := Convert(&r)
		for _, one := range s {
			for next := &one; next != nil; next = next.Or {
				sound(t, next)
			}
		}
		for _, p := range problems {
			if !strings.HasPrefix(p.Path, "linux.resources.") && !strings.HasPrefix(p.Path, "linux.resources[") || p.Text == "" {
				t.Errorf("%+v", p)
			}
		}
		s.Controllers()
	})
}

func sound(t *testing.T, s *Setting) {
	switch s.File {
	case "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "cgroup.type", "cgroup.freeze", "cgroup.kill":
		t.Errorf("%+v", s)
	}
	if strings.ContainsAny(s.File, "/\x00\n ") || !strings.Contains(s.File, ".") || strings.HasPrefix(s.File, ".") {
		t.Errorf("file %q", s.File)
	}
	if strings.ContainsAny(s.Value, "\x00\n") || s.Value == "" && !strings.HasPrefix(s.Path, "linux.resources.unified") {
		t.Errorf("value %q", s.Value)
	}
	if s.Controller != "" && !strings.HasPrefix(s.File, s.Controller+".") {
		t.Errorf("controller %q of %q", s.Controller, s.File)
	}
	if !strings.HasPrefix(s.Path, "linux.resources.") {
		t.Errorf("path %q", s.Path)
	}
}
