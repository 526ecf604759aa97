package runtime

import (
	"errors"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

// TestProblems: all that a Plan cannot be made of is said at once, each with its JSON path.
func TestProblems(t *testing.T) {
	var text strings.Builder
	for _, p := range []planned{
		{name: "ids that are not mapped", choice: several(), spec: func() *specs.Spec {
			s := quiet()
			s.Process.User = specs.User{UID: 70000, GID: 70001, AdditionalGids: []uint32{5, 70002, 70003}}
			return s
		}},
		{name: "one id", choice: single(), spec: func() *specs.Spec {
			s := quiet()
			s.Process.User = specs.User{UID: 1, GID: 1, AdditionalGids: []uint32{0}}
			return s
		}},
		{name: "mounts", choice: privileged(), spec: func() *specs.Spec {
			s := quiet()
			s.Mounts = []specs.Mount{
				{Destination: "/", Type: "symlink", Source: "x"},
				{Destination: "/", Type: "tmpfs", Source: "tmpfs"},
				{Destination: "/a", Type: "bind", Source: "/a", Options: []string{"bind", "remount", "ro"}},
			}
			return s
		}},
		{name: "an upper directory for the root", choice: privileged(), spec: func() *specs.Spec {
			s := quiet()
			s.Mounts = []specs.Mount{{Destination: "/", Type: "overlay", Source: "overlay", Options: []string{"lowerdir=/", "upper=tmpfs"}}}
			return s
		}},
		{name: "devices", choice: single(), spec: func() *specs.Spec {
			s := quiet()
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/dev", Type: "bind", Source: "/dev", Options: []string{"rbind"}})
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229}}
			return s
		}},
		{name: "a device without a name", choice: single(), spec: func() *specs.Spec {
			s := quiet()
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/.", Type: "c", Major: 1, Minor: 3}}
			return s
		}},
		{name: "id maps without a mapping", choice: privileged(), spec: func() *specs.Spec {
			s := quiet()
			s.Mounts = []specs.Mount{
				{Destination: "/c", Type: "tmpfs", Source: "tmpfs", Options: []string{"idmap"}},
				{Destination: "/d", Type: "symlink", Source: "a", Options: []string{"idmap"}},
			}
			return s
		}},
		{name: "id maps of an ordinary user", choice: several(), spec: func() *specs.Spec {
			s := quiet()
			ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 5, Size: 1}}
			s.Mounts = []specs.Mount{
				{Destination: "/a", Type: "bind", Source: "/a", Options: []string{"bind", "idmap"}},
				{Destination: "/b", Type: "tmpfs", Source: "tmpfs", UIDMappings: ids, GIDMappings: ids},
			}
			return s
		}},
		{name: "without a mount namespace", choice: privileged(), spec: func() *specs.Spec {
			s := quiet()
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}}
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
			s.Hostname, s.Root.Readonly = "", false
			s.Annotations = map[string]string{degrade.Annotation: "mounts=deny"}
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229}}
			return s
		}},
		{name: "private without pivot_root", choice: privileged(), noPivot: true, spec: func() *specs.Spec {
			s := quiet()
			s.Linux.RootfsPropagation = "rprivate"
			return s
		}},
		{name: "clocks of a user namespace that is joined", choice: joining(), spec: func() *specs.Spec {
			s := joinedSpec()
			s.Linux.Namespaces[3].Path = ""
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 1}}
			return s
		}},
	} {
		_, err := p.plan(t)
		var config *ConfigError
		if !errors.As(err, &config) {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		for _, problem := range config.Problems {
			if problem.Path == "" {
				t.Errorf("%s: a problem without its path: %v", p.name, problem)
			}
		}
		text.WriteString("# " + p.name + "\n" + err.Error() + "\n")
	}
	golden(t, "problems.txt", text.String())
}

// TestGivenUp: what is left out is listed.
func TestGivenUp(t *testing.T) {
	mode, uid := os.FileMode(0o600), uint32(1)
	p := planned{choice: single(), spec: func() *specs.Spec {
		s := quiet()
		s.Mounts[2].Options = append(s.Mounts[2].Options, "uid=7")
		s.Linux.Devices = []specs.LinuxDevice{
			{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, FileMode: &mode, UID: &uid}, {Path: "/dev/p", Type: "p", FileMode: &mode},
		}
		return s
	}}
	plan, err := p.plan(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mounts[2].options: gid=5: not mapped", "mounts[2].options: uid=7: not mapped", "linux.devices[0]: bound from the host"} {
		found := 0
		for _, g := range plan.GivenUp {
			if strings.HasPrefix(g.String(), want) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%q is listed %d times: %v", want, found, plan.GivenUp)
		}
	}
	for _, o := range plan.Mounts[2].Options.Data {
		if strings.Contains(o, "id=") {
			t.Errorf("%s is still there", o)
		}
	}
}

