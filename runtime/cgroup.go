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

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
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
	if err := b.openParent(); err != nil {
		return b.noCgroup(err)
	}
	if c.Split {
		if err := makeRoom(b.parent, c.Settings.Controllers()); err != nil {
			return fault.Mark(fault.Cgroup, err)
		}
	}
	g, err := cgroupv2.Make(b.parent, name, c.Settings.Controllers())
	switch {
	case errors.Is(err, cgroupv2.ErrPopulated): // somebody else's: not to be removed with ours
		return errors.Join(fault.Mark(fault.Cgroup, err), b.dir.unlink("cgroup"))
	case errors.Is(err, cgroupv2.ErrBusy) && c.Mode == "inherit":
		return &fault.Error{Code: fault.Cgroup, Err: err, Hint: "--cgroups split does that"}
	case err != nil:
		return b.noCgroup(err)
	}
	b.cgroup = g
	return b.fillCgroup()
}

// noCgroup is a cgroup that cannot be made.
func (b *birth) noCgroup(err error) error {
	if b.plan.Cgroup.Filter && len(b.plan.Cgroup.Settings) == 0 {
		return b.noFilter(err)
	}
	return fault.Default(fault.Cgroup, err)
}

// supervisor is where the processes of a cgroup go that is split, so that those below it can have controllers (cgroups(7), "no internal processes").
const supervisor = "supervisor"

// makeRoom moves the processes of a cgroup to one of their own below it, as long as there are any, and only if they are in the way.
func makeRoom(dir *os.File, controllers []string) error {
	g, err := cgroupv2.Open(dir.Name())
	if err != nil {
		return err
	}
	defer g.Close()
	const rounds = 100
	for range rounds {
		if err := g.Enable(controllers); len(controllers) > 0 && !errors.Is(err, cgroupv2.ErrBusy) {
			return err
		}
		moved, err := moveOut(dir.Name())
		if err != nil || !moved {
			return err
		}
	}
	return fmt.Errorf("%s: processes are born in it as fast as they are moved to %s", dir.Name(), supervisor)
}

func moveOut(dir string) (moved bool, err error) {
	if err := unix.Mkdir(dir+"/"+supervisor, 0o755); err != nil && err != unix.EEXIST {
		return false, &os.PathError{Op: "mkdir", Path: dir + "/" + supervisor, Err: err}
	}
	b, err := os.ReadFile(dir + "/cgroup.procs")
	if err != nil {
		return false, err
	}
	for pid := range strings.FieldsSeq(string(b)) {
		switch err := writeFile(dir+"/"+supervisor+"/cgroup.procs", []byte(pid)); {
		case err == nil:
			moved = true
		case !errors.Is(err, unix.ESRCH):
			return moved, fmt.Errorf("move process %s: %w", pid, err)
		}
	}
	return moved, nil
}

// fillCgroup puts limits and the filter of devices in force, and gives the cgroup to who may make others in it.
func (b *birth) fillCgroup() error {
	c := b.plan.Cgroup
	if err := b.settle(b.cgroup.Apply(c.Settings)); err != nil {
		return err
	}
	if c.Owner != 0 {
		giveAway(b.cgroup.Path(), c.Owner)
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

// giveAway makes a user of the host the owner of a cgroup and of those of its files that the kernel says are for who it is delegated to: limits
// are not among them. Who may not change owners leaves it, as an ordinary user does to whom it belongs already.
func giveAway(dir string, uid int) {
	files := []string{"cgroup.procs", "cgroup.subtree_control", "cgroup.threads"}
	if b, err := os.ReadFile("/sys/kernel/cgroup/delegate"); err == nil {
		files = strings.Fields(string(b))
	}
	for _, name := range append([]string{"."}, files...) {
		if strings.ContainsRune(name, '/') {
			continue
		}
		_ = unix.Lchown(path.Join(dir, name), uid, -1)
	}
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

// openParent opens the directory that the cgroup is made in.
func (b *birth) openParent() (err error) {
	if c := b.plan.Cgroup; c != nil && c.Unit == "" && b.parent == nil {
		b.parent, err = os.Open(c.Parent)
	}
	return err
}

func (b *birth) closeCgroup() {
	if b.cgroup != nil {
		b.cgroup.Close()
	}
	closeFiles([]*os.File{b.parent})
}
