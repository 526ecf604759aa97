package netns

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// has fails the test unless the text has all of the words.
func has(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

func TestMove(t *testing.T) {
	veth(t, "v")
	ip(t, nil, "link", "set", "v", "mtu", "1400", "address", "02:00:00:00:00:01")
	for _, a := range []string{
		"192.0.2.7/24 broadcast 192.0.2.255", "198.51.100.1 peer 198.51.100.2/32", "203.0.113.5/28 label v:x noprefixroute metric 7",
		"192.0.2.8/24", "169.254.1.1/16 scope link", "127.9.9.9/32 scope host",
		"2001:db8::1/64 nodad", "2001:db8:1::1/128 preferred_lft 0 nodad", "2001:db8:2::1/64 valid_lft 1000 preferred_lft 1000",
	} {
		ip(t, nil, append([]string{"address", "add", "dev", "v"}, strings.Fields(a)...)...)
	}
	to := another(t)
	d, err := Move("v", to, "net0")
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != "net0" {
		t.Error(d.Name)
	}
	if err := exec.Command("ip", "link", "show", "v").Run(); err == nil {
		t.Error("it is still here")
	}
	text := ip(t, to, "-details", "address", "show", "net0")
	has(t, text, ",UP", "mtu 1400", "link/ether 02:00:00:00:00:01", "inet 192.0.2.7/24 brd 192.0.2.255 scope global net0", "inet 192.0.2.8/24",
		"inet 198.51.100.1 peer 198.51.100.2/32", "inet 203.0.113.5/28 metric 7 scope global noprefixroute net0:x", "inet6 2001:db8::1/64 scope global nodad",
		"inet6 2001:db8:1::1/128 scope global nodad deprecated")
	for _, word := range []string{"169.254.1.1", "127.9.9.9", "2001:db8:2::1"} {
		if strings.Contains(text, word) {
			t.Errorf("%s is not an address to be kept:\n%s", word, text)
		}
	}
	has(t, ip(t, to, "route", "show", "table", "all"), "192.0.2.0/24 dev net0", "2001:db8::/64 dev net0")

	// A device whose new home is not to be is not lost.
	ip(t, to, "link", "set", "net0", "down")
	if err := d.Back(to); err != nil {
		t.Fatal(err)
	}
	has(t, ip(t, nil, "address", "show", "v"), "192.0.2.7/24", "203.0.113.5/28", "v:x", "2001:db8::1/64", "state DOWN")
}

// Names and indices that are taken.
func TestMoveIntoCompany(t *testing.T) {
	to := another(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		ip(t, to, "link", "add", "name", name, "type", "veth", "peer", "name", name+"-peer")
	}
	veth(t, "a")
	veth(t, "e")
	ip(t, nil, "link", "set", "e", "up")
	if _, err := Move("a", to, "a"); !errors.Is(err, unix.EEXIST) || !strings.Contains(err.Error(), "called a") {
		t.Error(err)
	}
	ip(t, nil, "link", "show", "a")
	// Which number it is is the kernel's choice: where the old name is taken there, it takes two steps.
	first, err := Move("a", to, "b%d")
	if err != nil || len(first.Name) != 2 || first.Name[0] != 'b' {
		t.Fatal(first, err)
	}
	if d, err := Move("e", to, "b%d"); err != nil || len(d.Name) != 2 || d.Name[0] != 'b' || d.Name == first.Name {
		t.Error(d, err)
	} else if err := d.Back(to); err != nil {
		t.Error(err)
	}
	has(t, ip(t, nil, "link", "show", "e"), ",UP")
	has(t, ip(t, to, "link", "show", first.Name), first.Name+"@", ",UP")
}

func TestMoveProblems(t *testing.T) {
	to := another(t)
	if _, err := Move("nothing", to, "x"); !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "ip link") {
		t.Error(err)
	}
	if _, err := Move("lo", to, "x"); err == nil {
		t.Error("the loopback device was moved")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	veth(t, "v")
	if _, err := Move("v", null, "x"); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	ip(t, nil, "link", "show", "v")
}

// The namespace of a socket, and that we stay where we are.
func TestOf(t *testing.T) {
	here, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	to := another(t)
	c, err := dialIn(to)
	if err != nil {
		t.Fatal(err)
	}
	socket := os.NewFile(uintptr(c.fd), "socket")
	defer socket.Close()
	of, err := Of(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer of.Close()
	var a, b unix.Stat_t
	if unix.Fstat(int(of.Fd()), &a) != nil || unix.Fstat(int(to.Fd()), &b) != nil || a.Ino != b.Ino {
		t.Error(a.Ino, b.Ino)
	}
	for range 100 {
		if now, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || now != here {
			t.Fatal(now, err)
		}
	}
	if _, err := Of(to); err == nil {
		t.Error("a namespace is no socket")
	}
}

// What a kernel says is read without trust.
func FuzzParse(f *testing.F) {
	f.Add(newRequest(unix.RTM_NEWLINK, 0, infoMessage(1, 2, 3)).text(unix.IFLA_IFNAME, "eth0").b)
	f.Add([]byte{20, 0, 0, 0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, packet []byte) {
		c := &conn{}
		var answers [][]byte
		_, _ = c.parse(packet, &answers)
		for _, a := range answers {
			attributes(a)
		}
	})
}
