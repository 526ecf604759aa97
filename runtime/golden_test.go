package runtime

import (
	"flag"
	"os"
	"regexp"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/golden/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); go test -update writes it anew:\n%s", path, diff)
	}
}

// planned is a configuration and who runs it.
type planned struct {
	name    string
	choice  userns.Choice
	spec    func() *specs.Spec
	init    bool
	own     bool // no bundle
	caller  standing
	allow   string // --degrade
	noPivot bool
	filter  *seccomp.Filter
	cgroup  *Cgroup // nil: there is none here
}

// plan goes the way of a config.json: what the validation refuses never gets here.
func (p planned) plan(t testing.TB) (*Plan, error) {
	t.Helper()
	loaded, err := spec.Load(spec.Encode(p.spec()))
	if err != nil {
		t.Fatal(err)
	}
	var policies degrade.Policies
	if p.allow != "" {
		if err := policies.Set(p.allow); err != nil {
			t.Fatal(err)
		}
	}
	return makePlan(planInput{id: "box", bundle: "/bundle", own: p.own, loaded: loaded, choice: p.choice, keyring: true, init: p.init, caller: p.caller, degrade: policies, seccomp: seccompInput{filter: p.filter}, cgroups: cgroupInput{grant: p.cgroup, refused: "no bus of systemd answers"},
		privileged: p.choice.Kind == userns.None || p.choice.Writer == userns.ByParent, noPivot: p.noPivot, outside: []HostMount{
			{Path: "/home/alice"}, {Path: "/bundle/rootfs/tmp"}, {Path: "/sys", Reveals: true}, {Path: "/proc", Reveals: true}, {Path: "/bundle"}, {Path: "/"},
		}})
}

// The callers. Ids are fixed, so goldens are the same for everybody.
func privileged() userns.Choice {
	all := idmap.Map{{ContainerID: 0, HostID: 0, Size: 1<<32 - 1}}
	return userns.Choice{Kind: userns.None, Mapping: idmap.Mapping{UIDs: all, GIDs: all}, Setgroups: true, Source: "the caller's own user namespace, where they are privileged"}
}

func single() userns.Choice {
	one := idmap.Map{{ContainerID: 0, HostID: 1000, Size: 1}}
	return userns.Choice{Kind: userns.Create, Writer: userns.BySelf, Mapping: idmap.Mapping{UIDs: one, GIDs: one}, Source: "config.json"}
}

func several() userns.Choice {
	m := idmap.Map{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 100000, Size: 65536}}
	return userns.Choice{
		Kind: userns.Create, Writer: userns.ByHelpers, Mapping: idmap.Mapping{UIDs: m, GIDs: m}, Setgroups: true,
		Source: "/etc/subuid and /etc/subgid", Notes: []string{"100 of the sub-uids of alice (uid 1000) do not exist in the caller's own user namespace and are not mapped"},
	}
}

func joining() userns.Choice {
	return userns.Choice{Kind: userns.Join, Path: "/proc/77/ns/user", Setgroups: true, Source: "/proc/77/ns/user"}
}

// quiet is the default without what another one is about.
func quiet() *specs.Spec {
	s := spec.Default()
	s.Process.Terminal = false
	s.Process.Args = []string{"/bin/server", "--listen"}
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/proc/kcore"}, []string{"/proc/sys"}
	return s
}

func joinedSpec() *specs.Spec {
	s := quiet()
	s.Linux.Namespaces = []specs.LinuxNamespace{
		{Type: specs.NetworkNamespace, Path: "/run/netns/blue"}, {Type: specs.UserNamespace, Path: "/proc/77/ns/user"},
		{Type: specs.PIDNamespace, Path: "/proc/77/ns/pid"}, {Type: specs.TimeNamespace, Path: "/proc/77/ns/time"},
		{Type: specs.MountNamespace}, {Type: specs.UTSNamespace}, {Type: specs.IPCNamespace},
	}
	return s
}

// onRanges is root that gives a container a user namespace.
func onRanges() userns.Choice {
	m := idmap.Map{{ContainerID: 0, HostID: 100000, Size: 65536}}
	return userns.Choice{Kind: userns.Create, Writer: userns.ByParent, Mapping: idmap.Mapping{UIDs: m, GIDs: m}, Setgroups: true, Source: "config.json"}
}

