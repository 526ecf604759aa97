package runtime

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
)

// notifying is a filter that allows all, and says that it notifies.
func notifying() *seccomp.Filter {
	b := binary.NativeEndian.AppendUint16(nil, unix.BPF_RET|unix.BPF_K)
	b = binary.NativeEndian.AppendUint32(append(b, 0, 0), 0x7fff0000)
	return &seccomp.Filter{Insns: b, Flags: seccomp.FlagNewListener | seccomp.FlagSpecAllow, ListenerPath: "/run/agent.sock", ListenerMetadata: "what I am"}
}

// TestFilterIsLast: nothing follows the filter that a profile would have to allow but what cannot come before it.
func TestFilterIsLast(t *testing.T) {
	for _, c := range []struct {
		name          string
		nnp, init     bool
		filter        *seccomp.Filter
		capabilities  []string
		after         []string // what is between the filter and the execve
		holds, parent bool
	}{
		{name: "with no_new_privs", nnp: true, filter: &seccomp.Filter{Insns: notifying().Insns}},
		{name: "with no_new_privs, notified", nnp: true, filter: notifying(), after: []string{"send file", "close", "close"}},
		{name: "without", filter: &seccomp.Filter{Insns: notifying().Insns}, after: []string{"capset"}, holds: true},
		{name: "without, notified, init", filter: notifying(), init: true, after: []string{"send file", "close", "close", "capset"}, holds: true, parent: true},
		{name: "without, but with CAP_SYS_ADMIN", filter: &seccomp.Filter{Insns: notifying().Insns}, capabilities: []string{"CAP_SYS_ADMIN"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := planned{choice: privileged(), init: c.init, filter: c.filter, spec: func() *specs.Spec {
				s := quiet()
				s.Process.NoNewPrivileges = c.nnp
				s.Process.Capabilities.Permitted = append(s.Process.Capabilities.Permitted, c.capabilities...)
				s.Process.Capabilities.Effective = append(s.Process.Capabilities.Effective, c.capabilities...)
				return s
			}}
			plan, err := p.plan(t)
			if err != nil {
				t.Fatal(err)
			}
			compiled, _, err := compile(plan, plan.layout(0, true), actions{}, false)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, step := range compiled.Steps {
				name, _, _ := strings.Cut(step.Call, "(")
				if name != "about" && name != "jump" && name != "jump if failed" {
					names = append(names, name)
				}
			}
			i := slices.Index(names, "seccomp")
			if got := names[i+1 : len(names)-1]; i < 0 || !slices.Equal(got, c.after) || names[len(names)-1] != "execve" {
				t.Errorf("after the filter: %v", names[i+1:])
			}
			if before := names[i-1]; before != "tell" { // a write
				t.Errorf("before the filter: %s", before)
			}
			sets := 0
			for _, name := range names {
				if name == "capset" {
					sets++
				}
			}
			want := map[bool]int{false: 1, true: 2}[c.holds]
			if c.parent {
				want++ // our pid 1 gives it up as well
			}
			if sets != want || plan.Process.holdsAdmin() != c.holds {
				t.Errorf("%d times capset, want %d", sets, want)
			}
			until := plan.Process.untilFilter()
			if until.Ambient != plan.Process.Capabilities.Ambient || until.Bounding != plan.Process.Capabilities.Bounding || until.Inheritable != plan.Process.Capabilities.Inheritable {
				t.Error("it holds more than CAP_SYS_ADMIN")
			}
		})
	}
}

