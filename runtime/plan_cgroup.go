package runtime

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/userns"
)

// Cgroup is the cgroup that is made for a container.
type Cgroup struct {
	Mode string // how it is come by: inherit, split, path, scope
	Why  string // what decided that
	// Parent and Name say where it is made, absolute in the file system, and below that; both are "" for a unit, whose cgroup systemd makes.
	Parent, Name string
	Own          bool // the name is roost's choice: it is made one that no container of another state root has
	// Unit is the unit of systemd, Bus the manager's: user or system.
	Unit, Slice, Bus string
	Filter           bool            // of devices: under the root of the machine, who can make any node
	Devices          []cgroupv2.Rule // what it allows
	Settings         cgroupv2.Settings
	Owner            int // the user of the host whom it is given to, so that containers can be run in the container; 0 leaves it
}

// cgroupInput is what was found out about cgroups here.
type cgroupInput struct {
	grant   *Cgroup // where one can be had: how, why, where. nil is none
	refused string  // why there is none, though one was looked for
	filter  bool    // devices can be made, so something must keep the container from using them
	// lacking are reasons why a setting cannot be had where the cgroup is: by its file, or by its controller, "cpuset.".
	lacking map[string]string
	notes   []string // on linux.cgroupsPath
}

// cgroup settles where the container's cgroup is, and what becomes of what asks for one if there is none.
func (p *Plan) cgroup(l *specs.Linux, in cgroupInput, bad *planError) {
	var rules []specs.LinuxDeviceCgroup
	if l.Resources != nil {
		rules = l.Resources.Devices
	}
	if !in.filter && len(rules) > 0 {
		p.giveUp(degrade.Devices, "linux.resources.devices", "no filter is in force: what the container may open is what its users may, and no device can be made here", bad)
	}
	if in.grant == nil {
		if in.filter {
			p.giveUp(degrade.DeviceFilter, "linux.resources.devices", "a container of root that can make any device must be kept from using it: "+in.refused, bad)
		}
		if l.CgroupsPath != "" {
			p.giveUp(degrade.Cgroup, "linux.cgroupsPath", "the container stays in the cgroup that roost runs in: "+in.refused, bad)
		}
		return
	}
	for _, note := range in.notes {
		p.GivenUp = append(p.GivenUp, Problem{Path: "linux.cgroupsPath", Text: note})
	}
	c := *in.grant
	if in.filter {
		c.Filter, c.Devices = true, cgroupv2.Rules(rules)
	}
	c.Owner = p.cgroupOwner(l)
	p.Cgroup = &c
}

// cgroupOwner is who gets the cgroup to make others in it: the process's user, where the container sees its cgroup as a root of its own and has it
// mounted to be written.
func (p *Plan) cgroupOwner(l *specs.Linux) int {
	if p.New&unix.CLONE_NEWCGROUP == 0 {
		return 0
	}
	for _, m := range p.Mounts {
		if m.Type != "cgroup2" || m.Bind || (m.Options.Set|m.Options.RecSet)&unix.MOUNT_ATTR_RDONLY != 0 {
			continue
		}
		if p.User.Kind != userns.Create {
			return int(p.Process.UID)
		}
		if uid, ok := p.User.Mapping.UIDs.ToHost(p.Process.UID); ok {
			return int(uid)
		}
	}
	return 0
}

// path is where the cgroup is made, but for the end that makes a name one's own.
func (c *Cgroup) path() string { return strings.TrimSuffix(c.Parent, "/") + "/" + c.Name }
