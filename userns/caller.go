package userns

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
	"golang.org/x/sys/unix"
)

// Caller is who asks for a container, as the kernel sees them. Ids are those of
// the caller's own user namespace.
type Caller struct {
	EUID, EGID uint32
	Groups     []uint32 // supplementary

	// Privileged: CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID are effective in the
	// caller's own user namespace.
	Privileged bool
	// SetsIDs: CAP_SETUID and CAP_SETGID are; with these the caller writes any
	// map of its own ids (user_namespaces(7)).
	SetsIDs bool
	// Mknod: CAP_MKNOD is. It is worth something in the machine's own user namespace only, see MakesDevices.
	Mknod bool
	// Resource: CAP_SYS_RESOURCE is. Hard limits are raised with it, in the machine's own user namespace only, see OnMachine.
	Resource bool
	// Setfcap: CAP_SETFCAP is; nobody maps id 0 of this namespace into another
	// without it (since Linux 5.12).
	Setfcap bool

	UIDs, GIDs       idmap.Map // of the caller's own user namespace
	SetgroupsAllowed bool      // setgroups(2) is not denied in it
}

// Self is the calling process. It makes a handful of system calls and looks up
// no name.
func Self() (Caller, error) {
	c := Caller{EUID: uint32(os.Geteuid()), EGID: uint32(os.Getegid())}
	groups, err := unix.Getgroups()
	if err != nil {
		return c, fmt.Errorf("own groups: %w", err)
	}
	for _, g := range groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	if err := c.capabilities(); err != nil {
		return c, err
	}
	if c.UIDs, err = ownMap("/proc/self/uid_map"); err != nil {
		return c, err
	}
	if c.GIDs, err = ownMap("/proc/self/gid_map"); err != nil {
		return c, err
	}
	c.SetgroupsAllowed, err = setgroupsAllowed("/proc/self/setgroups")
	return c, err
}

func (c *Caller) capabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("own capabilities: capget: %w", err)
	}
	// All of them are in the first word.
	has := func(capability uint) bool { return data[0].Effective&(1<<capability) != 0 }
	c.SetsIDs = has(unix.CAP_SETUID) && has(unix.CAP_SETGID)
	c.Privileged = c.SetsIDs && has(unix.CAP_SYS_ADMIN)
	c.Setfcap = has(unix.CAP_SETFCAP)
	c.Mknod = has(unix.CAP_MKNOD)
	c.Resource = has(unix.CAP_SYS_RESOURCE)
	return nil
}

// MakesDevices reports whether the caller can make device nodes that work: mknod(2) takes CAP_MKNOD in the first user namespace.
func (c Caller) MakesDevices() bool {
	const initial = "user:[4026531837]" // PROC_USER_INIT_INO
	if !c.Mknod {
		return false
	}
	own, err := os.Readlink("/proc/self/ns/user")
	return err != nil || own == initial // if it cannot be told, the careful answer
}

// OnMachine reports whether the caller is in the machine's own user namespace, the first one: capabilities are worth something
// to the machine only there. Where it cannot be told they are taken to be worth nothing.
func (c Caller) OnMachine() bool { return initial("/proc") }

func ownMap(path string) (idmap.Map, error) {
	data, err := sys.ReadProc(path)
	if err != nil {
		return nil, fault.New(fault.IDMap, "own id map: %w", err).Remedy("roost needs a mounted /proc")
	}
	m, err := idmap.ParseKernel(string(data))
	if err != nil {
		return nil, fmt.Errorf("own id map: %s: %w", path, err)
	}
	return m, nil
}

// setgroupsAllowed reads a /proc/PID/setgroups, which the initial namespace has too.
func setgroupsAllowed(path string) (bool, error) {
	data, err := sys.ReadProc(path)
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("whether setgroups is allowed: %w", err)
	}
	return strings.TrimSpace(string(data)) != "deny", nil
}
