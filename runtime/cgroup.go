package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
)

// makeCgroup makes the container's cgroup, all that is in force in it included, before there is a process: the first one is born in it. Where
// systemd makes the cgroup, it takes a process; see enterUnit.
func (b *birth) makeCgroup() error {
	c := b.plan.Cgroup
	if c == nil {
		return nil
	}
	if c.Unit != "" {
		return b.dir.keepUnit(unit{c.Bus, c.Unit})
	}
	name := c.Name
	if c.Own {
		// Another state root may have a container of the same id.
		var st unix.Stat_t
		if err := unix.Fstat(b.dir.fd, &st); err != nil {
			return os.NewSyscallError("fstat", err)
		}
		name += "." + strconv.FormatUint(st.Ino, 36)
	}
	if err := b.dir.keepCgroup(path.Join(c.Parent, name)); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.grant.Split(ctx); err != nil {
		return err
	}
	g, err := b.makeGroup(name)
	switch {
	case errors.Is(err, cgroupv2.ErrPopulated): // somebody else's: not to be removed with ours
		return errors.Join(fault.Mark(fault.Cgroup, err), b.dir.unlink("cgroup"))
	case err != nil:
		return b.noCgroup(err)
	}
	b.cgroup = g
	return b.fillCgroup()
}

// makeGroup makes the cgroup, or takes the one that somebody made for it.
func (b *birth) makeGroup(name string) (*cgroupv2.Group, error) {
	if name != "" {
		return cgroupv2.Make(b.grant.Dir, name, b.plan.Cgroup.Settings.Controllers())
	}
	g, err := cgroupv2.Open(b.grant.Dir.Name())
	if err != nil {
		return nil, err
	}
	populated, err := g.Populated()
	if err == nil && populated {
		err = fmt.Errorf("%s: %w; choose another linux.cgroupsPath", g.Path(), cgroupv2.ErrPopulated)
	}
	if err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// noCgroup is a cgroup that cannot be made.
func (b *birth) noCgroup(err error) error {
	if b.plan.Cgroup.Filter && len(b.plan.Cgroup.Settings) == 0 {
		return b.noFilter(err)
	}
	return fault.Default(fault.Cgroup, err)
}

// fillCgroup puts limits and the filter of devices in force, and gives the cgroup to who may make others in it.
func (b *birth) fillCgroup() error {
	c := b.plan.Cgroup
	if err := b.settle(b.cgroup.Apply(c.Settings)); err != nil {
		return err
	}
	if c.Owner != 0 {
		// Who may not change owners leaves it, as an ordinary user does to whom it belongs already.
		_ = delegate.Chown(b.cgroup.Dir(), c.Owner, -1)
	}
	if !c.Filter {
		return nil
	}
	if err := b.cgroup.FilterDevices(c.Devices); err != nil {
		return b.noFilter(err)
	}
	return nil
}

// noFilter is a container without a filter of devices that needs one.
func (b *birth) noFilter(err error) error {
	err = &fault.Error{
		Code: fault.Degraded, Kind: string(degrade.DeviceFilter), Err: fmt.Errorf("linux.resources.devices: %w", err),
		Hint: "a container of root that can make any device must be kept from using it: mount a cgroup v2 that may be written, " + degrade.Remedy(degrade.DeviceFilter),
	}
	if !b.plan.Policies.Allows(degrade.DeviceFilter) {
		return err
	}
	b.giveUp(degrade.DeviceFilter, "linux.resources.devices", err)
	return nil
}

// settle is what becomes of limits that the kernel refused: those whose file is not there go by the policy of their kind, as the others did that were
// known before.
func (b *birth) settle(refused error) error {
	var errs []error
	for _, err := range joined(refused) {
		var one *cgroupv2.SettingError
		if !errors.As(err, &one) || one.Missing == nil {
			errs = append(errs, fault.Default(fault.Cgroup, err))
			continue
		}
		if usual(one.Setting) {
			continue
		}
		kind := kindOf(one.Setting)
		if !b.plan.Policies.Allows(kind) {
			errs = append(errs, &fault.Error{Code: fault.Degraded, Kind: string(kind), Err: err, Hint: degrade.Remedy(kind)})
			continue
		}
		b.giveUp(kind, one.Path, err)
	}
	return errors.Join(errs...)
}

// joined are the errors that were joined to one.
func joined(err error) []error {
	if err == nil {
		return nil
	}
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return list.Unwrap()
	}
	return []error{err}
}

func (b *birth) giveUp(kind degrade.Kind, path string, err error) {
	b.plan.GivenUp = append(b.plan.GivenUp, Problem{Path: path, Text: err.Error(), Loud: b.plan.Policies.For(kind) == degrade.Warn})
}

// clearCgroup takes the container's cgroup away, and the unit with it that systemd made for it. Its processes have ended, or have been
// killed.
func (d *directory) clearCgroup(ctx context.Context) error {
	path := d.cgroupPath()
	if path == "" {
		return d.clearUnit(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Without a pid namespace somebody may be in it whom nothing else gave away.
	if err := cgroupv2.Kill(path); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	// A service manager hears that a unit is empty from its cgroup.events, which the kernel may tell of 10 ms late, and never once the
	// cgroup has been removed: the unit would be "running" for ever. So it goes first, and takes the cgroup along.
	if d.unit().name != "" {
		if err := awaitEmpty(ctx, path); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
			return err
		}
		if err := d.clearUnit(ctx); err != nil {
			return err
		}
	}
	err := cgroupv2.Remove(ctx, path)
	if errors.Is(err, os.ErrPermission) && removeOthers(ctx, path) == nil {
		err = cgroupv2.Remove(ctx, path)
	}
	if errors.Is(err, os.ErrPermission) { // made by somebody else for the container, and theirs to take away
		return awaitEmpty(ctx, path)
	}
	return err
}

func awaitEmpty(ctx context.Context, path string) error {
	g, err := cgroupv2.Open(path)
	if err != nil {
		return err
	}
	defer g.Close()
	for {
		populated, err := g.Populated()
		if err != nil || !populated {
			return err
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Stuck, "%s: processes in it do not end: %w", path, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// ancestor is the path that two have in common.
func ancestor(a, b string) string {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	return strings.Join(slices.Clone(x[:n]), "/")
}

// birthError says why a process cannot be born in a cgroup: it takes the right to move one there from where we are.
func birthError(err error, dir string) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err
	}
	switch errno {
	case unix.EACCES:
		own, ownErr := cgroupOf("self")
		if ownErr != nil {
			own = ""
		}
		return &fault.Error{Code: fault.Cgroup, Err: fmt.Errorf("enter the cgroup %s: %s/cgroup.procs may not be written: %w", dir, ancestor(own, dir), err),
			Hint: "roost runs in " + own + ": run it from a cgroup below that one, or with --cgroups scope, which has systemd do it"}
	case unix.EBUSY:
		return fault.New(fault.Cgroup, "enter the cgroup %s: %w: it shares controllers out to cgroups below it, and can have no process itself", dir, err)
	case unix.EOPNOTSUPP:
		return fault.New(fault.Cgroup, "enter the cgroup %s: %w: it is threaded, or below one that is", dir, err)
	}
	return err
}

func (b *birth) closeCgroup() {
	if b.cgroup != nil {
		b.cgroup.Close()
	}
}
