package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

type nsKind struct {
	kind specs.LinuxNamespaceType
	file string
}

// kinds are the namespaces that this kernel has, by their name in the configuration and below /proc/PID/ns. User-mode Linux has no time
// namespaces.
func kinds() (here []nsKind) {
	for _, n := range []nsKind{
		{specs.PIDNamespace, "pid"}, {specs.NetworkNamespace, "net"}, {specs.IPCNamespace, "ipc"}, {specs.UTSNamespace, "uts"},
		{specs.CgroupNamespace, "cgroup"}, {specs.MountNamespace, "mnt"}, {specs.UserNamespace, "user"}, {specs.TimeNamespace, "time"},
	} {
		if exists("/proc/self/ns/" + n.file) {
			here = append(here, n)
		}
	}
	return here
}

// nsOf reads which namespaces a payload is in.
func nsOf(t testing.TB, change func(*specs.Spec)) map[string]string {
	t.Helper()
	ns := map[string]string{}
	for _, target := range lines(output(t, "for n in pid net ipc uts cgroup mnt user time; do [ ! -e /proc/self/ns/$n ] || readlink /proc/self/ns/$n; done", change)) {
		name, _, _ := strings.Cut(target, ":")
		ns[name] = target
	}
	return ns
}

func hostNS(t testing.TB, file string) string {
	t.Helper()
	target, err := os.Readlink("/proc/self/ns/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestNewNamespaces(t *testing.T) {
	needRoost(t) // time namespaces
	all := nsOf(t, func(s *specs.Spec) {
		for _, n := range kinds() {
			if n.kind != specs.UserNamespace {
				namespace(n.kind, "")(s)
			}
		}
	})
	for _, n := range kinds() {
		if n.kind == specs.UserNamespace && isRoot() {
			continue
		}
		if all[n.file] == "" || all[n.file] == hostNS(t, n.file) {
			t.Errorf("%s: %q is not a new one", n.kind, all[n.file])
		}
	}
}

func TestUserNamespaceAsRoot(t *testing.T) {
	needRoot(t)
	ns := nsOf(t, manyIDs(t))
	if ns["user"] == hostNS(t, "user") {
		t.Errorf("no new user namespace")
	}
}

// What is not listed is the caller's.
func TestHostNamespaces(t *testing.T) {
	for _, n := range kinds() {
		if n.kind == specs.MountNamespace || n.kind == specs.UserNamespace {
			continue
		}
		t.Run(string(n.kind), func(t *testing.T) {
			change := dropNamespace(n.kind)
			switch n.kind {
			case specs.PIDNamespace:
				change = with(change, hostProc)
			case specs.NetworkNamespace:
				change = with(change, dropMount("/sys"), dropMount("/sys/fs/cgroup"))
			case specs.UTSNamespace:
				change = with(change, func(s *specs.Spec) { s.Hostname = "" })
			case specs.IPCNamespace:
				change = with(change, dropMount("/dev/mqueue"))
			case specs.CgroupNamespace:
				change = with(change, dropMount("/sys/fs/cgroup"))
			}
			if got := nsOf(t, change)[n.file]; got != hostNS(t, n.file) {
				t.Errorf("is in %q, the caller in %q", got, hostNS(t, n.file))
			}
		})
	}
}

// A namespace with a path is joined. An ordinary user may join those of a user namespace that is joined too.
func TestJoinedNamespaces(t *testing.T) {
	first := start(t, with(sh(sleeper), namespace(specs.NetworkNamespace, "")))
	pid := state(t, first).Pid
	path := func(file string) string { return fmt.Sprintf("/proc/%d/ns/%s", pid, file) }
	for _, n := range kinds() {
		if n.kind == specs.TimeNamespace || n.kind == specs.MountNamespace || n.kind == specs.UserNamespace && isRoot() {
			continue
		}
		if n.kind == specs.CgroupNamespace && isRoot() && !isThisRoost() {
			continue
		}
		t.Run(string(n.kind), func(t *testing.T) {
			change := namespace(n.kind, path(n.file))
			if !isRoot() {
				change = with(change, namespace(specs.UserNamespace, path("user")), func(s *specs.Spec) {
					s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
				})
			}
			if n.kind == specs.UTSNamespace {
				change = with(change, func(s *specs.Spec) { s.Hostname = "" })
			}
			want, err := os.Readlink(path(n.file))
			if err != nil {
				t.Fatal(err)
			}
			if got := nsOf(t, change)[n.file]; got != want {
				t.Errorf("is in %q, wanted %q", got, want)
			}
		})
	}
	must(t, "delete", "--force", first)
}

// A process in a pid namespace that it joined sees the other's.
func TestJoinedPidNamespaceSharesProcesses(t *testing.T) {
	first := start(t, sh("exec sleep 4242"))
	pid := state(t, first).Pid
	change := namespace(specs.PIDNamespace, fmt.Sprintf("/proc/%d/ns/pid", pid))
	if !isRoot() {
		change = with(change, namespace(specs.UserNamespace, fmt.Sprintf("/proc/%d/ns/user", pid)), func(s *specs.Spec) {
			s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		})
	}
	if got := output(t, "cat /proc/1/cmdline | tr '\\0' ' '", change); got != "sleep 4242" {
		t.Errorf("pid 1 is %q", got)
	}
	wantStatus(t, first, "running")
	must(t, "delete", "--force", first)
}

func TestBadNamespacePaths(t *testing.T) {
	dir := tempDir(t)
	mustFifo(t, dir+"/fifo")
	for name, path := range map[string]string{
		"missing": dir + "/missing", "no namespace": "/etc/passwd", "another kind": "/proc/self/ns/uts", "relative": "ns/net", "fifo": dir + "/fifo",
	} {
		t.Run(name, func(t *testing.T) {
			if name == "fifo" {
				needRoost(t) // others hang
			}
			refuse(t, nil, "run", "--bundle", newBundle(t, namespace(specs.NetworkNamespace, path)), newID(t))
		})
	}
}

// clock_gettime with offsets, as /proc/uptime shows it.
func TestTimeOffsets(t *testing.T) {
	if !exists("/proc/self/ns/time") {
		t.Skip("time namespaces: the kernel has none")
	}
	needRoost(t)
	const day = 86400
	got := output(t, "cut -d. -f1 /proc/uptime", namespace(specs.TimeNamespace, ""), func(s *specs.Spec) {
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 100 * day}, "monotonic": {Secs: day}}
	})
	var up int
	if _, err := fmt.Sscan(got, &up); err != nil || up < 100*day {
		t.Errorf("uptime is %q", got)
	}
	refuse(t, nil, "run", "--bundle", newBundle(t, func(s *specs.Spec) {
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 1}}
	}), newID(t))
}

// A new network namespace has a loopback and nothing of the host's.
func TestEmptyNetwork(t *testing.T) {
	got := output(t, "ls /sys/class/net 2>/dev/null; tail -n +3 /proc/net/dev | cut -d: -f1", namespace(specs.NetworkNamespace, ""), func(s *specs.Spec) {
		dropMount("/sys")(s)
		dropMount("/sys/fs/cgroup")(s)
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	})
	if strings.TrimSpace(got) != "lo" {
		t.Errorf("interfaces: %q", got)
	}
}
