package runtime

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
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
		where, ownErr := cgroupOf(strconv.Itoa(e.container.rec.process.pid))
		if ownErr == nil && within(where, o.Cgroup.Name()) && where != o.Cgroup.Name() {
			if dir, openErr := os.Open(where); openErr == nil {
				defer dir.Close()
				o.Cgroup = dir
				child, err = launch.Start(program, o)
			}
		}
	}
	if err != nil && o.Cgroup != nil {
		err = birthError(err, o.Cgroup.Name())
	}
	return child, os.NewSyscallError("clone3", err)
}
