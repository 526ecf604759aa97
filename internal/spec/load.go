package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// Loaded is a configuration that can be run.
type Loaded struct {
	// Spec is what was given to Validate; after Load it lacks linux.seccomp, which is in Seccomp only.
	Spec *specs.Spec

	// Seccomp is the section linux.seccomp, an object in JSON, not decoded: with the filter at hand nobody has to. nil means
	// that there is none. It may be a part of what Load was given.
	Seccomp []byte

	// GivenUp is what the configuration asks for and does not get, and nothing depends on: to be shown, not to fail on.
	// These have no Line: finding it would mean to read the document twice at every start.
	GivenUp []Problem
}

// Load decodes and validates a config.json. The error is an [*Error] with every problem; nothing else is returned
// then. In the Spec a relative mount destination has become absolute, as the runtime-spec defines it.
func Load(raw []byte) (*Loaded, error) {
	src := string(raw)
	var r report
	s := &specs.Spec{}
	var seccomp []byte
	if d := begin("config.json", src, &r); d != nil {
		d.config(s)
		if from, to := d.seccomp[0], d.seccomp[1]; from < to {
			seccomp = raw[from:to:to]
		}
		if d.finish() && !d.old {
			r.refused(s)
			r.config(s)
		}
	}
	if err := r.err("config.json", src); err != nil {
		return nil, err
	}
	return &Loaded{Spec: s, Seccomp: seccomp, GivenUp: r.givenUp}, nil
}

// Validate checks a Spec that did not come from a document, by the same rules. The Spec is not changed; the error's
// problems have no lines.
func Validate(s *specs.Spec) (*Loaded, error) {
	var r report
	var seccomp []byte
	if s.Linux != nil && s.Linux.Seccomp != nil {
		seccomp = EncodeSeccomp(s.Linux.Seccomp)
	}
	r.platforms(s)
	r.refused(s)
	r.config(s)
	if err := r.err("container configuration", ""); err != nil {
		return nil, err
	}
	return &Loaded{Spec: s, Seccomp: seccomp, GivenUp: r.givenUp}, nil
}

// LoadProcess decodes and validates a process in a document of its own, as `exec --process FILE` gets it. The paths
// in problems begin at the process: args, not process.args.
func LoadProcess(raw []byte) (p *specs.Process, givenUp []Problem, err error) {
	src := string(raw)
	var r report
	if d := begin("process file", src, &r); d != nil {
		p = d.process()
		if d.finish() {
			r.refusedProcess("", p)
			r.process("", p)
		}
	}
	if err := r.err("process file", src); err != nil {
		return nil, nil, err
	}
	return p, r.givenUp, nil
}

// LoadResources decodes and validates linux.resources in a document of its own, as `update --resources FILE` gets it. The paths in
// problems are those of a configuration: linux.resources.memory.limit.
func LoadResources(raw []byte) (*specs.LinuxResources, error) {
	src := string(raw)
	var r report
	var resources *specs.LinuxResources
	if d := begin("resources file", src, &r); d != nil {
		resources = d.resources()
		if d.finish() {
			r.resources(resources)
		}
	}
	if err := r.err("resources file", ""); err != nil {
		return nil, err
	}
	return resources, nil
}

// ValidateResources checks what did not come from a document, such as those of a container with the flags of update applied.
func ValidateResources(c *specs.LinuxResources) error {
	var r report
	r.resources(c)
	return r.err("resources", "")
}

// ValidateProcess checks a process that did not come from a document, such as the container's own one with the flags
// of exec applied.
func ValidateProcess(p *specs.Process) (givenUp []Problem, err error) {
	var r report
	r.refusedProcess("", p)
	r.process("", p)
	return r.givenUp, r.err("process", "")
}

// begin looks at what the document is at all, so that a wrong file gets a better answer than a place in its grammar.
// It returns nil when there is nothing to decode.
func begin(name, src string, r *report) *decoder {
	text := ""
	switch trimmed := strings.TrimLeft(src, " \t\r\n"); {
	case len(src) > MaxSize:
		text = tooLarge(int64(len(src)))
	case trimmed == "":
		text = "empty; " + anew
	case strings.HasPrefix(src, "\xef\xbb\xbf"):
		text = "begins with a byte order mark, which JSON does not have; save it as UTF-8 without one"
	case strings.HasPrefix(src, "\xff\xfe"), strings.HasPrefix(src, "\xfe\xff"):
		text = "is UTF-16; save it as UTF-8"
	case binary(src):
		text = "not text but binary (it begins with " + firstBytes(src) + "); " + anew
	case trimmed[0] != '{':
		text = "not a JSON object: it begins with " + strconv.Quote(firstWord(trimmed)) + "; " + anew
	default:
		return &decoder{Decoder: strictjson.New(src), report: r}
	}
	r.add(Problem{Text: text, offset: -1})
	return nil
}

const anew = "write one with `roost spec`"

func tooLarge(size int64) string {
	return "too large: " + strconv.FormatInt(size, 10) + " bytes, where at most " + strconv.Itoa(MaxSize) +
		" (16 MiB) are read; take out what has grown, most often an annotation"
}

// binary says whether the beginning has control characters that no text has, or is not UTF-8.
func binary(src string) bool {
	head := src[:min(len(src), 64)]
	for _, c := range []byte(head) {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			return true
		}
	}
	return head[0] >= 0x80
}

func firstBytes(src string) string {
	var b []byte
	for i, c := range []byte(src[:min(len(src), 4)]) {
		if i > 0 {
			b = append(b, ' ')
		}
		if c < 16 {
			b = append(b, '0')
		}
		b = strconv.AppendUint(b, uint64(c), 16)
	}
	return string(b)
}

func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t\r\n"); i >= 0 {
		s = s[:i]
	}
	if len(s) > 20 {
		s = s[:20] + "…"
	}
	return s
}
