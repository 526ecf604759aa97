package spec

import (
	"math"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// decoder turns JSON into the runtime-spec's types and knows types only: what values must be is validate's business.
//
// Every property that is null counts as absent.
type decoder struct {
	*strictjson.Decoder
	report *report

	seccomp [2]int // where in the document linux.seccomp begins and ends; it is passed over

	hasVersion bool // ociVersion is there
	old        bool // a bundle of runc's from before 1.0
}

// finish takes over what the decoder noted and says whether the document could be read to its end. Validating half of
// one would report what is merely missing yet.
func (d *decoder) finish() bool {
	listed, unlisted := d.Problems()
	for _, p := range listed {
		d.report.add(Problem{Path: p.Path, Text: p.Text, offset: p.Offset})
	}
	d.report.unlisted += unlisted
	d.report.settle()
	switch e := d.End().(type) {
	case nil:
		return true
	case *strictjson.SyntaxError:
		text := e.Text
		if e.Truncated {
			text += "; copy the file again, or " + anew
		}
		d.report.add(Problem{Path: e.Path, Text: text, offset: e.Offset})
	}
	return false
}

func (d *decoder) config(s *specs.Spec) {
	version := false
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "ociVersion":
			s.Version, d.hasVersion = d.Text(), true
		case "version":
			version = true
			d.Skip()
		case "root":
			s.Root = d.root()
		case "mounts":
			s.Mounts = d.mounts()
		case "process":
			s.Process = d.process()
		case "hostname":
			s.Hostname = d.Text()
		case "domainname":
			s.Domainname = d.Text()
		case "annotations":
			s.Annotations = d.textMap()
		case "linux":
			s.Linux = d.linux()
		case "hooks":
			s.Hooks = d.hooks()
		case "windows", "solaris", "vm", "zos", "freebsd":
			d.refusePlatform()
		default:
			d.unknown(key, "ociVersion root mounts process hostname domainname annotations linux hooks")
		}
	}
	if version && !d.hasVersion {
		d.twoFiles()
	}
}

// twoFiles replaces whatever else there is to say: runc's format from before 1.0 differs in nearly every property.
func (d *decoder) twoFiles() {
	d.old = true
	d.ForgetProblems()
	*d.report = report{}
	d.report.refuse("version", `a bundle in the format from before 1.0, of config.json and runtime.json; `+
		`only one config.json with "ociVersion" is supported: `+anew+` and carry the settings over`)
}

func (d *decoder) root() *specs.Root {
	root := &specs.Root{}
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "path":
			root.Path = d.Text()
		case "readonly":
			root.Readonly = d.Bool()
		default:
			d.unknown(key, "path readonly")
		}
	}
	return root
}

func (d *decoder) mounts() []specs.Mount {
	mounts := make([]specs.Mount, 0, 16)
	for range d.Array() {
		mounts = append(mounts, d.mount())
	}
	return mounts
}

func (d *decoder) mount() specs.Mount {
	var m specs.Mount
	for key := range d.Object() {
		if d.Null() {
			continue
		}
		switch key {
		case "destination":
			m.Destination = absolute(d.Text())
		case "type":
			m.Type = d.Text()
		case "source":
			m.Source = d.Text()
		case "options":
			m.Options = d.texts()
		case "uidMappings":
			m.UIDMappings = d.mappings()
		case "gidMappings":
			m.GIDMappings = d.mappings()
		default:
			d.unknown(key, "destination type source options uidMappings gidMappings")
		}
	}
	return m
}

// absolute reads a relative destination as the runtime-spec says: from the root of the container.
func absolute(destination string) string {
	if destination == "" || destination[0] == '/' {
		return destination
	}
	return "/" + destination
}

func (d *decoder) textMap() map[string]string {
	m := map[string]string{}
	for key := range d.Object() {
		// Unlike elsewhere null is no way to say nothing here: the name is there, and a value must be.
		m[key] = d.Text()
	}
	return m
}

func (d *decoder) texts() []string {
	list := make([]string, 0, 8)
	for range d.Array() {
		list = append(list, d.Text())
	}
	return list
}

// each reads an array by what reads an element.
func each[T any](d *decoder, element func() T) []T {
	list := make([]T, 0, 4)
	for range d.Array() {
		list = append(list, element())
	}
	return list
}

// members reads an object whose names are data.
func members[T any](d *decoder, member func() T) map[string]T {
	m := map[string]T{}
	for key := range d.Object() {
		m[key] = member()
	}
	return m
}

// words reads an array of strings that have a type of their own.
func words[T ~string](d *decoder) []T {
	return each(d, func() T { return T(d.Text()) })
}

func (d *decoder) uint16() uint16 { return uint16(d.Uint(math.MaxUint16)) }
func (d *decoder) uint32() uint32 { return uint32(d.Uint(math.MaxUint32)) }
func (d *decoder) int32() int32   { return int32(d.Int(math.MinInt32, math.MaxInt32)) }
func (d *decoder) int64() int64   { return d.Int(math.MinInt64, math.MaxInt64) }

// to is a pointer to a value that is there.
func to[T any](v T) *T { return &v }

// unknown is for a property that the runtime-spec does not have. It must be ignored; but a reader that does not mind
// case (Go's own) would have applied "Seccomp", so such a one is listed.
func (d *decoder) unknown(key, known string) {
	for name := range strings.FieldsSeq(known) {
		if strings.EqualFold(name, key) {
			d.report.giveUp(d.Path(), `unknown and ignored; case counts: write it as "`+name+`"`)
		}
	}
	d.Skip()
}
