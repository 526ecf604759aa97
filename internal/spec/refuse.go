package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// refuse reads a property that is not implemented and notes that, unless its value asks for nothing. The value is
// passed over, not decoded: a seccomp profile is most of a document that has one.
func (d *decoder) refuse() {
	if !hollow(d.Decoder) {
		d.report.refuse(d.Path(), notSupported(d.Path()))
	}
}

// refuseMembers does so for each property of an object, so that the path names the setting and not just its group.
func (d *decoder) refuseMembers() {
	for range d.Object() {
		d.refuse()
	}
}

// refuseNamed refuses each property of an object whose names alone ask for something, whatever their values: network devices,
// kernel parameters.
func (d *decoder) refuseNamed() {
	if d.Null() {
		return
	}
	for range d.Object() {
		d.report.refuse(d.Path(), notSupported(d.Path()))
		d.Skip()
	}
}

// hollow reads a value and says whether it asks for nothing: null, "", false, an empty array, an object of such.
// No boolean of the sections that are refused means anything when it is false.
func hollow(d *strictjson.Decoder) bool {
	switch d.Kind() {
	case strictjson.Null:
		return d.Null()
	case strictjson.Bool:
		return !d.Bool()
	case strictjson.String:
		return d.Text() == ""
	case strictjson.Array:
		empty := true
		for range d.Array() {
			empty = false
		}
		return empty
	case strictjson.Object:
		empty := true
		for range d.Object() {
			empty = hollow(d) && empty
		}
		return empty
	}
	d.Skip()
	return false
}

// notSupported is the sentence for a property, by its path.
func notSupported(path string) string {
	switch {
	case strings.HasPrefix(path, "linux.resources."):
		return "limits are not supported yet; remove it, and limit the service or scope that roost runs in"
	case strings.HasPrefix(path, "mounts["):
		return "id-mapped mounts are not supported yet; remove it"
	case strings.HasSuffix(path, ".username"), strings.HasSuffix(path, ".commandLine"), path == "commandLine":
		return "means nothing on Linux; remove it, and set uid and gid, or args"
	}
	switch path {
	case "windows", "solaris", "vm", "zos", "freebsd":
		return "is for another platform; remove it, this is a runtime for Linux containers"
	}
	return "not supported yet; remove it, or use another runtime for this container"
}

// unsupported is refuse for a Spec without a document. It looks at the same properties; where the Go type cannot tell
// nothing from a zero (a pointer to an empty object), the object counts as nothing only if all its fields are zero.
func (r *report) unsupported(s *specs.Spec) {
	if h := s.Hooks; h != nil {
		//nolint:staticcheck // Prestart is deprecated, and refused all the same.
		r.unless(len(h.Prestart) == 0, "hooks.prestart")
		r.unless(len(h.CreateRuntime) == 0, "hooks.createRuntime")
		r.unless(len(h.CreateContainer) == 0, "hooks.createContainer")
		r.unless(len(h.StartContainer) == 0, "hooks.startContainer")
		r.unless(len(h.Poststart) == 0, "hooks.poststart")
		r.unless(len(h.Poststop) == 0, "hooks.poststop")
	}
	for i := range s.Mounts {
		r.unless(len(s.Mounts[i].UIDMappings) == 0, strictjson.Element("mounts", i)+".uidMappings")
		r.unless(len(s.Mounts[i].GIDMappings) == 0, strictjson.Element("mounts", i)+".gidMappings")
	}
	r.unless(s.Windows == nil, "windows")
	r.unless(s.Solaris == nil, "solaris")
	r.unless(s.VM == nil, "vm")
	r.unless(s.ZOS == nil, "zos")
	r.unless(s.FreeBSD == nil, "freebsd")
	if s.Process != nil {
		r.unsupportedProcess("process.", s.Process)
	}
	if s.Linux != nil {
		r.unsupportedLinux(s.Linux)
	}
}

func (r *report) unsupportedProcess(prefix string, p *specs.Process) {
	r.unless(p.ApparmorProfile == "", prefix+"apparmorProfile")
	r.unless(p.SelinuxLabel == "", prefix+"selinuxLabel")
	r.unless(p.CommandLine == "", prefix+"commandLine")
	r.unless(p.User.Username == "", prefix+"user.username")
	r.unless(p.Scheduler == nil, prefix+"scheduler")
	r.unless(p.IOPriority == nil || *p.IOPriority == specs.LinuxIOPriority{}, prefix+"ioPriority")
	r.unless(p.ExecCPUAffinity == nil || *p.ExecCPUAffinity == specs.CPUAffinity{}, prefix+"execCPUAffinity")
}

func (r *report) unsupportedLinux(l *specs.Linux) {
	r.unless(len(l.Sysctl) == 0, "linux.sysctl")
	r.unless(len(l.NetDevices) == 0, "linux.netDevices")
	r.unless(l.Seccomp == nil, "linux.seccomp")
	r.unless(l.MountLabel == "", "linux.mountLabel")
	r.unless(l.IntelRdt == nil, "linux.intelRdt")
	r.unless(l.MemoryPolicy == nil, "linux.memoryPolicy")
	r.unless(l.Personality == nil, "linux.personality")
	if c := l.Resources; c != nil {
		const path = "linux.resources."
		r.unless(c.Memory == nil || *c.Memory == specs.LinuxMemory{}, path+"memory")
		r.unless(c.CPU == nil || *c.CPU == specs.LinuxCPU{}, path+"cpu")
		r.unless(c.Pids == nil || *c.Pids == specs.LinuxPids{}, path+"pids")
		r.unless(c.BlockIO == nil, path+"blockIO")
		r.unless(len(c.HugepageLimits) == 0, path+"hugepageLimits")
		r.unless(c.Network == nil, path+"network")
		r.unless(len(c.Rdma) == 0, path+"rdma")
		r.unless(len(c.Unified) == 0, path+"unified")
	}
}

func (r *report) unless(ok bool, path string) {
	if !ok {
		r.refuse(path, notSupported(path))
	}
}
