package runtime

import (
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/degrade"
)

// Cgroup is the cgroup that is made for a container. There is one where device nodes can be made, so that something must keep the container
// from using them: under the root of the machine. Everywhere else the kernel refuses to make any, and a container stays in its caller's cgroup.
type Cgroup struct {
	Path    string // below the mount of cgroup v2, absolute; in the caller's own cgroup if it begins with "./"
	Devices []cgroupv2.Rule
}

// ownCgroup is where a container's cgroup is if the configuration does not say.
func ownCgroup(id string) string { return "./roost-" + id }

// cgroup settles what becomes of cgroupsPath and of device rules.
func (p *Plan) cgroup(l *specs.Linux, devices bool, bad *planError) {
	var rules []specs.LinuxDeviceCgroup
	if l.Resources != nil {
		rules = l.Resources.Devices
	}
	if !devices {
		if len(rules) > 0 {
			p.giveUp(degrade.Devices, "linux.resources.devices", "no filter is in force: what the container may open is what its users may, and no device can be made here", bad)
		}
		if l.CgroupsPath != "" {
			p.giveUp(degrade.Cgroup, "linux.cgroupsPath", "not applied yet: the container stays in the cgroup that roost runs in", bad)
		}
		return
	}
	p.Cgroup = &Cgroup{Path: ownCgroup(p.ID), Devices: cgroupv2.Rules(rules)}
	switch {
	case l.CgroupsPath == "":
	case strings.Count(l.CgroupsPath, ":") == 2: // SLICE:PREFIX:NAME, which names a unit of systemd
		p.giveUp(degrade.Cgroup, "linux.cgroupsPath", "units of systemd are not supported yet: the container's cgroup is in that of roost", bad)
	case path.IsAbs(l.CgroupsPath):
		p.Cgroup.Path = inContainer(l.CgroupsPath)
	default:
		p.Cgroup.Path = "." + inContainer(l.CgroupsPath)
	}
	if p.Cgroup.Path == "/" || p.Cgroup.Path == "./" {
		bad.add("linux.cgroupsPath", "%q is the cgroup of others; name one of the container's own, such as /%s", l.CgroupsPath, p.ID)
	}
}
