package spec

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Files that are no configuration at all: each gets a sentence of its own.
func TestLoadWrongDocuments(t *testing.T) {
	for name, c := range map[string]struct{ raw, want string }{
		"empty":     {"", "config.json: empty; write one with `roost spec`"},
		"blank":     {" \n\t", "config.json: empty; write one with `roost spec`"},
		"elf":       {"\x7fELF\x02\x01", "config.json: not text but binary (it begins with 7f 45 4c 46); write one with `roost spec`"},
		"zeros":     {"\x00\x00", "config.json: not text but binary (it begins with 00 00); write one with `roost spec`"},
		"gzip":      {"\x1f\x8b\x08", "config.json: not text but binary (it begins with 1f 8b 08); write one with `roost spec`"},
		"bom":       {"\xef\xbb\xbf{}", "config.json: begins with a byte order mark, which JSON does not have; save it as UTF-8 without one"},
		"utf-16":    {"\xff\xfe{\x00", "config.json: is UTF-16; save it as UTF-8"},
		"array":     {"[]", "config.json: not a JSON object: it begins with \"[]\"; write one with `roost spec`"},
		"yaml":      {"ociVersion: 1.3.0", "config.json: not a JSON object: it begins with \"ociVersion:\"; write one with `roost spec`"},
		"null":      {"null", "config.json: not a JSON object: it begins with \"null\"; write one with `roost spec`"},
		"truncated": {`{"ociVersion": "1.3`, "config.json:1: ociVersion: cut off: the document ends in the middle; its last string has no end; copy the file again, or write one with `roost spec`"},
		"garbage":   {`{"ociVersion": "1.3.0"} x`, "config.json:1: something follows the end of the document; remove it"},
		"utf-8":     {"{\"hostname\": \"" + strings.Repeat("x", 80) + "\xff\"}", "config.json:1: hostname: not UTF-8 in a string; JSON must be"},
		"deep":      {`{"x": ` + strings.Repeat("[", 10_000), "nested too deep: more than 100 levels"},
		"huge":      {strings.Repeat(" ", MaxSize) + "{}", "config.json: too large: 16777218 bytes, where at most 16777216 (16 MiB) are read; take out what has grown, most often an annotation"},
	} {
		t.Run(name, func(t *testing.T) {
			loaded, err := Load([]byte(c.raw))
			if loaded != nil || err == nil {
				t.Fatalf("accepted: %v", loaded)
			}
			if name == "deep" && strings.HasSuffix(err.Error(), c.want) {
				return
			}
			if got := err.Error(); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	for v, ok := range map[string]bool{
		"1.0.0": true, "1.0.2-dev": true, "1.0.0-rc1": true, "1.1.0+dev": true, "1.2.1": true, "1.3.0": true, "1.3.7-rc.1+x.y": true,
		"1.4.0": false, "1.10.0": false, "2.0.0": false, "0.5.0": false, "99": false, "1.3": false, "1.x.0": false, "v1.0.0": false,
		"1..0": false, "01.0.0": false, "1.0.0.0": false, "1.99999999999999999999.0": false, " 1.0.0": false,
	} {
		s := Default()
		s.Version = v
		if _, err := Validate(s); (err == nil) != ok {
			t.Errorf("%s: %v", v, err)
		}
	}
}

// What `spec` writes is accepted, with and without a document between.
func TestDefaults(t *testing.T) {
	for name, s := range map[string]*specs.Spec{"default": Default(), "rootless": Rootless(1000, 1000)} {
		loaded, err := Load(Encode(s))
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(s, loaded.Spec, cmpopts.EquateEmpty()); diff != "" {
			t.Error(name, diff)
		}
		validated, err := Validate(s)
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(loaded.GivenUp, validated.GivenUp, cmp.AllowUnexported(Problem{})); diff != "" {
			t.Error(name, diff)
		}
		if got := paths(loaded.GivenUp); got != "" {
			t.Errorf("%s: given up %q", name, got)
		}
	}
}

func paths(problems []Problem) string {
	var list []string
	for _, p := range problems {
		list = append(list, p.Path)
	}
	return strings.Join(list, " ")
}

// Changes to a good Spec, and the paths of what is then wrong or given up.
func TestValidate(t *testing.T) {
	umask := uint32(0o777)
	score := -1000
	for name, c := range map[string]struct {
		change           func(*specs.Spec)
		refused, givenUp string
	}{
		"nothing":             {func(s *specs.Spec) {}, "", ""},
		"no process":          {func(s *specs.Spec) { s.Process = nil }, "process", ""},
		"no root":             {func(s *specs.Spec) { s.Root = nil }, "root", ""},
		"no linux":            {func(s *specs.Spec) { s.Linux = nil }, "hostname", ""},
		"no linux, no mounts": {func(s *specs.Spec) { s.Linux, s.Hostname, s.Mounts, s.Root.Readonly = nil, "", nil, false }, "", ""},
		"limits of ids":       {func(s *specs.Spec) { s.Process.User = specs.User{UID: math.MaxUint32 - 1, Umask: &umask} }, "", ""},
		"lowest score":        {func(s *specs.Spec) { s.Process.OOMScoreAdj = &score }, "", ""},
		"too many groups":     {func(s *specs.Spec) { s.Process.User.AdditionalGids = make([]uint32, 65537) }, "process.user.additionalGids", ""},
		"console without terminal": {func(s *specs.Spec) {
			s.Process.Terminal, s.Process.ConsoleSize = false, &specs.Box{Height: math.MaxUint32}
		}, "", ""},
		"host uts":              {func(s *specs.Spec) { dropNamespace(s, "uts"); s.Domainname = "d" }, "hostname domainname", ""},
		"host uts, no name":     {func(s *specs.Spec) { dropNamespace(s, "uts"); s.Hostname = "" }, "", ""},
		"host mounts":           {func(s *specs.Spec) { dropNamespace(s, "mount") }, "", ""},
		"auto mappings":         {func(s *specs.Spec) { s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil }, "", ""},
		"mappings without user": {func(s *specs.Spec) { dropNamespace(s, "user") }, "linux.uidMappings", ""},
		"gid mappings only":     {func(s *specs.Spec) { s.Linux.UIDMappings = nil }, "linux.uidMappings", ""},
		"uid mappings only":     {func(s *specs.Spec) { s.Linux.GIDMappings = nil }, "linux.gidMappings", ""},
		"mappings and path":     {func(s *specs.Spec) { joinNamespace(s, "user") }, "", "linux.uidMappings"},
		"whole id space":        {func(s *specs.Spec) { s.Linux.UIDMappings = []specs.LinuxIDMapping{{Size: math.MaxUint32}} }, "", ""},
		"mappings meet":         {func(s *specs.Spec) { s.Linux.UIDMappings = ranges(0, 10, 5, 5, 15, 5, 10, 1, 5) }, "", ""},
		"container ids overlap": {func(s *specs.Spec) { s.Linux.UIDMappings = ranges(4, 10, 2, 5, 15, 5) }, "linux.uidMappings[1].containerID", ""},
		"host ids overlap":      {func(s *specs.Spec) { s.Linux.UIDMappings = ranges(0, 10, 5, 5, 14, 5) }, "linux.uidMappings[1].hostID", ""},
		"too many mappings":     {func(s *specs.Spec) { s.Linux.UIDMappings = make([]specs.LinuxIDMapping, 341) }, "linux.uidMappings", ""},
		"offsets without time":  {func(s *specs.Spec) { s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {}} }, "linux.timeOffsets", ""},
		"offsets of joined time": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: "time", Path: "/proc/1/ns/time"})
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {}}
		}, "linux.timeOffsets", ""},
		"future capability": {func(s *specs.Spec) {
			s.Process.Capabilities.Bounding = append(s.Process.Capabilities.Bounding, "CAP_TELEPORT")
		}, "", "process.capabilities.bounding[3]"},
		"ambient alone": {func(s *specs.Spec) { s.Process.Capabilities.Ambient = []string{"CAP_KILL"} }, "", "process.capabilities.ambient"},
		"file options of a bind": {func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/a", Source: "/a", Options: []string{"bind", "size=1"}}}
		}, "", "mounts[0].options"},
		"remount": {func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/sys", Options: []string{"remount", "ro"}}}
		}, "", ""},
		"bind by its type": {func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/a", Source: "/a", Type: "bind", Options: []string{"ro", "sync", "iversion"}}}
		}, "", "mounts[0].options mounts[0].options[2]"},
		"options of others": {func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/a", Source: "proc", Type: "proc", Options: []string{"src-nofollow", "copy-symlink", "tmpcopyup"}}}
		}, "mounts[0].options[2] mounts[0].options[1] mounts[0].options[0] mounts[0].options[0]", ""},
		"allow rule":          {func(s *specs.Spec) { s.Linux.Resources = rules(specs.LinuxDeviceCgroup{Allow: true, Access: "rwm"}) }, "", ""},
		"deny less":           {func(s *specs.Spec) { s.Linux.Resources = rules(specs.LinuxDeviceCgroup{Access: "rw"}) }, "", ""},
		"deny one kind":       {func(s *specs.Spec) { s.Linux.Resources = rules(specs.LinuxDeviceCgroup{Type: "c", Access: "rwm"}) }, "", ""},
		"strange rule":        {func(s *specs.Spec) { s.Linux.Resources = rules(specs.LinuxDeviceCgroup{Type: "x", Access: "rx"}) }, "linux.resources.devices[0].type linux.resources.devices[0].access", ""},
		"deny all":            {func(s *specs.Spec) { s.Linux.Resources = rules(specs.LinuxDeviceCgroup{Type: "a", Access: "rwm"}) }, "", ""},
		"hooks":               {func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{}}} }, "hooks.poststop[0].path", ""},
		"empty hooks":         {func(s *specs.Spec) { s.Hooks = &specs.Hooks{} }, "", ""},
		"empty affinity":      {func(s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{} }, "", ""},
		"user name":           {func(s *specs.Spec) { s.Process.User.Username = "alice" }, "process.user.username", ""},
		"relative mask":       {func(s *specs.Spec) { s.Linux.MaskedPaths = []string{"x"} }, "linux.maskedPaths[0]", ""},
		"propagation":         {func(s *specs.Spec) { s.Linux.RootfsPropagation = "runbindable" }, "", ""},
		"st_mode as fileMode": {func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{device(0o20666)} }, "", ""},
		"huge fileMode":       {func(s *specs.Spec) { s.Linux.Devices = []specs.LinuxDevice{device(1 << 16)} }, "linux.devices[0].fileMode", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := Rootless(1000, 1000)
			c.change(s)
			before := fmt.Sprintf("%+v", *s)
			loaded, err := Validate(s)
			var e *Error
			switch {
			case errors.As(err, &e):
				if got := paths(e.Problems); got != c.refused {
					t.Errorf("refused %q, want %q: %v", got, c.refused, err)
				}
			case err != nil:
				t.Fatal(err)
			case c.refused != "" || paths(loaded.GivenUp) != c.givenUp:
				t.Errorf("refused nothing, want %q; given up %q, want %q", c.refused, paths(loaded.GivenUp), c.givenUp)
			}
			if after := fmt.Sprintf("%+v", *s); after != before {
				t.Errorf("the Spec was changed:\n%s\n%s", before, after)
			}
		})
	}
}

