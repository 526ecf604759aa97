package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// refused lists what is decoded and not implemented, a line for each property: whoever implements it removes its line.
func (r *report) refused(s *specs.Spec) {
	if s.Process != nil {
		r.refusedProcess("process.", s.Process)
	}
	if l := s.Linux; l != nil {
		r.unless(l.IntelRdt == nil, "linux.intelRdt") // even an empty one asks for a group
	}
	r.settle()
}

// refusedProcess is the part of it that a process file may have, too.
func (r *report) refusedProcess(prefix string, p *specs.Process) {
	r.unless(p.CommandLine == "", prefix+"commandLine")
	r.unless(p.User.Username == "", prefix+"user.username")
	r.settle()
}

// platforms refuses what is for another platform, in a Spec; the decoder does in a document.
func (r *report) platforms(s *specs.Spec) {
	r.unless(s.Windows == nil, "windows")
	r.unless(s.Solaris == nil, "solaris")
	r.unless(s.VM == nil, "vm")
	r.unless(s.ZOS == nil, "zos")
	r.unless(s.FreeBSD == nil, "freebsd")
}

func (r *report) unless(ok bool, path string) {
	if !ok {
		r.refuse(path, notSupported(path))
	}
}

// notSupported is the sentence for a property, by its path.
func notSupported(path string) string {
	switch {
	case strings.HasSuffix(path, ".username"), strings.HasSuffix(path, ".commandLine"), path == "commandLine":
		return "means nothing on Linux; remove it, and set uid and gid, or args"
	}
	switch path {
	case "windows", "solaris", "vm", "zos", "freebsd":
		return "is for another platform; remove it, this is a runtime for Linux containers"
	}
	return "not supported yet; remove it, or use another runtime for this container"
}

// refusePlatform reads a property for another platform and notes that, unless its value asks for nothing. It is passed over, not
// decoded.
func (d *decoder) refusePlatform() {
	if !hollow(d.Decoder) {
		d.report.refuse(d.Path(), notSupported(d.Path()))
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