// mountsSpec has what a mount can ask for.
func mountsSpec() *specs.Spec {
	s := quiet()
	ids := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 10}}
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Linux.RootfsPropagation = nil, nil, "rshared"
	s.Mounts = []specs.Mount{
		{Destination: "proc", Type: "proc", Source: "proc"},
		{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"tmpcopyup", "ro", "size=1m", "lazytime"}},
		{Destination: "/a", Type: "none", Source: "/srv/a", Options: []string{"rbind", "rro", "ridmap", "rslave"}},
		{Destination: "/b", Type: "bind", Source: "/srv/b", Options: []string{"bind", "sync", "rshared"}, UIDMappings: ids, GIDMappings: ids},
		{Destination: "/c", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=0700", "unbindable"}, UIDMappings: ids, GIDMappings: ids},
		{Destination: "/c", Type: "tmpfs", Options: []string{"remount", "size=2m", "ro"}},
		{Destination: "/d", Type: "bind", Source: "/srv/d", Options: []string{"bind", "copy-symlink"}},
		{Destination: "/e", Type: "bind", Source: "/srv/e", Options: []string{"bind", "src-nofollow", "dest-nofollow", "private"}},
	}
	return s
}

// userMountsSpec has what an ordinary user gets of it.
func userMountsSpec() *specs.Spec {
	s := quiet()
	one := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 5}}
	two := []specs.LinuxIDMapping{{ContainerID: 7, HostID: 1000, Size: 1}}
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}, {Type: specs.MountNamespace}, {Type: specs.PIDNamespace}}
	s.Hostname = ""
	s.Mounts = []specs.Mount{
		{Destination: "/sys", Type: "sysfs", Source: "sysfs"},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue"},
		{Destination: "/one", Type: "tmpfs", Source: "tmpfs", UIDMappings: one, GIDMappings: one},
		{Destination: "/two", Type: "tmpfs", Source: "tmpfs", UIDMappings: two, GIDMappings: one},
		{Destination: "/again", Type: "tmpfs", Source: "tmpfs", UIDMappings: one, GIDMappings: one},
		{Destination: "/same", Type: "tmpfs", Source: "tmpfs", Options: []string{"idmap"}},
		{Destination: "/a", Type: "bind", Source: "/srv/a", Options: []string{"rbind", "rslave"}},
		{Destination: "/b", Type: "bind", Source: "/srv/b", Options: []string{"rbind"}},
	}
	return s
}

func byHandSpec() *specs.Spec {
	s := quiet()
	s.Root = &specs.Root{Path: "rootfs"}
	s.Mounts = []specs.Mount{
		{Destination: "/", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "mode=0755"}},
		{Destination: "/bin", Type: "symlink", Source: "usr/bin"},
		{Destination: "/usr", Type: "overlay", Source: "overlay", Options: []string{"lowerdir=/usr", "upper=tmpfs"}},
		{Destination: "/var", Type: "bind", Source: "/var", Options: []string{"rbind", "rprivate", "rro", "rnosuid", "rnodev"}},
		{Destination: "/var/lib", Type: "overlay", Source: "overlay", Options: []string{"lowerdir=/var/lib", "upper=tmpfs", "ro"}},
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755"}},
		{Destination: "/home/alice/work", Type: "bind", Source: "/home/alice/work", Options: []string{"rbind", "rprivate", "rw"}},
	}
	return s
}

func detailedSpec() *specs.Spec {
	s := quiet()
	adj, umask, mode, uid := -500, uint32(0o027), os.FileMode(0o640), uint32(33)
	caps := []string{"CAP_CHOWN", "CAP_NET_BIND_SERVICE"}
	s.Domainname = "example.net"
	s.Process.User = specs.User{UID: 33, GID: 34, AdditionalGids: []uint32{35, 36}, Umask: &umask}
	s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Permitted: caps, Effective: caps, Inheritable: caps[1:], Ambient: caps[1:]}
	s.Process.Env = []string{"HOME=/srv", "PATH=/opt/bin:/bin"}
	s.Process.Args = []string{"server"}
	s.Process.Cwd = "/srv/data"
	s.Process.OOMScoreAdj = &adj
	s.Process.Rlimits = append(s.Process.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_CORE", Soft: 0, Hard: 1<<64 - 1})
	s.Linux.RootfsPropagation = "rslave"
	s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 86400, Nanosecs: 5}, "boottime": {Secs: -1}}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
	s.Linux.Devices = []specs.LinuxDevice{
		{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, FileMode: &mode, UID: &uid, GID: &uid},
		{Path: "/dev/pipe", Type: "p"}, {Path: "/dev/loop0", Type: "b", Major: 7},
	}
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "data", Type: "bind", Source: "data", Options: []string{"bind", "ro", "noatime", "private"}})
	return s
}