func dropNamespace(s *specs.Spec, t specs.LinuxNamespaceType) {
	var kept []specs.LinuxNamespace
	for _, n := range s.Linux.Namespaces {
		if n.Type != t {
			kept = append(kept, n)
		}
	}
	s.Linux.Namespaces = kept
}

func joinNamespace(s *specs.Spec, t specs.LinuxNamespaceType) {
	findNamespace(s.Linux, t).Path = "/proc/1/ns/" + string(t)
}

func ranges(n ...uint32) (list []specs.LinuxIDMapping) {
	for ; len(n) > 0; n = n[3:] {
		list = append(list, specs.LinuxIDMapping{ContainerID: n[0], HostID: n[1], Size: n[2]})
	}
	return list
}

func rules(r ...specs.LinuxDeviceCgroup) *specs.LinuxResources {
	return &specs.LinuxResources{Devices: r}
}

func device(bits uint32) specs.LinuxDevice {
	mode := os.FileMode(bits)
	return specs.LinuxDevice{Path: "/dev/x", Type: "c", FileMode: &mode}
}

func TestLoadProcess(t *testing.T) {
	p, givenUp, err := LoadProcess(EncodeProcess(Default().Process))
	if err != nil || len(givenUp) != 0 {
		t.Fatal(givenUp, err)
	}
	if diff := cmp.Diff(Default().Process, p, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	_, _, err = LoadProcess([]byte("{\n\"args\": [],\n\"env\": [\"x\"],\n\"commandLine\": \"l\",\n\"cwd\": \"/\"}"))
	const want = "process file:2: args: empty; name the program to run\n" +
		"process file:3: env[0]: \"x\" has no \"=\"; write NAME=VALUE\n" +
		"process file:4: commandLine: means nothing on Linux; remove it, and set uid and gid, or args"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if _, err := ValidateProcess(&specs.Process{Cwd: "x"}); err == nil ||
		err.Error() != "process: args: empty; name the program to run\nprocess: cwd: \"x\" is relative; it must begin with /" {
		t.Error(err)
	}
}

// A hostile document makes neither a hundred thousand lines nor a quadratic search.
func TestProblemsAreBounded(t *testing.T) {
	raw := []byte(`{"process": {"env": ["x"` + strings.Repeat(`,"x"`, 100_000) + `], "args": [` + strings.Repeat(`5,`, 100_000) + `5]}}`)
	_, err := Load(raw)
	var e *Error
	if !errors.As(err, &e) || len(e.Problems) != maxProblems || e.Unlisted < 200_000-maxProblems {
		t.Fatalf("%.300v", err)
	}
	if lines := strings.Count(err.Error(), "\n"); lines != maxProblems {
		t.Error(lines)
	}
}

// Strings that a document repeats in its error are quoted and bounded, so that one problem stays one line.
func TestProblemsAreOneLine(t *testing.T) {
	long := strings.Repeat("y", 100_000)
	raw := []byte(`{"process": {"env": ["a\nb\u001b[31m", "` + long + `"], "cwd": "c\nd", "args": ["x"]}, "e\nf": {}, "linux": {"namespaces": [{"type": "g\nh"}], "sysctl": {"i\nj": "1"}}}`)
	_, err := Load(raw)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if got := err.Error(); strings.Count(got, "\n") != len(e.Problems)-1 || strings.Contains(got, "\x1b") || len(got) > 4000 {
		t.Errorf("%.4000s", got)
	}
}

// The type tables of encoding/json are what this package is there to avoid.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{else if eq .ImportPath \"encoding/json\" \"regexp\" \"net\" \"text/template\"}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Skipf("needs the go command: %v: %s", err, out)
	}
	const want = "github.com/opencontainers/runtime-spec/specs-go\ngithub.com/roost-run/roost/internal/fault\ngithub.com/roost-run/roost/internal/strictjson\n" +
		"golang.org/x/sys/unix\ngithub.com/roost-run/roost/internal/spec\n"
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
}
