package spec

import (
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// maxGroups is NGROUPS_MAX of setgroups(2).
const maxGroups = 65536

// process checks one; prefix is "process." or "".
func (r *report) process(prefix string, p *specs.Process) {
	if c := p.ConsoleSize; c != nil && p.Terminal && (c.Height > math.MaxUint16 || c.Width > math.MaxUint16) {
		r.refuse(prefix+"consoleSize", "larger than 65535, the most that a terminal can be")
	}
	r.user(prefix+"user.", &p.User)
	r.args(prefix, p)
	r.environment(func() string { return prefix + "env" }, p.Env)
	if p.Capabilities != nil {
		r.capabilities(prefix+"capabilities.", p.Capabilities)
	}
	r.rlimits(prefix+"rlimits", p.Rlimits)
	if s := p.OOMScoreAdj; s != nil && (*s < -1000 || *s > 1000) {
		r.refuse(prefix+"oomScoreAdj", strconv.Itoa(*s)+" is not from -1000 to 1000")
	}
	r.label(prefix+"apparmorProfile", p.ApparmorProfile)
	r.label(prefix+"selinuxLabel", p.SelinuxLabel)
	if p.Scheduler != nil {
		r.scheduler(prefix+"scheduler", p.Scheduler)
	}
	if p.IOPriority != nil {
		r.ioPriority(prefix+"ioPriority", p.IOPriority)
	}
	if a := p.ExecCPUAffinity; a != nil {
		r.numbers(prefix+"execCPUAffinity.initial", a.Initial, "CPUs", maxCPUs)
		r.numbers(prefix+"execCPUAffinity.final", a.Final, "CPUs", maxCPUs)
	}
}

func (r *report) args(prefix string, p *specs.Process) {
	switch {
	case len(p.Args) == 0:
		r.refuse(prefix+"args", "empty; name the program to run")
	case p.Args[0] == "":
		r.refuse(prefix+"args[0]", "empty; name the program to run")
	}
	for i, a := range p.Args {
		if hasNUL(a) {
			r.refuse(strictjson.Element(prefix+"args", i), nulText)
		}
	}
	switch {
	case p.Cwd == "":
		r.refuse(prefix+"cwd", `missing; "/" will do`)
	case hasNUL(p.Cwd):
		r.refuse(prefix+"cwd", nulText)
	case p.Cwd[0] != '/':
		r.refuse(prefix+"cwd", quote(p.Cwd)+" is relative; it must begin with /")
	}
}

func (r *report) user(prefix string, u *specs.User) {
	r.id(prefix+"uid", u.UID)
	r.id(prefix+"gid", u.GID)
	if u.Umask != nil && *u.Umask > 0o777 {
		r.refuse(prefix+"umask", strconv.FormatUint(uint64(*u.Umask), 10)+
			" is more than permission bits (511, octal 0777); note that JSON numbers are decimal")
	}
	for i, g := range u.AdditionalGids {
		if g == noID {
			r.id(strictjson.Element(prefix+"additionalGids", i), g)
		}
	}
	if n := len(u.AdditionalGids); n > maxGroups {
		r.refuse(prefix+"additionalGids", strconv.Itoa(n)+" groups; the kernel takes 65536")
	}
}

// noID is what setuid(2) and its kin take for "leave it as it is": asking for it would keep our own id.
const noID = math.MaxUint32

func (r *report) id(path string, id uint32) {
	if id == noID {
		r.refuse(path, `4294967295 is not an id: to the kernel it means "unchanged"`)
	}
}

// capabilities refuses what is no name of a capability. One that only a newer kernel knows is given up, as the
// runtime-spec wants it: the container runs with less.
func (r *report) capabilities(prefix string, c *specs.LinuxCapabilities) {
	r.capabilitySet(prefix+"bounding", c.Bounding)
	r.capabilitySet(prefix+"effective", c.Effective)
	r.capabilitySet(prefix+"inheritable", c.Inheritable)
	r.capabilitySet(prefix+"permitted", c.Permitted)
	r.capabilitySet(prefix+"ambient", c.Ambient)

	permitted, inheritable := setOf(c.Permitted), setOf(c.Inheritable)
	for i, name := range c.Effective {
		if n, ok := Capability(name); ok && permitted&(1<<n) == 0 {
			r.refuse(strictjson.Element(prefix+"effective", i), name+" must be in the permitted set as well (capabilities(7)); add it there")
		}
	}
	var lost []string
	for _, name := range c.Ambient {
		if n, ok := Capability(name); ok && permitted&inheritable&(1<<n) == 0 {
			lost = append(lost, name)
		}
	}
	if lost != nil {
		r.giveUp(prefix+"ambient", "an ambient capability must be permitted and inheritable as well (capabilities(7)); left out: "+
			strings.Join(lost, ", "))
	}
}

func (r *report) capabilitySet(path string, names []string) {
	for i, name := range names {
		if _, ok := Capability(name); ok {
			continue
		}
		at := strictjson.Element(path, i)
		if !capabilityLike(name) {
			r.refuse(at, quote(name)+" is no capability; they are written like CAP_NET_ADMIN")
			continue
		}
		r.giveUp(at, name+" is unknown here; left out")
	}
}

func (r *report) rlimits(path string, limits []specs.POSIXRlimit) {
	for i, l := range limits {
		at := func() string { return strictjson.Element(path, i) }
		if _, ok := Rlimit(l.Type); !ok {
			r.refuse(at()+".type", quote(l.Type)+" is no resource limit; see getrlimit(2) for their names, such as RLIMIT_NOFILE")
			continue
		}
		for k := range i {
			if limits[k].Type == l.Type {
				r.refuse(at()+".type", l.Type+" is given twice; keep one of them")
				break
			}
		}
		if l.Soft > l.Hard {
			r.refuse(at()+".soft", strconv.FormatUint(l.Soft, 10)+" is more than the hard limit, "+strconv.FormatUint(l.Hard, 10)+"; lower it")
		}
	}
}