// limitedSpec has limits of all kinds, and a cgroup that containers may be run in.
func limitedSpec() *specs.Spec {
	s := quiet()
	n, period, quota, shares := int64(64<<20), uint64(100000), int64(50000), uint64(512)
	s.Linux.Resources = &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &n, Swap: &n}, CPU: &specs.LinuxCPU{Quota: &quota, Period: &period, Shares: &shares, Cpus: "0"},
		Pids: &specs.LinuxPids{Limit: &n}, Unified: map[string]string{"memory.high": "1000000"},
		Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
	}
	s.Mounts = append(s.Mounts, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"rw"}})
	s.Process.User.UID = 1000
	return s
}

// hooked has hooks of every kind, one of them with a limit.
func hooked(s *specs.Spec) *specs.Spec {
	two := 2
	s.Hooks = &specs.Hooks{
		Prestart:        []specs.Hook{{Path: "/usr/bin/old"}},
		CreateRuntime:   []specs.Hook{{Path: "/usr/bin/network", Args: []string{"network", "up"}, Env: []string{"PATH=/usr/bin"}, Timeout: &two}},
		CreateContainer: []specs.Hook{{Path: "/usr/bin/mounts", Timeout: &two}, {Path: "/usr/bin/devices", Args: []string{"devices", "-v"}}},
		StartContainer:  []specs.Hook{{Path: "/sbin/ldconfig", Env: []string{"A=b"}, Timeout: &two}},
		Poststart:       []specs.Hook{{Path: "/usr/bin/notify"}},
		Poststop:        []specs.Hook{{Path: "/usr/bin/network", Args: []string{"network", "down"}}},
	}
	return s
}

// plans are all the shapes that containers have.
func plans() []planned {
	return append(processPlans(), []planned{
		{name: "default", choice: privileged(), spec: spec.Default},
		{name: "rootless", choice: single(), spec: func() *specs.Spec { return spec.Rootless(1000, 1000) }},
		{name: "sub-ids", choice: several(), spec: quiet},
		{name: "joined", choice: joining(), spec: joinedSpec},
		{name: "joined-net", choice: several(), spec: func() *specs.Spec {
			s := quiet()
			s.Linux.Namespaces[1].Path = "/run/netns/blue"
			return s
		}},
		{name: "init", choice: single(), spec: quiet, init: true},
		{name: "init-terminal", choice: privileged(), spec: spec.Default, init: true},
		{name: "by-hand", choice: single(), spec: byHandSpec, own: true},
		{name: "mounts", choice: onRanges(), spec: mountsSpec},
		{name: "mounts-user", choice: several(), spec: userMountsSpec},
		{name: "no-pivot", choice: privileged(), noPivot: true, spec: func() *specs.Spec {
			s := quiet()
			s.Mounts = nil
			s.Linux.RootfsPropagation = "rslave"
			return s
		}},
		{name: "chroot", choice: single(), spec: func() *specs.Spec {
			s := quiet()
			s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}, {Type: specs.PIDNamespace}}
			s.Hostname, s.Root.Readonly = "", false
			return s
		}},
		{name: "by-hand-root", choice: privileged(), spec: byHandSpec, own: true},
		{name: "detailed", choice: privileged(), spec: detailedSpec},
		{name: "hooks", choice: several(), spec: func() *specs.Spec { return hooked(quiet()) }},
		{name: "hooks-joined", choice: joining(), spec: func() *specs.Spec { return hooked(joinedSpec()) }},
		{name: "hooks-init-terminal", choice: privileged(), spec: func() *specs.Spec { return hooked(spec.Default()) }, init: true},
		{name: "seccomp", choice: single(), spec: quiet, filter: notifying()},
		{name: "limits-scope", choice: several(), spec: limitedSpec, cgroup: &Cgroup{
			Mode: "scope", Why: "limits are asked for", Unit: "roost-box.scope", Slice: "user.slice", Bus: "user",
		}},
		{name: "limits-inherit", choice: privileged(), spec: limitedSpec, cgroup: &Cgroup{
			Mode: "inherit", Why: "the caller's cgroup is delegated", Parent: "/sys/fs/cgroup/system.slice/box.service", Name: "roost-box", Own: true,
		}},
		{name: "no-cgroup-namespace", choice: several(), spec: func() *specs.Spec {
			s := quiet()
			s.Linux.Namespaces = s.Linux.Namespaces[:5]
			return s
		}},
	}...)
}

