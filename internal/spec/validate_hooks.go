package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

func (r *report) hooks(h *specs.Hooks) {
	r.hookList("hooks.prestart", h.Prestart) //nolint:staticcheck // deprecated, and run all the same
	r.hookList("hooks.createRuntime", h.CreateRuntime)
	r.hookList("hooks.createContainer", h.CreateContainer)
	r.hookList("hooks.startContainer", h.StartContainer)
	r.hookList("hooks.poststart", h.Poststart)
	r.hookList("hooks.poststop", h.Poststop)
}

// hookList checks them by config.md, "POSIX-platform Hooks". Whether the program is there is found out when it is run: hooks may make
// one another's.
func (r *report) hookList(path string, list []specs.Hook) {
	for i := range list {
		h := &list[i]
		at := func(member string) string { return strictjson.Element(path, i) + "." + member }
		switch {
		case h.Path == "":
			r.refuse(at("path"), "missing; name the program, by an absolute path")
		case hasNUL(h.Path):
			r.refuse(at("path"), nulText)
		case h.Path[0] != '/':
			r.refuse(at("path"), quote(h.Path)+" is relative; it must begin with /")
		}
		for k, a := range h.Args {
			if hasNUL(a) {
				r.refuse(strictjson.Element(at("args"), k), nulText)
			}
		}
		r.environment(func() string { return at("env") }, h.Env)
		if t := h.Timeout; t != nil && *t <= 0 {
			r.refuse(at("timeout"), strconv.Itoa(*t)+" is no time; give seconds, 1 or more, or leave it out for no limit")
		}
	}
}

func (r *report) environment(path func() string, list []string) {
	for i, e := range list {
		name, _, ok := strings.Cut(e, "=")
		switch at := func() string { return strictjson.Element(path(), i) }; {
		case hasNUL(e):
			r.refuse(at(), nulText)
		case !ok:
			r.refuse(at(), quote(e)+` has no "="; write NAME=VALUE`)
		case name == "":
			r.refuse(at(), "has no name; write NAME=VALUE")
		}
	}
}
