package spec

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// EncodeSeccomp is the section linux.seccomp of a document.
func EncodeSeccomp(s *specs.LinuxSeccomp) []byte {
	e := &encoder{b: make([]byte, 0, 16384)}
	e.seccomp(s)
	return e.b
}

func (e *encoder) seccomp(s *specs.LinuxSeccomp) {
	e.open('{')
	e.name("defaultAction")
	e.string(string(s.DefaultAction))
	numberIf(e, "defaultErrnoRet", s.DefaultErrnoRet)
	texts(e, "architectures", s.Architectures)
	texts(e, "flags", s.Flags)
	e.text("listenerPath", s.ListenerPath)
	e.text("listenerMetadata", s.ListenerMetadata)
	list(e, "syscalls", s.Syscalls, func(e *encoder, c *specs.LinuxSyscall) {
		e.open('{')
		if e.texts("names", c.Names); len(c.Names) == 0 {
			e.name("names") // which is required
			e.b = append(e.b, "[]"...)
		}
		e.name("action")
		e.string(string(c.Action))
		numberIf(e, "errnoRet", c.ErrnoRet)
		list(e, "args", c.Args, (*encoder).seccompArg)
		e.close('}')
	})
	e.close('}')
}

func (e *encoder) seccompArg(a *specs.LinuxSeccompArg) {
	e.open('{')
	e.number("index", uint64(a.Index))
	e.number("value", a.Value)
	e.positive("valueTwo", a.ValueTwo)
	e.name("op")
	e.string(string(a.Op))
	e.close('}')
}

// DecodeSeccomp decodes [Loaded.Seccomp], types only: what the values must be is known to who compiles it. The error is an [*Error], whose
// lines and paths begin in the section: syscalls[0].names.
func DecodeSeccomp(raw []byte) (*specs.LinuxSeccomp, error) {
	src := string(raw)
	var r report
	s := &specs.LinuxSeccomp{}
	if d := begin("linux.seccomp", src, &r); d != nil {
		s = d.seccompSection()
		d.finish()
	}
	if err := r.err("linux.seccomp", src); err != nil {
		return nil, err
	}
	return s, nil
}

func (d *decoder) seccompSection() *specs.LinuxSeccomp {
	s := &specs.LinuxSeccomp{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "defaultAction":
			s.DefaultAction = specs.LinuxSeccompAction(d.Text())
		case "defaultErrnoRet":
			s.DefaultErrnoRet = to(uint(d.uint32()))
		case "architectures":
			s.Architectures = words[specs.Arch](d)
		case "flags":
			s.Flags = words[specs.LinuxSeccompFlag](d)
		case "listenerPath":
			s.ListenerPath = d.Text()
		case "listenerMetadata":
			s.ListenerMetadata = d.Text()
		case "syscalls":
			s.Syscalls = each(d, d.seccompRule)
		default:
			d.unknown(key, "defaultAction defaultErrnoRet architectures flags listenerPath listenerMetadata syscalls")
		}
	}
	return s
}

func (d *decoder) seccompRule() specs.LinuxSyscall {
	var c specs.LinuxSyscall
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "names":
			c.Names = d.texts()
		case "action":
			c.Action = specs.LinuxSeccompAction(d.Text())
		case "errnoRet":
			c.ErrnoRet = to(uint(d.uint32()))
		case "args":
			c.Args = each(d, d.seccompArg)
		default:
			d.unknown(key, "names action errnoRet args")
		}
	}
	return c
}

func (d *decoder) seccompArg() specs.LinuxSeccompArg {
	var a specs.LinuxSeccompArg
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "index":
			a.Index = uint(d.uint32())
		case "value":
			a.Value = d.Uint(math.MaxUint64)
		case "valueTwo":
			a.ValueTwo = d.Uint(math.MaxUint64)
		case "op":
			a.Op = specs.LinuxSeccompOperator(d.Text())
		default:
			d.unknown(key, "index value valueTwo op")
		}
	}
	return a
}
