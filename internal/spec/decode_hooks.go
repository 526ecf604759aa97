package spec

import (
	"math"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (d *decoder) hooks() *specs.Hooks {
	h := &specs.Hooks{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "prestart":
			h.Prestart = each(d, d.hook) //nolint:staticcheck // deprecated, and still what nvidia-container-toolkit writes
		case "createRuntime":
			h.CreateRuntime = each(d, d.hook)
		case "createContainer":
			h.CreateContainer = each(d, d.hook)
		case "startContainer":
			h.StartContainer = each(d, d.hook)
		case "poststart":
			h.Poststart = each(d, d.hook)
		case "poststop":
			h.Poststop = each(d, d.hook)
		default:
			d.unknown(key, "prestart createRuntime createContainer startContainer poststart poststop")
		}
	}
	return h
}

func (d *decoder) hook() specs.Hook {
	var h specs.Hook
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "path":
			h.Path = d.Text()
		case "args":
			h.Args = d.texts()
		case "env":
			h.Env = d.texts()
		case "timeout":
			seconds := int(d.Int(math.MinInt32, math.MaxInt32))
			h.Timeout = &seconds
		default:
			d.unknown(key, "path args env timeout")
		}
	}
	return h
}
