package runtime

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/degrade"
)

// limits are the settings of linux.resources that the container gets. What cannot be had here is refused or listed, as the policy of its kind says; a
// value that asks for what is so anyway is no limit, and no reason to refuse anything.
func (p *Plan) limits(r *specs.LinuxResources, in cgroupInput, bad *planError) {
	settings, problems := cgroupv2.Convert(r)
	for _, problem := range problems {
		bad.add(problem.Path, "%s", problem.Text)
	}
	told := make(map[string]bool) // some members make several settings
	lacking := func(s cgroupv2.Setting, text string) {
		if !usual(s) && !told[s.Path] {
			told[s.Path] = true
			p.giveUp(kindOf(s), s.Path, text, bad)
		}
	}
	if p.Cgroup == nil {
		for _, s := range settings {
			lacking(s, s.File+" cannot be set: "+in.refused)
		}
		return
	}
	controllers := slices.DeleteFunc(slices.Clone(settings), usual).Controllers()
	for _, s := range settings {
		why, isLacking := in.lacking[s.File]
		if !isLacking {
			why, isLacking = in.lacking[s.Controller+"."]
		}
		if isLacking {
			lacking(s, s.File+" cannot be set: "+why)
			continue
		}
		// A new cgroup has it anyway, and no controller is enabled for it. systemd gives its units limits of its own.
		if p.Cgroup.Unit == "" && usual(s) && !slices.Contains(controllers, s.Controller) {
			continue
		}
		p.Cgroup.Settings = append(p.Cgroup.Settings, s)
	}
}

// usual reports whether a setting asks for what a cgroup has anyway. Engines write such ones down.
func usual(s cgroupv2.Setting) bool {
	switch s.File {
	case "cpu.max":
		return strings.HasPrefix(s.Value, "max")
	case "cpu.idle", "cpu.max.burst", "memory.low", "memory.min":
		return s.Value == "0"
	case "cpu.weight":
		return s.Value == "100"
	}
	return s.Value == "max"
}

// kindOf is what a limit is in the words of policies.
func kindOf(s cgroupv2.Setting) degrade.Kind {
	if strings.HasPrefix(s.Path, "linux.resources.unified") {
		return degrade.Unified
	}
	switch s.Controller {
	case "memory":
		return degrade.Memory
	case "cpu":
		return degrade.CPU
	case "cpuset":
		return degrade.Cpuset
	case "pids":
		return degrade.PIDs
	case "io":
		return degrade.IO
	case "hugetlb":
		return degrade.HugeTLB
	case "rdma":
		return degrade.RDMA
	}
	return degrade.Unified
}
