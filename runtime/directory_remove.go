package runtime

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// remove takes everything away, the record last: as long as that is there, another delete finds what is left to do. What most
// containers have is tried first. What was damaged may be anything, also a directory.
func (d *directory) remove() error {
	if d.unlink("config.json", "seccomp", "process", "state.json") == nil && unix.Rmdir(d.path) == nil {
		return nil
	}
	names, err := namesIn(d.fd, ".")
	if err != nil {
		return &os.PathError{Op: "read", Path: d.path, Err: err}
	}
	slices.SortFunc(names, func(a, b string) int { return lateness(a) - lateness(b) })
	for _, name := range names {
		if err := removeAll(d.fd, name, 0); err != nil {
			return fault.New(fault.State, "%w", &os.PathError{Op: "remove", Path: d.path + "/" + name, Err: err}).
				Remedy("`roost unshare -- rm -rf %s` removes what belongs to the container's users", d.path)
		}
	}
	if err := unix.Rmdir(d.path); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "rmdir", Path: d.path, Err: err}
	}
	return nil
}

func lateness(name string) int { return slices.Index([]string{"process", "state.json"}, name) }

func (d *directory) unlink(names ...string) error {
	for _, name := range names {
		if err := unix.Unlinkat(d.fd, name, 0); err != nil && err != unix.ENOENT {
			return &os.PathError{Op: "unlink", Path: d.path + "/" + name, Err: err}
		}
	}
	return nil
}

// maxDepth is how deep a tree we clear away may be: each level holds a descriptor, and a container may have made it.
const maxDepth = 200

// removeAll removes a file or a tree. It follows no link and enters no other file system: what is mounted there is not ours.
func removeAll(dir int, name string, depth int) error {
	err := unix.Unlinkat(dir, name, 0)
	if err == unix.EISDIR || err == unix.EPERM { // POSIX allows the latter for a directory
		err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	}
	switch err {
	case nil, unix.ENOENT:
		return nil
	case unix.ENOTEMPTY, unix.EEXIST:
	default:
		return err
	}
	if depth == maxDepth {
		return unix.ENAMETOOLONG
	}
	names, err := namesIn(dir, name)
	if err != nil {
		return err
	}
	fd, err := openBeneath(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, n := range names {
		if err := removeAll(fd, n, depth+1); err != nil {
			return err
		}
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

func openBeneath(dir int, name string) (int, error) {
	return unix.Openat2(dir, name, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_SYMLINKS,
	})
}

// namesIn lists a directory but for "." and "..".
func namesIn(dir int, name string) ([]string, error) {
	fd, err := openBeneath(dir, name)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var names []string
	b := make([]byte, 8<<10)
	for {
		n, err := unix.Getdents(fd, b)
		if err != nil || n <= 0 {
			return names, err
		}
		_, _, names = unix.ParseDirent(b[:n], -1, names)
	}
}
