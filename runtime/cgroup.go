package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
)

// makeCgroup makes the container's cgroup and puts its device filter in force. Where it is goes into the container's directory first, as
// a link that leads nowhere: so whoever clears the container away after a crash finds it.
func (b *birth) makeCgroup() error {
	if b.plan.Cgroup == nil {
		return nil
	}
	path, err := b.plan.Cgroup.absolute()
	if err == nil && b.plan.Cgroup.Path == ownCgroup(b.id) {
		// Another state root may have a container of the same id.
		var st unix.Stat_t
		err = unix.Fstat(b.dir.fd, &st)
		path += "." + strconv.FormatUint(st.Ino, 36)
	}
	if err == nil {
		err = unix.Symlinkat(path, b.dir.fd, "cgroup")
	}
	if err == nil {
		b.cgroup, err = cgroupv2.Create(path)
	}
	if errors.Is(err, cgroupv2.ErrPopulated) {
		return errors.Join(fault.Mark(fault.Cgroup, err), b.dir.unlink("cgroup")) // somebody else's: not to be removed with ours
	}
	if err == nil {
		err = b.cgroup.FilterDevices(b.plan.Cgroup.Devices)
	}
	if err == nil {
		return nil
	}
	err = &fault.Error{
		Code: fault.Degraded, Kind: string(degrade.DeviceFilter), Err: fmt.Errorf("linux.resources.devices: %w", err),
		Hint: "a container of root that can make any device must be kept from using it: mount a cgroup v2 that may be written, " + degrade.Remedy(degrade.DeviceFilter),
	}
	if !b.plan.Policies.Allows(degrade.DeviceFilter) {
		return err
	}
	b.plan.GivenUp = append(b.plan.GivenUp, Problem{Path: "linux.resources.devices", Text: err.Error(), Loud: b.plan.Policies.For(degrade.DeviceFilter) == degrade.Warn})
	return nil
}

func (c *Cgroup) absolute() (string, error) {
	mount, err := cgroupv2.Mount()
	if err != nil {
		return "", err
	}
	below, relative := strings.CutPrefix(c.Path, ".")
	if !relative {
		return mount + c.Path, nil
	}
	own, err := cgroupv2.Own()
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(mount+own, "/") + below, nil
}

// cgroupPath is where the container's cgroup is, or "".
func (d *directory) cgroupPath() string {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.fd, "cgroup", b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// openCgroup opens the container's cgroup for a process that joins it; nil where it has none.
func (d *directory) openCgroup() (*os.File, error) {
	path := d.cgroupPath()
	if path == "" {
		return nil, nil
	}
	g, err := cgroupv2.Open(path)
	if err != nil {
		return nil, fault.New(fault.Cgroup, "the container's cgroup: %w", err)
	}
	return g.Dir(), nil
}

// clearCgroup takes the container's cgroup away. Its processes have ended, or have been killed.
func (d *directory) clearCgroup(ctx context.Context) error {
	path := d.cgroupPath()
	if path == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Without a pid namespace somebody may be in it whom nothing else gave away.
	if err := cgroupv2.Kill(path); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return cgroupv2.Remove(ctx, path)
}
