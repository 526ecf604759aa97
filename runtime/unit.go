package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/launch"
)

// enterUnit has systemd make the unit with the process in it, which waits at the very first step of its program, and puts in force what is no property of
// a unit. A process whose unit fails never gets beyond that step.
func (b *birth) enterUnit(ctx context.Context, child *launch.Child) error {
	if b.failed != nil {
		return b.failed
	}
	pidfd, err := duplicate(child.Pidfd())
	if err != nil {
		return err
	}
	defer pidfd.Close()
	c := b.plan.Cgroup
	if err := b.grant.Start(ctx, child.Pid(), pidfd, properties(c.Settings)); err != nil {
		return err
	}
	if err := b.dir.keepCgroup(b.grant.Path); err != nil {
		return err
	}
	if b.cgroup, err = cgroupv2.Open(b.grant.Path); err != nil {
		return err
	}
	for _, p := range b.grant.Dropped { // the files hold it all the same, until systemd writes them anew
		b.store.log.Debug("this systemd does not have the property", "id", b.id, "property", p.Name, "path", p.Path)
	}
	return b.fillCgroup()
}

func duplicate(fd int) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(n), "pidfd"), nil
}

// properties are the settings that systemd has a property for: it writes them into the files whenever it sees fit.
func properties(settings cgroupv2.Settings) []delegate.Property {
	files := make([]delegate.File, len(settings))
	for i, s := range settings {
		files[i] = delegate.File{Name: s.File, Value: s.Value, Path: s.Path}
	}
	props, _ := delegate.Properties(files)
	return props
}

func (u unit) delegated() delegate.Unit { return delegate.Unit{Bus: u.bus, Name: u.name} }

// set changes the unit's properties. One that is gone has ended with its processes.
func (u unit) set(ctx context.Context, settings cgroupv2.Settings) error {
	props := properties(settings)
	if u.name == "" || len(props) == 0 {
		return nil
	}
	_, err := u.delegated().SetProperties(ctx, nil, props)
	if errors.Is(err, delegate.ErrNoUnit) {
		err = fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return err
}

// attach has systemd move a process into the unit, where the kernel lets nobody do it who is in another session.
func (u unit) attach(ctx context.Context, below string, child *launch.Child, group string) error {
	if err := u.delegated().Attach(ctx, nil, below, child.Pid()); err != nil {
		return err
	}
	where, err := cgroupOf(strconv.Itoa(child.Pid()))
	if err == nil && !within(where, group) {
		err = fmt.Errorf("unit %s: systemd says that it has the process, but that is in %s", u.name, where)
	}
	return err
}

// clearUnit makes sure that the unit goes. It does by itself when its last process has ended, unless systemd is not told of that, or never got as far as
// to have one: so there is a look first, and the bus is asked only if it stays.
func (d *directory) clearUnit(ctx context.Context) error {
	u := d.unit()
	const moment = 100 * time.Millisecond
	for limit := time.Now().Add(moment); ; time.Sleep(2 * time.Millisecond) {
		if u.name == "" || !u.known() {
			return nil
		}
		if time.Now().After(limit) || ctx.Err() != nil {
			break
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := u.delegated().Stop(ctx, nil)
	if errors.Is(err, delegate.ErrNoBus) || errors.Is(err, delegate.ErrNoUnit) {
		return nil // its cgroup is gone, and no manager is there that could remember it
	}
	return err
}

// known reports whether the manager has the unit: it keeps a file for each that was not configured by one (systemd.unit(5), "transient").
func (u unit) known() bool {
	dir := "/run"
	if u.bus == delegate.UserBus {
		if dir = os.Getenv("XDG_RUNTIME_DIR"); !path.IsAbs(dir) {
			dir = "/run/user/" + strconv.Itoa(os.Getuid())
		}
	}
	return unix.Access(path.Join(dir, "systemd/transient", u.name), unix.F_OK) == nil
}
