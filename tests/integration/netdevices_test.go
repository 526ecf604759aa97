package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// withDevices puts devices into the container; pairs are of a name outside and one inside.
func withDevices(pairs ...string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.NetDevices = make(map[string]specs.LinuxNetDevice)
		for i := 0; i < len(pairs); i += 2 {
			s.Linux.NetDevices[pairs[i]] = specs.LinuxNetDevice{Name: pairs[i+1]}
		}
	}
}

func needIP(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		if _, err := os.Stat("/usr/sbin/ip"); err != nil {
			missing(t, "iproute2", "no ip; install iproute2")
		}
	}
}

const makeDevices = `
	ip link add name out0 address 02:00:00:00:00:07 mtu 1400 type veth peer name peer0
	ip address add 192.0.2.7/24 dev out0; ip address add 2001:db8::7/64 dev out0 nodad; ip link set peer0 up
	ip link add name out1 type veth peer name peer1
`

// Devices of who is root of their network, be that of the machine or of a user namespace, move with their addresses.
func TestNetDevices(t *testing.T) {
	needRoost(t)
	needIP(t)
	id := newID(t)
	bundle := newBundle(t, with(asNested, withNetwork, withDevices("out0", "in0", "out1", "any%d"),
		sysctls("net.ipv4.conf.in0.accept_local", "1"),
		sh("ip addr show in0; ip addr show lo; ls /proc/sys/net/ipv4/conf; cat /proc/sys/net/ipv4/conf/in0/accept_local")))
	r := nested(t, makeDevices+`$ROOST --root $ROOT run --bundle `+bundle+` `+id+`; echo outside; ip -oneline link`)
	if r.Code != 0 {
		t.Fatal(r)
	}
	inside, outside, _ := strings.Cut(r.Stdout, "outside\n")
	for _, word := range []string{"inet 192.0.2.7/24", "inet6 2001:db8::7/64", "02:00:00:00:00:07", "mtu 1400", ",UP", "any0\n", "lo\n", "inet 127.0.0.1/8"} {
		if !strings.Contains(inside, word) {
			t.Errorf("no %q in:\n%s", word, inside)
		}
	}
	if !strings.HasSuffix(inside, "\n1\n") {
		t.Errorf("the parameter of a device that was moved: %s", inside)
	}
	if strings.Contains(outside, "out0") || strings.Contains(outside, "out1") {
		t.Errorf("still outside:\n%s", outside)
	}
}

// A container that is not made gives devices back, also those that the kernel would end with its network namespace.
func TestNetDevicesComeBack(t *testing.T) {
	needRoost(t)
	needIP(t)
	for name, c := range map[string]struct {
		change func(*specs.Spec)
		word   string
	}{
		"a later step":      {func(s *specs.Spec) { s.Process.Args = []string{"/no/such/program"} }, "no such file or directory"},
		"the second device": {withDevices("out0", "in0", "out2", "in2"), "linux.netDevices.out2: no such device"},
	} {
		bundle := newBundle(t, with(asNested, withNetwork, withDevices("out0", "in0"), c.change))
		r := nested(t, makeDevices+`ip link set out0 up; ! $ROOST --root $ROOT run --bundle `+bundle+` `+newID(t)+`; ip address show out0; ip link show out1`)
		if r.Code != 0 || !strings.Contains(r.Stderr, c.word) {
			t.Errorf("%s: no %q: %v", name, c.word, r)
		}
		for _, word := range []string{"inet 192.0.2.7/24", "inet6 2001:db8::7/64", "02:00:00:00:00:07", ",UP", "out1@"} {
			if !strings.Contains(r.Stdout, word) {
				t.Errorf("%s: no %q in:\n%s", name, word, r.Stdout)
			}
		}
	}
}

func TestNetDevicesRefused(t *testing.T) {
	needRoost(t)
	words := []string{"config.json: linux.netDevices.nosuch: no such device", "--degrade netdevices=warn"}
	device := "nosuch"
	if !isRoot() {
		device = "lo0"
		words = []string{"config.json: linux.netDevices", "operation not permitted", "CAP_NET_ADMIN", "--degrade netdevices=warn"}
	}
	bundle := newBundle(t, with(withNetwork, withDevices(device, "in0"), sh(sleeper)))
	refuse(t, words, "run", "--bundle", bundle, newID(t))
	id := newID(t)
	must(t, "run", "--detach", "--degrade", "netdevices=warn", "--bundle", bundle, id)
	if degraded := state(t, id).Annotations["run.roost.degraded"]; !strings.Contains(degraded, "linux.netDevices") {
		t.Errorf("state: %q", degraded)
	}
	must(t, "delete", "--force", id)
	refuse(t, []string{"linux.netDevices: needs a network namespace"}, "run", "--bundle", newBundle(t, with(withoutNamespace(specs.NetworkNamespace), withDevices("eth0", ""))), newID(t))
}
