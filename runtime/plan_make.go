package runtime

import (
	"fmt"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

// planInput is all that a Plan depends on.
type planInput struct {
	id      string
	bundle  string // absolute
	own     bool   // the bundle is the container's own directory
	loaded  *spec.Loaded
	choice  userns.Choice
	keyring bool
	init    bool
	degrade degrade.Policies
	sockets Activation
	notify  notifyInput
	caller  standing
	seccomp seccompInput
	cgroups cgroupInput
	// privileged: the caller is root of its own user namespace.
	privileged bool
	noPivot    bool
	outside    []HostMount // for noPivot: what the host has mounted
}

// makePlan compiles a configuration. It asks nothing of the kernel.
func makePlan(in planInput) (*Plan, error) {
	s := in.loaded.Spec
	if s.Linux == nil {
		s.Linux = &specs.Linux{}
	}
	var bad planError
	p := &Plan{
		ID: in.id, Bundle: in.bundle, User: in.choice, Init: in.init,
		Hostname: s.Hostname, Domain: s.Domainname,
		Masked: s.Linux.MaskedPaths, Readonly: s.Linux.ReadonlyPaths,
		GivenUp: append([]Problem(nil), in.loaded.GivenUp...),
	}
	var notes []Problem
	var err error
	if p.Policies, notes, err = policies(in.degrade, s.Annotations); err != nil {
		bad.add("", "%v", err)
	}
	p.GivenUp = append(p.GivenUp, notes...)
	for _, note := range in.choice.Notes {
		p.GivenUp = append(p.GivenUp, Problem{Path: "linux.namespaces", Text: note})
	}
	if in.keyring {
		p.Keyring = sessionKeyring(in.id)
	}
	p.namespaces(s.Linux.Namespaces, &bad)
	p.clocks(s.Linux.TimeOffsets, &bad)
	p.rootfs(s, in, &bad)
	if p.Root.Change != Chroot {
		p.mounts(s.Mounts, in.privileged, &bad)
		p.devices(s.Linux.Devices, &bad)
	}
	p.mountLabel(s.Linux, in.caller, &bad)
	p.sysctls(s.Linux)
	p.netDevices(s.Linux)
	p.Hooks = planHooks(s.Hooks)
	if s.Process == nil {
		bad.add("process", "missing; without a process there is nothing to run")
	} else {
		p.Process = planProcess(s.Process)
		p.Process.activate(in.sockets)
		p.connect(in.notify, s.Mounts, &bad)
		p.attributes(s.Process, in.caller, "process.", &bad)
		p.linuxScheduling(s.Linux)
	}
	p.cgroup(s.Linux, in.cgroups, &bad)
	p.limits(s.Linux.Resources, in.cgroups, &bad)
	p.confine(in.seccomp, &bad)
	return p, bad.err()
}

// sessionKeyring is its name, which other runtimes use, too.
func sessionKeyring(id string) string { return "_ses." + id }

// namespaceOrder is the order of joining: a mount namespace last of the rest, since paths change with it.
var namespaceOrder = [...]uint64{unix.CLONE_NEWIPC, unix.CLONE_NEWUTS, unix.CLONE_NEWNET, unix.CLONE_NEWPID, unix.CLONE_NEWCGROUP, unix.CLONE_NEWTIME, unix.CLONE_NEWNS}

func (p *Plan) namespaces(list []specs.LinuxNamespace, bad *planError) {
	paths := make(map[uint64]string, len(list))
	for _, n := range list {
		flag, ok := spec.Namespace(n.Type)
		if !ok || flag == unix.CLONE_NEWUSER { // userns.Choose has dealt with it
			continue
		}
		if n.Path == "" {
			p.New |= flag
		} else {
			paths[flag] = n.Path
		}
	}
	for _, flag := range namespaceOrder {
		if path, ok := paths[flag]; ok {
			p.Join = append(p.Join, Join{flag, path})
		}
	}
	if (p.Hostname != "" || p.Domain != "") && !p.has(unix.CLONE_NEWUTS) {
		bad.add("hostname", "there is no uts namespace to set it in; add {\"type\": \"uts\"} or leave hostname and domainname out")
	}
}

func (p *Plan) clocks(offsets map[string]specs.LinuxTimeOffset, bad *planError) {
	if len(offsets) == 0 {
		return
	}
	if p.New&unix.CLONE_NEWTIME == 0 {
		bad.add("linux.timeOffsets", "there is no new time namespace to set them in")
	}
	if p.User.Kind == userns.Join {
		// Who is root in there must not see into us, and our own files in /proc are closed to us from then on, too.
		bad.add("linux.timeOffsets", "cannot be set in a user namespace that exists already; leave them out, or join a time namespace as well")
	}
	for _, clock := range []string{"boottime", "monotonic"} {
		if o, ok := offsets[clock]; ok {
			p.Clocks = fmt.Appendf(p.Clocks, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
		}
	}
}

// inContainer is a clean absolute path in the container.
func inContainer(path string) string { return filepath.Clean("/" + path) }

// relative is the same without the slash, for a resolution that starts at the root's descriptor.
func relative(path string) string { return strings.TrimPrefix(inContainer(path), "/") }
