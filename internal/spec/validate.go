package spec

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

const nulText = "has a NUL byte, where the kernel would end it; remove it"

// maxName is __NEW_UTS_LEN of sethostname(2) and setdomainname(2).
const maxName = 64

// config walks the Spec in the order of its Go fields. Paths are put together only where something is wrong.
func (r *report) config(s *specs.Spec) {
	r.version(s.Version)
	l := s.Linux
	if l == nil {
		l = &specs.Linux{}
	}
	switch {
	case s.Process == nil:
		r.refuse("process", "missing; say at least what to run: args, cwd, user")
	default:
		r.process("process.", s.Process)
	}
	r.root(s.Root)
	r.utsName("hostname", s.Hostname, l)
	r.utsName("domainname", s.Domainname, l)
	for i := range s.Mounts {
		r.mount(strictjson.Element("mounts", i), &s.Mounts[i])
	}
	if s.Hooks != nil {
		r.hooks(s.Hooks)
	}
	r.annotations(s.Annotations)
	r.linux(l)
	r.sysctls(s, l)
}

// annotations may be many and are hardly ever wrong: they are sorted only when one is.
func (r *report) annotations(m map[string]string) {
	sound := true
	for key, value := range m {
		sound = sound && key != "" && !hasNUL(key) && !hasNUL(value)
	}
	if sound {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch path := strictjson.Member("annotations", key); {
		case key == "":
			r.refuse(path, "a key is empty; name it or remove it")
		case hasNUL(key), hasNUL(m[key]):
			r.refuse(path, nulText)
		}
	}
}

// version accepts 1.0 to 1.3, pre-releases and all. A later minor version may have properties that the container
// relies on and nobody here would notice.
func (r *report) version(v string) {
	const path, remedy = "ociVersion", `write "1.3.0", or whichever version from 1.0 on the configuration was made for`
	core, _, _ := strings.Cut(v, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	switch {
	case v == "":
		r.refuse(path, "missing; "+remedy)
		return
	case len(parts) != 3 || !allNumbers(parts):
		r.refuse(path, quote(v)+" is not a version; "+remedy)
		return
	}
	minor, err := strconv.Atoi(parts[1])
	switch {
	case parts[0] != "1":
		r.refuse(path, "version "+quote(v)+" is not supported; roost knows 1.0 to 1.3")
	case err != nil || minor > 3:
		r.refuse(path, "version "+quote(v)+" is newer than 1.3, which roost knows; use a newer roost, or write "+
			`"1.3.0" if nothing newer is used`)
	}
}

func allNumbers(parts []string) bool {
	for _, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" || len(p) > 1 && p[0] == '0' {
			return false
		}
	}
	return true
}

func (r *report) root(root *specs.Root) {
	switch {
	case root == nil:
		r.refuse("root", `missing; name the root file system: "root": {"path": "rootfs"}`)
	case root.Path == "":
		r.refuse("root.path", "empty; name the root file system, absolute or relative to the bundle")
	case hasNUL(root.Path):
		r.refuse("root.path", nulText)
	}
}

// utsName refuses a name without a namespace for it: it would become the host's.
func (r *report) utsName(path, name string, l *specs.Linux) {
	switch {
	case name == "":
	case hasNUL(name):
		r.refuse(path, nulText)
	case len(name) > maxName:
		r.refuse(path, strconv.Itoa(len(name))+" bytes long; the kernel takes 64")
	case !hasNamespace(l, specs.UTSNamespace):
		r.refuse(path, `needs a uts namespace, or it would be the host's; add {"type": "uts"} to linux.namespaces, or remove it`)
	}
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

// quote is strconv.Quote for a message: bounded.
func quote(s string) string {
	if len(s) > 80 {
		return strconv.Quote(s[:80]) + "…"
	}
	return strconv.Quote(s)
}
