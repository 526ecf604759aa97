package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// hooks looks at what can be told without the files: those are there, or not, when their time comes.
func (r *report) hooks(h *specs.Hooks) {
	if h == nil {
		return
	}
	r.hookList("hooks.prestart", h.Prestart) //nolint:staticcheck // deprecated, and in use
	r.hookList("hooks.createRuntime", h.CreateRuntime)
	r.hookList("hooks.createContainer", h.CreateContainer)
	r.hookList("hooks.startContainer", h.StartContainer)
	r.hookList("hooks.poststart", h.Poststart)
	r.hookList("hooks.poststop", h.Poststop)
}

func (r *report) hookList(path string, list []specs.Hook) {
	for i := range list {
		h, at := &list[i], func() string { return strictjson.Element(path, i) }
		switch {
		case h.Path == "":
			r.refuse(at()+".path", "missing; name the program to run")
		case h.Path[0] != '/':
			r.refuse(at()+".path", quote(h.Path)+" is relative; it must begin with /")
		case hasNUL(h.Path):
			r.refuse(at()+".path", nulText)
		}
		for _, l := range []struct {
			name  string
			words []string
		}{{".args", h.Args}, {".env", h.Env}} {
			for k, word := range l.words {
				if hasNUL(word) {
					r.refuse(strictjson.Element(at()+l.name, k), nulText)
				}
			}
		}
		if t := h.Timeout; t != nil && *t <= 0 {
			r.refuse(at()+".timeout", strconv.Itoa(*t)+" seconds; give more than 0, or leave it out for as long as it takes")
		}
	}
}
