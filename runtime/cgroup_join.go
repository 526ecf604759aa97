package runtime

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/sys"
)

// joinGroup opens the container's cgroup, or the one at the path below it, for a process that joins it; nil where it has none.
func (d *directory) joinGroup(below string) (*os.File, error) {
	g, err := d.openGroup()
	switch {
	case err == errNoGroup && below == "":
		return nil, nil
	case err != nil:
		return nil, err
	case below == "":
		return g.Dir(), nil
	}
	defer g.Close()
	return openBelow(g, below)
}

// openBelow opens a cgroup in the container's tree. Who is in the container may have made it: nothing on the way may lead out.
func openBelow(g *cgroupv2.Group, path string) (*os.File, error) {
	local := filepath.Clean(strings.TrimLeft(path, "/"))
	if !filepath.IsLocal(local) {
		return nil, fault.New(fault.Usage, "cgroup %q is outside of the container's", path).Remedy("name one below it")
	}
	name := g.Path() + "/" + local
	fd, err := openBeneath(int(g.Dir().Fd()), local)
	if err != nil {
		return nil, fault.New(fault.Cgroup, "%w", &os.PathError{Op: "open", Path: name, Err: err}).Remedy("`find` on %s tells which there are", g.Path())
	}
	return os.NewFile(uintptr(fd), name), nil
}

// fork starts the process in the container's cgroup. One that shares controllers out to cgroups below it can have no process of its own
// (cgroups(7)): then the container has moved its processes, and the new one goes where its first one is.
func (e *execution) fork(program *launch.Program, o launch.Options) (*launch.Child, error) {
	child, err := launch.Start(program, o)
	if errors.Is(err, unix.EBUSY) && o.Cgroup != nil && e.options.Cgroup == "" {
		if dir, openErr := os.Open(e.placeOfFirst()); openErr == nil {
			defer dir.Close()
			o.Cgroup = dir
			child, err = launch.Start(program, o)
		}
	}
	if err != nil && o.Cgroup != nil {
		err = birthError(err, o.Cgroup.Name())
	}
	return child, os.NewSyscallError("clone3", err)
}

// placeOfFirst is the cgroup of the container's first process, below the container's.
func (e *execution) placeOfFirst() string {
	where, err := cgroupOf(strconv.Itoa(e.container.rec.process.pid))
	if err != nil || !within(where, e.cgroup.Name()) {
		return e.cgroup.Name()
	}
	return where
}

// birthplace is the cgroup that the process is born in.
func (e *execution) birthplace() *os.File {
	if e.moved.name != "" {
		return nil
	}
	return e.cgroup
}

// isForeign reports whether a process could not be born in its cgroup since we are in a session whose processes only systemd may move there
// (cgroup-v2.rst, "Delegation Containment"); from then on it is to.
func (e *execution) isForeign(err error) bool {
	if !errors.Is(err, unix.EACCES) || e.cgroup == nil || e.moved.name != "" || e.process.child != nil {
		return false
	}
	e.moved, _ = unitOf(e.cgroup.Name())
	return e.moved.name != ""
}

// unitOf is the unit of systemd that a cgroup is that of, or in, and that one's path. A user's units are below the unit of their manager.
func unitOf(dir string) (u unit, path string) {
	at := ""
	for name := range strings.SplitSeq(dir, "/") {
		at = filepath.Join(at, "/", name)
		switch ext := filepath.Ext(name); {
		case strings.HasPrefix(name, "user@") && ext == ".service":
			u, path = unit{bus: delegate.UserBus}, ""
		case (ext == ".service" || ext == ".scope") && u.name == "":
			u, path = unit{u.bus, name}, at
		}
	}
	if u.bus == "" {
		u.bus = delegate.SystemBus
	}
	return u, path
}

// enterUnit has systemd move the process to where it would have been born.
func (e *execution) enterUnit(ctx context.Context, child *launch.Child) error {
	_, top := unitOf(e.cgroup.Name())
	place := e.cgroup.Name()
	if e.options.Cgroup == "" {
		if b, err := sys.ReadProc(place + "/cgroup.subtree_control"); err == nil && len(b) > 1 {
			place = e.placeOfFirst()
		}
	}
	return e.moved.attach(ctx, strings.TrimPrefix(place, top), child, place)
}
