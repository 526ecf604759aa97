package spec

import (
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// Encode is the document for a Spec, as encoding/json would indent it by tabs, with a newline at its end. It is
// written out by hand since reflection takes 0.8 ms the first time, and each container that is run without a
// config.json gets one written.
//
// Precondition: [Validate] accepts the Spec. What it refuses has no place in the document.
func Encode(s *specs.Spec) []byte {
	e := &encoder{b: make([]byte, 0, 4096)}
	e.config(s)
	return append(e.b, '\n')
}

// EncodeProcess is the document for a process, as [LoadProcess] reads it. The precondition is [ValidateProcess].
func EncodeProcess(p *specs.Process) []byte {
	e := &encoder{b: make([]byte, 0, 1024)}
	e.process(p)
	return append(e.b, '\n')
}

func (e *encoder) config(s *specs.Spec) {
	e.open('{')
	e.name("ociVersion")
	e.string(s.Version)
	if s.Process != nil {
		e.name("process")
		e.process(s.Process)
	}
	if s.Root != nil {
		e.name("root")
		e.open('{')
		e.name("path")
		e.string(s.Root.Path)
		e.flag("readonly", s.Root.Readonly)
		e.close('}')
	}
	e.text("hostname", s.Hostname)
	e.text("domainname", s.Domainname)
	list(e, "mounts", s.Mounts, (*encoder).mount)
	if len(s.Annotations) > 0 {
		e.name("annotations")
		e.open('{')
		for _, key := range slices.Sorted(maps.Keys(s.Annotations)) {
			e.name(key)
			e.string(s.Annotations[key])
		}
		e.close('}')
	}
	if s.Linux != nil {
		e.name("linux")
		e.linux(s.Linux)
	}
	e.close('}')
}

func (e *encoder) mount(m *specs.Mount) {
	e.open('{')
	e.name("destination")
	e.string(m.Destination)
	e.text("type", m.Type)
	e.text("source", m.Source)
	e.texts("options", m.Options)
	e.close('}')
}

func (e *encoder) process(p *specs.Process) {
	e.open('{')
	e.flag("terminal", p.Terminal)
	if p.ConsoleSize != nil {
		e.name("consoleSize")
		e.open('{')
		e.number("height", uint64(p.ConsoleSize.Height))
		e.number("width", uint64(p.ConsoleSize.Width))
		e.close('}')
	}
	e.name("user")
	e.user(&p.User)
	e.texts("args", p.Args)
	e.texts("env", p.Env)
	e.name("cwd")
	e.string(p.Cwd)
	if c := p.Capabilities; c != nil {
		e.name("capabilities")
		e.open('{')
		e.texts("bounding", c.Bounding)
		e.texts("effective", c.Effective)
		e.texts("inheritable", c.Inheritable)
		e.texts("permitted", c.Permitted)
		e.texts("ambient", c.Ambient)
		e.close('}')
	}
	list(e, "rlimits", p.Rlimits, (*encoder).rlimit)
	e.flag("noNewPrivileges", p.NoNewPrivileges)
	if p.OOMScoreAdj != nil {
		e.signed("oomScoreAdj", int64(*p.OOMScoreAdj))
	}
	e.close('}')
}

func (e *encoder) user(u *specs.User) {
	e.open('{')
	e.number("uid", uint64(u.UID))
	e.number("gid", uint64(u.GID))
	if u.Umask != nil {
		e.number("umask", uint64(*u.Umask))
	}
	list(e, "additionalGids", u.AdditionalGids, func(e *encoder, gid *uint32) {
		e.b = strictjson.AppendUint(e.b, uint64(*gid))
	})
	e.close('}')
}

func (e *encoder) rlimit(l *specs.POSIXRlimit) {
	e.open('{')
	e.name("type")
	e.string(l.Type)
	e.number("hard", l.Hard)
	e.number("soft", l.Soft)
	e.close('}')
}

func (e *encoder) linux(l *specs.Linux) {
	e.open('{')
	list(e, "uidMappings", l.UIDMappings, (*encoder).mapping)
	list(e, "gidMappings", l.GIDMappings, (*encoder).mapping)
	if l.Resources != nil {
		e.name("resources")
		e.open('{')
		list(e, "devices", l.Resources.Devices, (*encoder).deviceRule)
		e.close('}')
	}
	e.text("cgroupsPath", l.CgroupsPath)
	list(e, "namespaces", l.Namespaces, (*encoder).namespace)
	list(e, "devices", l.Devices, (*encoder).device)
	e.text("rootfsPropagation", l.RootfsPropagation)
	e.texts("maskedPaths", l.MaskedPaths)
	e.texts("readonlyPaths", l.ReadonlyPaths)
	if len(l.TimeOffsets) > 0 {
		e.name("timeOffsets")
		e.open('{')
		for _, clock := range slices.Sorted(maps.Keys(l.TimeOffsets)) {
			e.name(clock)
			e.timeOffset(l.TimeOffsets[clock])
		}
		e.close('}')
	}
	e.close('}')
}

func (e *encoder) mapping(m *specs.LinuxIDMapping) {
	e.open('{')
	e.number("containerID", uint64(m.ContainerID))
	e.number("hostID", uint64(m.HostID))
	e.number("size", uint64(m.Size))
	e.close('}')
}

func (e *encoder) deviceRule(r *specs.LinuxDeviceCgroup) {
	e.open('{')
	e.name("allow")
	e.b = strictjson.AppendBool(e.b, r.Allow)
	e.text("type", r.Type)
	if r.Major != nil {
		e.signed("major", *r.Major)
	}
	if r.Minor != nil {
		e.signed("minor", *r.Minor)
	}
	e.text("access", r.Access)
	e.close('}')
}

func (e *encoder) namespace(n *specs.LinuxNamespace) {
	e.open('{')
	e.name("type")
	e.string(string(n.Type))
	e.text("path", n.Path)
	e.close('}')
}

func (e *encoder) device(d *specs.LinuxDevice) {
	e.open('{')
	e.name("path")
	e.string(d.Path)
	e.name("type")
	e.string(d.Type)
	e.signed("major", d.Major)
	e.signed("minor", d.Minor)
	if d.FileMode != nil {
		e.number("fileMode", uint64(*d.FileMode))
	}
	if d.UID != nil {
		e.number("uid", uint64(*d.UID))
	}
	if d.GID != nil {
		e.number("gid", uint64(*d.GID))
	}
	e.close('}')
}

func (e *encoder) timeOffset(o specs.LinuxTimeOffset) {
	e.open('{')
	if o.Secs != 0 {
		e.signed("secs", o.Secs)
	}
	if o.Nanosecs != 0 {
		e.number("nanosecs", uint64(o.Nanosecs))
	}
	e.close('}')
}
