package spec

import (
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

// Encode is the document for a configuration, seccomp profile included.
func (l *Loaded) Encode() []byte {
	e := &encoder{b: make([]byte, 0, 4096+len(l.Seccomp)), rawSeccomp: l.Seccomp}
	e.config(l.Spec)
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
	if s.Hooks != nil {
		e.name("hooks")
		e.hooks(s.Hooks)
	}
	e.textMap("annotations", s.Annotations)
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
	list(e, "uidMappings", m.UIDMappings, (*encoder).mapping)
	list(e, "gidMappings", m.GIDMappings, (*encoder).mapping)
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
	e.text("apparmorProfile", p.ApparmorProfile)
	signedIf(e, "oomScoreAdj", p.OOMScoreAdj)
	if p.Scheduler != nil {
		e.name("scheduler")
		e.scheduler(p.Scheduler)
	}
	e.text("selinuxLabel", p.SelinuxLabel)
	if p.IOPriority != nil {
		e.name("ioPriority")
		e.open('{')
		e.name("class")
		e.string(string(p.IOPriority.Class))
		e.signed("priority", int64(p.IOPriority.Priority))
		e.close('}')
	}
	if p.ExecCPUAffinity != nil {
		e.name("execCPUAffinity")
		e.open('{')
		e.text("initial", p.ExecCPUAffinity.Initial)
		e.text("final", p.ExecCPUAffinity.Final)
		e.close('}')
	}
	e.close('}')
}

func (e *encoder) user(u *specs.User) {
	e.open('{')
	e.number("uid", uint64(u.UID))
	e.number("gid", uint64(u.GID))
	numberIf(e, "umask", u.Umask)
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

func (e *encoder) scheduler(s *specs.Scheduler) {
	e.open('{')
	e.name("policy")
	e.string(string(s.Policy))
	if s.Nice != 0 {
		e.signed("nice", int64(s.Nice))
	}
	if s.Priority != 0 {
		e.signed("priority", int64(s.Priority))
	}
	texts(e, "flags", s.Flags)
	e.positive("runtime", s.Runtime)
	e.positive("deadline", s.Deadline)
	e.positive("period", s.Period)
	e.close('}')
}

func (e *encoder) hooks(h *specs.Hooks) {
	e.open('{')
	list(e, "prestart", h.Prestart, (*encoder).hook) //nolint:staticcheck // deprecated, and part of the document
	list(e, "createRuntime", h.CreateRuntime, (*encoder).hook)
	list(e, "createContainer", h.CreateContainer, (*encoder).hook)
	list(e, "startContainer", h.StartContainer, (*encoder).hook)
	list(e, "poststart", h.Poststart, (*encoder).hook)
	list(e, "poststop", h.Poststop, (*encoder).hook)
	e.close('}')
}

func (e *encoder) hook(h *specs.Hook) {
	e.open('{')
	e.name("path")
	e.string(h.Path)
	e.texts("args", h.Args)
	e.texts("env", h.Env)
	signedIf(e, "timeout", h.Timeout)
	e.close('}')
}
