package cgroupv2

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrPopulated is a cgroup that has processes already: a new container's must not be somebody else's.
var ErrPopulated = errors.New("the cgroup has processes already")

// Group is a cgroup.
type Group struct {
	dir *os.File // its name is an absolute path
}

// Create makes the cgroup at an absolute path, with parents. One that is there already is taken if it has no processes. It has the
// controllers that its parent shares out: see [Make] for others.
func Create(path string) (*Group, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	parent, err := Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	return Make(parent.dir, filepath.Base(path), nil)
}

// Make makes the cgroup at a path below a directory, with what is between them, all with the controllers, which the directory must
// have: the error is an [*EnableError] else. The name of the directory's file is its absolute path. A cgroup that is there already is taken if it
// has no processes (ErrPopulated). What was made before an error is taken away again.
func Make(dir *os.File, path string, controllers []string) (g *Group, err error) {
	if !filepath.IsLocal(path) || filepath.Clean(path) == "." {
		return nil, fmt.Errorf("%q is no path of a cgroup below %s", path, dir.Name())
	}
	var made []string
	defer func() {
		for i := len(made) - 1; i >= 0 && err != nil; i-- {
			_ = unix.Rmdir(made[i])
		}
	}()
	top := dir
	g = &Group{top}
	for name := range strings.SplitSeq(filepath.Clean(path), "/") {
		next, fresh, err := g.child(name, controllers)
		if fresh {
			made = append(made, dir.Name()+"/"+name)
		}
		if g.dir != top { // the caller's
			g.Close()
		}
		if err != nil {
			return nil, err
		}
		g, dir = next, next.dir
	}
	populated, err := g.Populated()
	if err == nil && populated {
		err = fmt.Errorf("%s: %w; choose another linux.cgroupsPath", g.dir.Name(), ErrPopulated)
	}
	if err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// child makes or takes one cgroup in this one.
func (g *Group) child(name string, controllers []string) (child *Group, fresh bool, err error) {
	if len(controllers) > 0 {
		if err := g.Enable(controllers); err != nil {
			return nil, false, err
		}
	}
	err = unix.Mkdirat(int(g.dir.Fd()), name, 0o755)
	if err != nil && err != unix.EEXIST {
		return nil, false, &os.PathError{Op: "mkdir", Path: g.dir.Name() + "/" + name, Err: err}
	}
	fresh = err == nil
	child, err = g.down(name)
	return child, fresh, err
}

// down opens a cgroup in this one.
func (g *Group) down(name string) (*Group, error) {
	path := strings.TrimSuffix(g.dir.Name(), "/") + "/" + name
	fd, err := unix.Openat(int(g.dir.Fd()), name, openDir, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &Group{os.NewFile(uintptr(fd), path)}, nil
}

// Open opens a cgroup that is there.
func Open(path string) (*Group, error) {
	fd, err := unix.Open(path, openDir, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil || fs.Type != unix.CGROUP2_SUPER_MAGIC {
		unix.Close(fd)
		return nil, &os.PathError{Op: "open", Path: path, Err: errors.New("not a cgroup of version 2")}
	}
	return &Group{os.NewFile(uintptr(fd), path)}, nil
}

// Dir is the cgroup's directory, for CLONE_INTO_CGROUP. It belongs to g.
func (g *Group) Dir() *os.File { return g.dir }

// Path is the cgroup's directory by name, absolute.
func (g *Group) Path() string { return g.dir.Name() }

// Close lets go of the directory; the cgroup stays.
func (g *Group) Close() { g.dir.Close() }

// Populated reports whether there are living processes in it or below.
func (g *Group) Populated() (bool, error) {
	b, err := g.read("cgroup.events")
	return strings.Contains(string(b), "populated 1"), err
}
