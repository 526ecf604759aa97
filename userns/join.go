package userns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
	"golang.org/x/sys/unix"
)

// join looks at the namespace that the configuration names. A namespace has no
// map that could be read from it alone; the process through whose /proc the path
// leads has.
func join(c Caller, r Request) (Choice, error) {
	same, err := examine(r.Path)
	if err != nil {
		return Choice{}, fault.New(fault.Namespace, "linux.namespaces: user namespace %s: %w", r.Path, err)
	}
	if same {
		// setns(2) to the namespace that one is in already is EINVAL.
		return none(c, "the caller's own user namespace, named by its path"), nil
	}
	choice := Choice{Kind: Join, Path: r.Path, Setgroups: c.SetgroupsAllowed, Source: r.Path}
	choice.Mapping = idmap.Mapping{UIDs: r.UIDs, GIDs: r.GIDs}
	if m, setgroups, ok := ofProcess(r.Path); ok {
		choice.Setgroups = setgroups
		if len(r.UIDs) == 0 && len(r.GIDs) == 0 {
			choice.Mapping = m
		}
	}
	return choice, nil
}

// examine tells whether the path is the caller's own user namespace; an error
// when it is none at all. O_PATH first: opening what is no namespace may block or do
// things.
func examine(path string) (same bool, err error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("open: %w", err)
	}
	defer unix.Close(fd)
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return false, fmt.Errorf("statfs: %w", err)
	}
	if fs.Type != unix.NSFS_MAGIC {
		return false, fault.New(fault.Namespace, "not a namespace").Remedy("name a /proc/PID/ns/user or a bind mount of one")
	}
	// An O_PATH descriptor takes no ioctl; its name under /proc reopens the same file.
	open, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("open: %w", err)
	}
	defer unix.Close(open)
	kind, err := unix.IoctlRetInt(open, unix.NS_GET_NSTYPE)
	if err != nil {
		return false, fmt.Errorf("NS_GET_NSTYPE: %w", err)
	}
	if kind != unix.CLONE_NEWUSER {
		return false, fault.New(fault.Namespace, "a namespace of another type").Remedy("name a /proc/PID/ns/user or a bind mount of one")
	}
	var theirs, ours unix.Stat_t
	if err := unix.Fstat(open, &theirs); err != nil {
		return false, fmt.Errorf("stat: %w", err)
	}
	if err := unix.Stat("/proc/self/ns/user", &ours); err != nil {
		return false, fmt.Errorf("own user namespace: %w", err)
	}
	return theirs.Dev == ours.Dev && theirs.Ino == ours.Ino, nil
}

// ofProcess reads the maps next to a path /proc/PID/ns/user. It informs, and
// decides nothing: the process may be another one by now.
func ofProcess(path string) (m idmap.Mapping, setgroups, ok bool) {
	dir, isNS := strings.CutSuffix(filepath.Clean(path), "/ns/user")
	if !isNS {
		return m, false, false
	}
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil || fs.Type != unix.PROC_SUPER_MAGIC {
		return m, false, false
	}
	uids, err1 := os.ReadFile(dir + "/uid_map")
	gids, err2 := os.ReadFile(dir + "/gid_map")
	allowed, err3 := setgroupsAllowed(dir + "/setgroups")
	if errors.Join(err1, err2, err3) != nil {
		return m, false, false
	}
	m.UIDs, err1 = idmap.ParseKernel(string(uids))
	m.GIDs, err2 = idmap.ParseKernel(string(gids))
	return m, allowed, errors.Join(err1, err2) == nil
}
