package cgroupv2

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrBusy is a cgroup with processes of its own, which cannot share its controllers out to those below ("no internal process").
var ErrBusy = errors.New("the cgroup has processes of its own")

// EnableError is a controller that a cgroup cannot share out.
type EnableError struct {
	Controllers []string
	Dir         string
	Err         error // an errno, ErrBusy, or a *Missing
}

func (e *EnableError) Error() string {
	s := fmt.Sprintf("enable %s for the cgroups below %s: %v", strings.Join(e.Controllers, ", "), e.Dir, e.Err)
	switch {
	case errors.Is(e.Err, ErrBusy):
		s += "; move them to a cgroup below"
	case errors.Is(e.Err, os.ErrPermission):
		s += "; this cgroup is another user's: have it delegated (chown, or Delegate=yes of a systemd unit)"
	}
	return s
}

func (e *EnableError) Unwrap() error { return e.Err }

// Controllers are those that the cgroup has, and can share out.
func (g *Group) Controllers() ([]string, error) {
	b, err := g.read("cgroup.controllers")
	return strings.Fields(string(b)), err
}

// Enable has the cgroups below this one have the controllers. Nothing is written for those that they have already. The error is an
// [*EnableError], which is [ErrBusy] when there are processes in this very cgroup; it is the root of the hierarchy alone that may have some.
func (g *Group) Enable(controllers []string) error {
	b, err := g.read("cgroup.subtree_control")
	if err != nil {
		return err
	}
	shared := strings.Fields(string(b))
	wanted := slices.DeleteFunc(slices.Clone(controllers), func(c string) bool { return slices.Contains(shared, c) })
	if len(wanted) == 0 {
		return nil
	}
	err = write(int(g.dir.Fd()), "cgroup.subtree_control", "+"+strings.Join(wanted, " +"))
	switch err {
	case nil:
		return nil
	case unix.EBUSY:
		err = ErrBusy
	case unix.EOPNOTSUPP:
		err = fmt.Errorf("%w (the cgroup or one above is of the type threaded)", err)
	case unix.ENOENT, unix.EINVAL: // those names that the kernel knows and those that it doesn't
		if m := g.lacking(wanted); m != nil {
			return &EnableError{[]string{m.Controller}, g.dir.Name(), m}
		}
	}
	return &EnableError{wanted, g.dir.Name(), err}
}

// lacking is the first controller that the cgroup doesn't have.
func (g *Group) lacking(controllers []string) *Missing {
	have, err := g.Controllers()
	for _, c := range controllers {
		if err == nil && !slices.Contains(have, c) {
			return above(g.dir.Name(), Setting{Controller: c})
		}
	}
	return nil
}
