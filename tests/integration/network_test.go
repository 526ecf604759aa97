package integration

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// withNetwork gives the container a network namespace, whoever asks.
func withNetwork(s *specs.Spec) {
	for _, n := range s.Linux.Namespaces {
		if n.Type == specs.NetworkNamespace {
			return
		}
	}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace})
}

func sysctls(pairs ...string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.Sysctl = make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			s.Linux.Sysctl[pairs[i]] = pairs[i+1]
		}
	}
}

// A new network namespace has its loopback device up; one that is joined is as whoever made it left it.
func TestLoopback(t *testing.T) {
	const script = "cat /sys/class/net/lo/flags 2>/dev/null; ip addr show lo"
	if got := output(t, script, withNetwork); !strings.Contains(got, "inet 127.0.0.1/8") || !strings.Contains(got, "UP") {
		t.Errorf("lo: %s", got)
	}
	id := start(t, with(sh("ip link set lo down; "+sleeper), withNetwork, allCaps("CAP_NET_ADMIN")))
	eventually(t, "lo is down", func() bool { return !strings.Contains(roost(t, "exec", id, "ip", "addr", "show", "lo").Stdout, "UP") })
	if isRoot() {
		got := output(t, "ip addr show lo", func(s *specs.Spec) {
			for i := range s.Linux.Namespaces {
				if n := &s.Linux.Namespaces[i]; n.Type == specs.NetworkNamespace {
					n.Path = fmt.Sprintf("/proc/%d/ns/net", state(t, id).Pid)
				}
			}
		})
		if strings.Contains(got, "UP") {
			t.Errorf("a loopback device of others was brought up: %s", got)
		}
	}
	must(t, "delete", "--force", id)
}

func TestSysctl(t *testing.T) {
	needRoost(t)
	const script = "cd /proc/sys && cat net/ipv4/ip_forward net/ipv4/ping_group_range kernel/shm_rmid_forced kernel/domainname net/ipv4/conf/lo/accept_local"
	before := hostSysctls(t)
	got := output(t, script, withNetwork, sysctls("net.ipv4.ip_forward", "1", "net/ipv4/ping_group_range", "0 0", "kernel.shm_rmid_forced", "1", "kernel.domainname", "example.net", "net.ipv4.conf.lo.accept_local", "1"))
	if want := "1\n0\t0\n1\nexample.net\n1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if after := hostSysctls(t); after != before {
		t.Errorf("the host had %q, and has %q", before, after)
	}
}

func hostSysctls(t testing.TB) (text string) {
	t.Helper()
	for _, name := range []string{"net/ipv4/ip_forward", "net/ipv4/ping_group_range", "kernel/shm_rmid_forced", "kernel/domainname"} {
		raw, err := os.ReadFile("/proc/sys/" + name)
		if err != nil {
			t.Fatal(err)
		}
		text += string(raw)
	}
	return text
}

func TestSysctlRefused(t *testing.T) {
	needRoost(t)
	run := func(flags []string, change func(*specs.Spec)) result {
		t.Helper()
		return roost(t, append(append([]string{"run"}, flags...), "--bundle", newBundle(t, with(withNetwork, change)), newID(t))...)
	}
	for _, c := range []struct{ name, value, word string }{
		{"net.ipv4.no_such", "1", "no such file or directory"},
		{"net.ipv4.ping_group_range", "x", "invalid argument"},
		{"net.ipv4.conf.no-such-device.forwarding", "1", "no such file or directory"},
	} {
		r := run(nil, sysctls(c.name, c.value))
		for _, word := range []string{"set the kernel parameter " + c.name, c.word, "--degrade sysctl=warn"} {
			if r.Code == 0 || !strings.Contains(r.Stderr, word) {
				t.Errorf("no %q: %v", word, r)
			}
		}
		r = run([]string{"--degrade", "sysctl=warn"}, with(sysctls(c.name, c.value, "net.ipv4.ip_forward", "1"), sh("cat /proc/sys/net/ipv4/ip_forward")))
		if r.Code != 0 || r.Stdout != "1\n" || !strings.Contains(r.Stderr, c.name) {
			t.Errorf("%v", r)
		}
	}
	for _, c := range []struct {
		name string
		set  func(*specs.Spec)
	}{
		{"kernel.panic", sysctls("kernel.panic", "1")},
		{"vm.swappiness", sysctls("vm.swappiness", "1")},
		{"net.ipv4.ip_forward", with(sysctls("net.ipv4.ip_forward", "1"), withoutNamespace(specs.NetworkNamespace))},
	} {
		refuse(t, []string{`linux.sysctl["` + c.name + `"]`}, "run", "--bundle", newBundle(t, c.set), newID(t))
	}
}

func withoutNamespace(kind specs.LinuxNamespaceType) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Linux.Namespaces = without(s.Linux.Namespaces, kind) }
}

// nested runs the script in namespaces that make its user root of a network that is the test's own, with the state root of the test
// in $ROOT and the runtime in $ROOST. It is the same for root and for others.
func nested(t testing.TB, script string, env ...string) result {
	t.Helper()
	args := []string{"--net", "--mount", "--propagation", "private"}
	if !isRoot() {
		args = append(args, "--user", "--map-root-user")
	}
	cmd := exec.Command("unshare", append(args, "/bin/sh", "-euc", script)...)
	cmd.Dir = home.dir
	cmd.Env = append(append(os.Environ(), "ROOST="+home.roost, "ROOT="+stateRoot(t), "PATH=/usr/sbin:/usr/bin:/sbin:/bin"), env...)
	return finish(t, cmd)
}

// asNested is the bundle of who is root there.
func asNested(s *specs.Spec) {
	for _, list := range [][]specs.LinuxIDMapping{s.Linux.UIDMappings, s.Linux.GIDMappings} {
		for i := range list {
			list[i].HostID = 0
		}
	}
}

// In a container /proc/sys is read-only, by a mount on it or as a whole: a proc of our own is another one.
func TestSysctlBelowAReadOnlyProc(t *testing.T) {
	needRoost(t)
	id := newID(t)
	payload := with(asNested, withNetwork, sysctls("net.ipv4.ip_forward", "1"), sh("cat /proc/sys/net/ipv4/ip_forward"))
	if !isRoot() { // it gets no proc of its own then, and so the runtime gets none
		payload = with(payload, sh("echo runs"), func(s *specs.Spec) {
			s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Type == "proc" })
		})
	}
	run := func(flags string) result {
		return nested(t, `mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && $ROOST --root $ROOT run `+flags+` --bundle `+newBundle(t, payload)+" "+id)
	}
	if isRoot() {
		if r := run(""); r.Code != 0 || r.Stdout != "1\n" {
			t.Errorf("%v", r)
		}
		return
	}
	if r := run(""); r.Code == 0 || !strings.Contains(r.Stderr, "/proc/sys is read-only here") || !strings.Contains(r.Stderr, "--degrade sysctl=warn") {
		t.Errorf("%v", r)
	}
	if r := run("--degrade sysctl=warn"); r.Code != 0 || r.Stdout != "runs\n" || !strings.Contains(r.Stderr, "linux.sysctl") {
		t.Errorf("%v", r)
	}
}
