package runtime

import (
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/strictjson"
)

// Sysctl is a kernel parameter of one of the container's namespaces.
type Sysctl struct {
	Name, Value string
	Path        string // below /proc/sys
	Namespace   string // what kind of namespace it belongs to
	At          string // in the configuration
}

// NetDevice is a network device of the caller's that goes into the container.
type NetDevice struct {
	Name string
	New  string // its name there; a %d in it becomes a number
	At   string // in the configuration
}

// sysctls are in the order of their names: a configuration has none.
func (p *Plan) sysctls(l *specs.Linux) {
	for _, name := range slices.Sorted(maps.Keys(l.Sysctl)) {
		path, _ := spec.SysctlPath(name)
		switch path { // system calls set these, where a file is the machine's root's
		case "kernel/hostname":
			p.Hostname = l.Sysctl[name]
			continue
		case "kernel/domainname":
			p.Domain = l.Sysctl[name]
			continue
		}
		p.Sysctls = append(p.Sysctls, Sysctl{
			Name: name, Value: l.Sysctl[name], Path: path, Namespace: string(spec.SysctlNamespace(path)), At: strictjson.Member("linux.sysctl", name),
		})
	}
}

func (p *Plan) netDevices(l *specs.Linux) {
	for _, name := range slices.Sorted(maps.Keys(l.NetDevices)) {
		d := NetDevice{Name: name, New: l.NetDevices[name].Name, At: strictjson.Member("linux.netDevices", name)}
		if d.New == "" {
			d.New = name
		}
		p.NetDevices = append(p.NetDevices, d)
	}
}

type (
	sysctlJSON struct {
		Name      string `json:"name"`
		Value     string `json:"value"`
		Namespace string `json:"namespace"`
	}
	deviceMoved struct {
		Device string `json:"device"`
		Name   string `json:"name"` // in the container
	}
)
