package cgroupv2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// ErrPopulated is a cgroup that has processes already: a new container's must not be somebody else's.
var ErrPopulated = errors.New("the cgroup has processes already")

// Group is a cgroup.
type Group struct {
	dir *os.File
}

// Create makes the cgroup at an absolute path, with parents. One that is there already is taken if it has no processes.
func Create(path string) (*Group, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := unix.Mkdir(path, 0o755); err != nil && err != unix.EEXIST {
		return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	g, err := Open(path)
	if err != nil {
		return nil, err
	}
	populated, err := g.Populated()
	if err == nil && populated {
		err = fmt.Errorf("%s: %w; choose another linux.cgroupsPath", path, ErrPopulated)
	}
	if err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// Open opens a cgroup that is there.
func Open(path string) (*Group, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
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

// Close lets go of the directory; the cgroup stays.
func (g *Group) Close() { g.dir.Close() }

// Populated reports whether there are living processes in it or below.
func (g *Group) Populated() (bool, error) {
	b, err := sys.ReadProc(g.dir.Name() + "/cgroup.events")
	return strings.Contains(string(b), "populated 1"), err
}

// Kill ends every process in the cgroup at path and below, however fast they fork (cgroup.kill, Linux 5.14).
func Kill(path string) error {
	return os.WriteFile(path+"/cgroup.kill", []byte("1"), 0)
}

// slowest is the longest pause between two looks at a cgroup that is still busy.
const slowest = 20 * time.Millisecond

// Remove takes the cgroup at path away with those below it, which are the container's own. Processes that were killed leave
// it a moment later, so a busy one is tried again until the context ends. One that is gone is no error.
func Remove(ctx context.Context, path string) error {
	for pause := 200 * time.Microsecond; ; pause = min(2*pause, slowest) {
		err := remove(path)
		if err == nil || errors.Is(err, unix.ENOENT) {
			return nil
		}
		if !errors.Is(err, unix.EBUSY) {
			return &os.PathError{Op: "rmdir", Path: path, Err: err}
		}
		select {
		case <-ctx.Done():
			return &os.PathError{Op: "rmdir", Path: path, Err: err}
		case <-time.After(pause):
		}
	}
}

func remove(path string) error {
	err := unix.Rmdir(path)
	if err != unix.EBUSY {
		return err
	}
	below, readErr := os.ReadDir(path)
	if readErr != nil {
		return readErr
	}
	for _, e := range below {
		if e.IsDir() {
			if err := remove(filepath.Join(path, e.Name())); err != nil && err != unix.ENOENT {
				return err
			}
		}
	}
	return unix.Rmdir(path)
}
