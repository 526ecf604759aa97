package runtime

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// Two links in a container's directory lead nowhere and say where its cgroup is: `cgroup` its path, `unit` the unit that systemd made
// it for. Each is written before the thing is made, so whoever clears the container away after a crash finds it.

// unit is a unit of systemd.
type unit struct {
	bus  string // of which manager: user or system
	name string // "" is none
}

func (u unit) String() string { return u.bus + "/" + u.name }

// unit is the one that the container is in, if it has one of its own.
func (d *directory) unit() unit {
	bus, name, _ := strings.Cut(d.link("unit"), "/")
	return unit{bus, name}
}

func (d *directory) keepUnit(u unit) error {
	return d.keepLink("unit", u.String())
}

// cgroupPath is where the container's cgroup is, or "".
func (d *directory) cgroupPath() string { return d.link("cgroup") }

func (d *directory) keepCgroup(path string) error { return d.keepLink("cgroup", path) }

func (d *directory) link(name string) string {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.fd, name, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

func (d *directory) keepLink(name, target string) error {
	if err := unix.Symlinkat(target, d.fd, name); err != nil {
		return &os.PathError{Op: "symlink", Path: d.path + "/" + name, Err: err}
	}
	return nil
}

// errNoGroup is a container that stays in the cgroup of who ran it.
var errNoGroup error = &fault.Error{
	Code: fault.Cgroup, Err: fault.Words("the container has no cgroup of its own"), Hint: "run it with --cgroups scope, split or inherit; `roost check` tells which of them work here",
}

// openGroup opens the container's cgroup.
func (d *directory) openGroup() (*cgroupv2.Group, error) {
	path := d.cgroupPath()
	if path == "" {
		return nil, errNoGroup
	}
	g, err := cgroupv2.Open(path)
	if errors.Is(err, unix.ENOENT) { // an end, as callers are to see it
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fault.New(fault.Cgroup, "the container's cgroup: %w", err)
	}
	return g, nil
}

// Cgroup opens the container's cgroup, for statistics, events and whatever else [cgroupv2.Group] can do; the caller closes it. An error if it has
// none of its own; ErrNotRunning if it is gone.
func (c *Container) Cgroup() (*cgroupv2.Group, error) {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return d.openGroup()
}

// Scope is the unit of systemd that the container is in, by its name; "" if it is in none of its own.
func (c *Container) Scope() string {
	if c.rec.cgroupMode != delegate.Scope {
		return ""
	}
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return ""
	}
	defer d.close()
	return d.unit().name
}

// paused reports whether the container's own cgroup is to be frozen: it is so from the moment on that somebody asks for it. One above may be frozen
// as well, by somebody else who wants all below to stop; that is no state of the container's.
func (d *directory) paused() bool {
	path := d.cgroupPath()
	if path == "" {
		return false
	}
	b, err := sys.ReadProc(path + "/cgroup.freeze")
	return err == nil && strings.HasPrefix(string(b), "1")
}