func TestConfine(t *testing.T) {
	var loose degrade.Policies
	if err := loose.Set("seccomp=warn"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		in       seccompInput
		policies degrade.Policies
		refused  []string
		givenUp  string
	}{
		{"none", seccompInput{}, degrade.Policies{}, nil, ""},
		{"a filter", seccompInput{filter: notifying()}, degrade.Policies{}, nil, ""},
		{"problems", seccompInput{problems: []string{"linux.seccomp.flags[0]: one: two", "linux.seccomp: three"}}, loose,
			[]string{"linux.seccomp.flags[0]: one: two", "linux.seccomp: three"}, ""},
		{"nobody to compile", seccompInput{lacking: "it is not there"}, degrade.Policies{}, []string{"linux.seccomp: it is not there; or run without it: --degrade seccomp=warn"}, ""},
		{"nobody to compile, and never mind", seccompInput{lacking: "it is not there"}, loose, nil, "linux.seccomp: it is not there"},
	} {
		p := &Plan{Policies: c.policies}
		var bad planError
		p.confine(c.in, &bad)
		var refused []string
		for _, problem := range bad.problems {
			refused = append(refused, problem.String())
		}
		if !slices.Equal(refused, c.refused) || givenUp(p.GivenUp) != c.givenUp || p.Process.Filter != c.in.filter {
			t.Errorf("%s: refused %q, given up %q", c.name, refused, p.GivenUp)
		}
	}
}

func TestListenerState(t *testing.T) {
	r := &record{id: "box", bundle: "/b", annotations: map[string]string{"a": "1"}, process: identity{pid: 77}}
	b, err := listenerState(r, notifying(), Running, 78)
	if err != nil || binary.NativeEndian.Uint64(b) != uint64(len(b)-8) {
		t.Fatal(err)
	}
	var got specs.ContainerProcessState
	if err := json.Unmarshal(b[8:], &got); err != nil {
		t.Fatal(err, string(b))
	}
	if got.Version != spec.Version || got.Pid != 78 || got.Metadata != "what I am" || !slices.Equal(got.Fds, []string{"seccompFd"}) {
		t.Errorf("%+v", got)
	}
	if s := got.State; s.ID != "box" || s.Pid != 77 || s.Status != "running" || s.Bundle != "/b" || s.Annotations["a"] != "1" || s.Version != spec.Version {
		t.Errorf("%+v", s)
	}
	r.annotations["a"] = strings.Repeat("x", maxListenerState)
	if _, err := listenerState(r, notifying(), Running, 78); err == nil || !strings.Contains(err.Error(), "shorten the annotations") {
		t.Error(err)
	}
}

// TestLostFilter: a process that joins is confined like the others, or does not join.
func TestLostFilter(t *testing.T) {
	s, err := Open(t.TempDir()+"/root", nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := s.makeDirectory("box")
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	c := &Container{store: s, id: "box"}
	if f, err := c.filter(d); f != nil || err != nil {
		t.Error(f, err)
	}
	c.rec.filtered = true
	if _, err := c.filter(d); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	if err := d.keepFilter(notifying()); err != nil {
		t.Fatal(err)
	}
	if f, err := c.filter(d); err != nil || f.ListenerPath != "/run/agent.sock" || f.Count() != 1 {
		t.Error(f, err)
	}
	if err := d.write("seccomp", []byte("roost")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.filter(d); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Error(err)
	}
}

func TestAboutSeccomp(t *testing.T) {
	failed := func(about int, label string, errno syscall.Errno) *launch.Error {
		return &launch.Error{Step: launch.Step{Label: label}, About: about, Errno: errno}
	}
	for _, c := range []struct {
		err      *launch.Error
		filtered bool
		want     string
	}{
		{failed(0, "exec /bin/true", unix.EPERM), true, "it has to allow execve"},
		{failed(0, "exec /bin/true", unix.EPERM), false, ""},
		{failed(0, "exec /bin/true", unix.ENOEXEC), true, ""},
		{failed(0, "mount proc on /proc", unix.EPERM), true, ""},
		{failed(aboutListener, "", unix.EPIPE), true, "hand the seccomp listener over: broken pipe; the filter of linux.seccomp has to allow sendmsg"},
		{failed(aboutCapabilities, "", unix.EPERM), true, "set the capabilities: operation not permitted; the filter of linux.seccomp has to allow capset"},
		{failed(aboutFilter, "", unix.EINVAL), true, "install the seccomp filter: invalid argument"},
	} {
		err := error(c.err)
		if c.err.Label == "" {
			err = startWords(c.err, "/bin/true", c.filtered)
		} else {
			err = aboutSeccomp(err, c.filtered)
		}
		if c.want == "" && strings.Contains(err.Error(), "seccomp") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