// TestMountAttributes: an option with an r before it holds for a new file system as the one without.
func TestMountAttributes(t *testing.T) {
	for _, test := range []struct {
		options []string
		want    string
	}{
		{[]string{"ro"}, "ro"}, {[]string{"rro", "rnosuid"}, "ro nosuid"}, {[]string{"ro", "rrw"}, ""}, {[]string{"rnoatime"}, "noatime"},
		{[]string{"noexec", "rnodev", "strictatime"}, "nodev noexec strictatime"},
	} {
		p := planned{choice: privileged(), spec: func() *specs.Spec {
			s := quiet()
			s.Mounts = []specs.Mount{{Destination: "/t", Type: "tmpfs", Source: "tmpfs", Options: test.options}}
			return s
		}}
		plan, err := p.plan(t)
		if err != nil {
			t.Fatal(err)
		}
		m := plan.Mounts[0].asJSON()
		if got := strings.Join(m.Set, " "); got != test.want || len(m.SetBelow) > 0 {
			t.Errorf("%v: %q, not %q; below %v", test.options, got, test.want, m.SetBelow)
		}
	}
}

// TestRootMount: what makes a mounted root read-only is done at the end, when the mount points are there.
func TestRootMount(t *testing.T) {
	for _, m := range []specs.Mount{
		{Destination: "/", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro", "nosuid", "private"}},
		{Destination: "/", Type: "bind", Source: "/srv", Options: []string{"rbind", "ro"}},
	} {
		p := planned{choice: privileged(), spec: func() *specs.Spec {
			s := quiet()
			s.Root.Readonly = false
			s.Mounts = append([]specs.Mount{m}, s.Mounts...)
			return s
		}}
		plan, err := p.plan(t)
		if err != nil {
			t.Fatal(err)
		}
		if j := plan.Mounts[0].asJSON(); !plan.Root.Readonly || strings.Contains(strings.Join(j.Set, " "), "ro ") || len(j.Set) > 0 && j.Set[0] == "ro" {
			t.Errorf("%s: %+v, %+v", m.Type, plan.Root, j)
		}
	}
}

// TestPlanOwnsItsData: what a caller does to a Plan changes no other.
func TestPlanOwnsItsData(t *testing.T) {
	p := planned{choice: privileged(), spec: quiet}
	first, err := p.plan(t)
	if err != nil {
		t.Fatal(err)
	}
	first.Links[0].Target = "/elsewhere"
	if second, err := p.plan(t); err != nil || second.Links[0].Target == "/elsewhere" {
		t.Error(second.Links, err)
	}
}

func TestSearchPaths(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		want string
	}{
		{"/bin/sh", nil, "/bin/sh"}, {"./sh", nil, "./sh"}, {"bin/sh", []string{"PATH=/x"}, "bin/sh"},
		{"sh", nil, "/usr/local/sbin/sh /usr/local/bin/sh /usr/sbin/sh /usr/bin/sh /sbin/sh /bin/sh"},
		{"sh", []string{"PATH=/a:/b/"}, "/a/sh /b/sh"},
		{"sh", []string{"PATH="}, "sh"}, // an empty element is the working directory, environ(7)
		{"sh", []string{"PATH=/a::/b"}, "/a/sh sh /b/sh"},
		{"sh", []string{"PATH=/a", "PATH=/b"}, "/b/sh"},
		{"sh", []string{"XPATH=/a", "PATHS=/a", "PATH=:."}, "sh sh"},
	} {
		if got := strings.Join(searchPaths(test.name, test.env), " "); got != test.want {
			t.Errorf("%s with %q: %s, not %s", test.name, test.env, got, test.want)
		}
	}
}

// TestEmptyConfiguration: what is missing is said, and nothing is taken for granted.
func TestEmptyConfiguration(t *testing.T) {
	_, err := makePlan(planInput{id: "x", loaded: &spec.Loaded{Spec: &specs.Spec{}}, choice: userns.Choice{}})
	for _, path := range []string{"root.path", "process"} {
		if err == nil || !strings.Contains(err.Error(), "config.json: "+path+": ") {
			t.Errorf("%s is not in %v", path, err)
		}
	}
}
