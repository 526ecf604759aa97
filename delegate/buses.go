package delegate

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/roost-run/roost/internal/dbus"
	"github.com/roost-run/roost/internal/sys"
)

// Tried is a place where a service manager could be reached, and what came of it.
type Tried struct {
	Bus     string // "user" or "system"
	From    string // where the address came from: "$XDG_RUNTIME_DIR/bus"
	Address string
	Err     error  // nil: it answered
	Version string // of systemd, where it answered
}

// door is a place to try.
type door struct {
	Tried
	direct bool // systemd's own socket, without a bus in front of it
}

// caller is whose managers count.
type caller struct {
	getenv func(string) string
	euid   int
	host   string // the uid as the outer user namespace has it, "" when nothing tells
	root   bool   // root of the machine, not of a user namespace
	places []door // where to look, and nowhere else; nil: where it is usual
}

// thisCaller is this process with an environment; nil is its own.
func thisCaller(getenv func(string) string) caller {
	if getenv == nil {
		getenv = os.Getenv
	}
	c := caller{getenv: getenv, euid: os.Geteuid()}
	text, _ := sys.ReadProc("/proc/self/uid_map")
	c.host, c.root = outer(string(text), c.euid)
	return c
}

// outer translates a uid by the map of a user namespace. The map that covers all ids is that of the first one.
func outer(idMap string, uid int) (host string, root bool) {
	for line := range strings.Lines(idMap) {
		var n [3]uint64
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		for i := range n {
			n[i], _ = strconv.ParseUint(f[i], 10, 32)
		}
		if id := uint64(uid); n[0] <= id && id-n[0] < n[2] {
			return strconv.FormatUint(n[1]+id-n[0], 10), uid == 0 && n == [3]uint64{0, 0, 1<<32 - 1}
		}
	}
	return "", false
}

// which is the manager that a caller's units belong to.
func (c caller) which() string {
	if c.root {
		return SystemBus
	}
	return UserBus
}

// doors are the places in the order in which they are tried: those that the caller's environment names, then what is usual. Last
// comes the socket that systemd itself listens at, which is there without a dbus-daemon too.
func (c caller) doors(bus string) (doors []door) {
	if c.places != nil {
		return c.places
	}
	seen := map[string]bool{}
	add := func(from, address string, direct bool) {
		if !seen[address] {
			seen[address] = true
			doors = append(doors, door{Tried{Bus: bus, From: from, Address: address}, direct})
		}
	}
	if bus == SystemBus {
		add("/run/dbus/system_bus_socket", "/run/dbus/system_bus_socket", false)
		add("/run/systemd/private", "/run/systemd/private", true)
		return doors
	}
	addresses, errs := dbus.ParseAddresses(c.getenv("DBUS_SESSION_BUS_ADDRESS"))
	for _, a := range addresses {
		add("$DBUS_SESSION_BUS_ADDRESS", string(a), false)
	}
	for _, err := range errs {
		doors = append(doors, door{Tried: Tried{Bus: bus, From: "$DBUS_SESSION_BUS_ADDRESS", Err: err}})
	}
	runtimeDir := c.getenv("XDG_RUNTIME_DIR")
	if strings.HasPrefix(runtimeDir, "/") {
		add("$XDG_RUNTIME_DIR/bus", runtimeDir+"/bus", false)
	}
	usual := "/run/user/" + c.host
	if c.host != "" {
		add(usual+"/bus", usual+"/bus", false)
	}
	if strings.HasPrefix(runtimeDir, "/") {
		add("$XDG_RUNTIME_DIR/systemd/private", runtimeDir+"/systemd/private", true)
	}
	if c.host != "" {
		add(usual+"/systemd/private", usual+"/systemd/private", true)
	}
	return doors
}

// trust refuses a listener that is neither the caller nor root: it would be asked to take our processes.
func (c caller) trust(peer dbus.Peer) error {
	if peer.UID == 0 || int(peer.UID) == c.euid {
		return nil
	}
	return fmt.Errorf("uid %d listens there, who is not this user", peer.UID)
}
