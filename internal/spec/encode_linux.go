package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

func (e *encoder) linux(l *specs.Linux) {
	e.open('{')
	list(e, "uidMappings", l.UIDMappings, (*encoder).mapping)
	list(e, "gidMappings", l.GIDMappings, (*encoder).mapping)
	e.textMap("sysctl", l.Sysctl)
	if l.Resources != nil {
		e.name("resources")
		e.resources(l.Resources)
	}
	e.text("cgroupsPath", l.CgroupsPath)
	list(e, "namespaces", l.Namespaces, (*encoder).namespace)
	list(e, "devices", l.Devices, (*encoder).device)
	dict(e, "netDevices", l.NetDevices, func(e *encoder, n *specs.LinuxNetDevice) {
		e.open('{')
		e.text("name", n.Name)
		e.close('}')
	})
	switch {
	case e.rawSeccomp != nil:
		e.name("seccomp")
		e.b = append(e.b, e.rawSeccomp...)
	case l.Seccomp != nil:
		e.name("seccomp")
		e.seccomp(l.Seccomp)
	}
	e.text("rootfsPropagation", l.RootfsPropagation)
	e.texts("maskedPaths", l.MaskedPaths)
	e.texts("readonlyPaths", l.ReadonlyPaths)
	e.text("mountLabel", l.MountLabel)
	if l.IntelRdt != nil {
		e.name("intelRdt")
		e.intelRdt(l.IntelRdt)
	}
	if p := l.MemoryPolicy; p != nil {
		e.name("memoryPolicy")
		e.open('{')
		e.name("mode")
		e.string(string(p.Mode))
		e.name("nodes")
		e.string(p.Nodes)
		texts(e, "flags", p.Flags)
		e.close('}')
	}
	if p := l.Personality; p != nil {
		e.name("personality")
		e.open('{')
		e.name("domain")
		e.string(string(p.Domain))
		texts(e, "flags", p.Flags)
		e.close('}')
	}
	dict(e, "timeOffsets", l.TimeOffsets, (*encoder).timeOffset)
	e.close('}')
}

func (e *encoder) mapping(m *specs.LinuxIDMapping) {
	e.open('{')
	e.number("containerID", uint64(m.ContainerID))
	e.number("hostID", uint64(m.HostID))
	e.number("size", uint64(m.Size))
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
	numberIf(e, "fileMode", d.FileMode)
	numberIf(e, "uid", d.UID)
	numberIf(e, "gid", d.GID)
	e.close('}')
}

func (e *encoder) timeOffset(o *specs.LinuxTimeOffset) {
	e.open('{')
	if o.Secs != 0 {
		e.signed("secs", o.Secs)
	}
	e.positive("nanosecs", uint64(o.Nanosecs))
	e.close('}')
}

func (e *encoder) intelRdt(r *specs.LinuxIntelRdt) {
	e.open('{')
	e.text("closID", r.ClosID)
	e.texts("schemata", r.Schemata)
	e.text("l3CacheSchema", r.L3CacheSchema)
	e.text("memBwSchema", r.MemBwSchema)
	e.flag("enableMonitoring", r.EnableMonitoring)
	e.close('}')
}