// Plans depend on nothing but what they are made of.
func TestPlanGolden(t *testing.T) {
	for _, p := range plans() {
		t.Run(p.name, func(t *testing.T) {
			plan, err := p.plan(t)
			if err != nil {
				t.Fatal(err)
			}
			var text, json strings.Builder
			if err := plan.WriteText(&text); err != nil {
				t.Fatal(err)
			}
			golden(t, p.name+".txt", text.String())
			if err := plan.WriteJSON(&json); err != nil {
				t.Fatal(err)
			}
			golden(t, p.name+".json", json.String())
		})
	}
}

// numbersOf is the architecture whose numbers the goldens of programs have.
const numbersOf = "amd64"

// goldenProgram compares with the numbers only where they are the same: flags such as O_DIRECTORY, and sizes, and so offsets,
// are other ones elsewhere. The steps, their order and their words are not.
func goldenProgram(t *testing.T, name, got string) {
	t.Helper()
	if goruntime.GOARCH == numbersOf {
		golden(t, name, got)
		return
	}
	want, err := os.ReadFile("testdata/golden/" + name)
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`([(, ])(-?[0-9]+|0x[0-9a-f]+|(?:data|space)\+[0-9]+)\b`)
	spaces := regexp.MustCompile(` +`)
	words := func(text string) string {
		return spaces.ReplaceAllString(number.ReplaceAllString(text, "$1#"), " ")
	}
	if diff := cmp.Diff(words(string(want)), words(got)); diff != "" {
		t.Errorf("%s, numbers aside (-want +got):\n%s", name, diff)
	}
}

func TestProgramGolden(t *testing.T) {
	for _, p := range plans() {
		t.Run(p.name, func(t *testing.T) {
			plan, err := p.plan(t)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := plan.WriteSyscalls(&text); err != nil {
				t.Fatal(err)
			}
			goldenProgram(t, p.name+".syscalls", text.String())
		})
	}
	for _, e := range execs() {
		t.Run(e.name, func(t *testing.T) {
			var text strings.Builder
			if err := writeProgram(&text, e.compile(t)); err != nil {
				t.Fatal(err)
			}
			goldenProgram(t, e.name+".syscalls", text.String())
		})
	}
}

// execed is a process in a container that runs.
type execed struct {
	name   string
	flags  uint64
	choice userns.Choice
	change func(*specs.Process)
	linux  *specs.Linux
}

func execs() []execed {
	all := uint64(0)
	for _, k := range kinds {
		all |= k.flag
	}
	return append(processExecs(all), []execed{
		{name: "exec", flags: all, choice: single(), change: func(p *specs.Process) { p.Args = []string{"id"} }},
		{name: "exec-terminal", flags: all, choice: privileged(), change: func(p *specs.Process) { p.Terminal = true }},
		{name: "exec-nothing-to-join", choice: privileged(), change: func(p *specs.Process) { adj := 5; p.OOMScoreAdj = &adj }},
	}...)
}

func (e execed) compile(t testing.TB) *launch.Program {
	t.Helper()
	process := quiet().Process
	process.Env = append(process.Env, "HOME=/root")
	e.change(process)
	var bad planError
	p := Plan{User: e.choice, Process: planProcess(process)}
	p.attributes(process, standing{}, "", &bad)
	p.linuxScheduling(e.linux)
	p.affinity(process.ExecCPUAffinity)
	if err := bad.err(); err != nil {
		t.Fatal(err)
	}
	program, _, err := compileExec(execPlan{process: &p.Process, flags: e.flags, keyring: "_ses.box", deadline: defaultExecDeadline}, layout{joins: 1}, actions{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return program
}
