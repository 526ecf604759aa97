package spec

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (d *decoder) process() *specs.Process {
	p := &specs.Process{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "terminal":
			p.Terminal = d.Bool()
		case "consoleSize":
			p.ConsoleSize = d.consoleSize()
		case "user":
			p.User = d.user()
		case "args":
			p.Args = d.texts()
		case "env":
			p.Env = d.texts()
		case "cwd":
			p.Cwd = d.Text()
		case "capabilities":
			p.Capabilities = d.capabilities()
		case "rlimits":
			p.Rlimits = d.rlimits()
		case "noNewPrivileges":
			p.NoNewPrivileges = d.Bool()
		case "oomScoreAdj":
			score := int(d.Int(math.MinInt32, math.MaxInt32))
			p.OOMScoreAdj = &score
		case "apparmorProfile":
			p.ApparmorProfile = d.Text()
		case "selinuxLabel":
			p.SelinuxLabel = d.Text()
		case "scheduler":
			p.Scheduler = d.scheduler()
		case "ioPriority":
			p.IOPriority = d.ioPriority()
		case "execCPUAffinity":
			p.ExecCPUAffinity = d.affinity()
		case "commandLine":
			p.CommandLine = d.Text()
		default:
			d.unknown(key, "terminal consoleSize user args env cwd capabilities rlimits noNewPrivileges oomScoreAdj "+
				"apparmorProfile selinuxLabel scheduler ioPriority execCPUAffinity")
		}
	}
	return p
}

func (d *decoder) consoleSize() *specs.Box {
	box := &specs.Box{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "height":
			box.Height = uint(d.uint32())
		case "width":
			box.Width = uint(d.uint32())
		default:
			d.unknown(key, "height width")
		}
	}
	return box
}

func (d *decoder) user() specs.User {
	var u specs.User
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "uid":
			u.UID = d.uint32()
		case "gid":
			u.GID = d.uint32()
		case "umask":
			umask := d.uint32()
			u.Umask = &umask
		case "additionalGids":
			u.AdditionalGids = d.ids()
		case "username":
			u.Username = d.Text()
		default:
			d.unknown(key, "uid gid umask additionalGids username")
		}
	}
	return u
}

func (d *decoder) ids() []uint32 {
	list := make([]uint32, 0, 8)
	for range d.Array() {
		list = append(list, d.uint32())
	}
	return list
}

func (d *decoder) capabilities() *specs.LinuxCapabilities {
	c := &specs.LinuxCapabilities{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "bounding":
			c.Bounding = d.texts()
		case "effective":
			c.Effective = d.texts()
		case "inheritable":
			c.Inheritable = d.texts()
		case "permitted":
			c.Permitted = d.texts()
		case "ambient":
			c.Ambient = d.texts()
		default:
			d.unknown(key, "bounding effective inheritable permitted ambient")
		}
	}
	return c
}

func (d *decoder) rlimits() []specs.POSIXRlimit {
	list := make([]specs.POSIXRlimit, 0, 4)
	for range d.Array() {
		list = append(list, d.rlimit())
	}
	return list
}

// rlimit insists on both numbers here: in the Go type a missing one is a limit of 0.
func (d *decoder) rlimit() specs.POSIXRlimit {
	var l specs.POSIXRlimit
	soft, hard, before := false, false, d.Noted()
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "type":
			l.Type = d.Text()
		case "soft":
			l.Soft, soft = d.Uint(math.MaxUint64), true
		case "hard":
			l.Hard, hard = d.Uint(math.MaxUint64), true
		default:
			d.unknown(key, "type soft hard")
		}
	}
	if (!soft || !hard) && d.Noted() == before {
		d.report.refuse(d.Path(), `needs both "soft" and "hard"`)
	}
	return l
}
