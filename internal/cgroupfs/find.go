package cgroupfs

import (
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// ErrNoMount is a machine where no cgroup v2 is mounted.
const ErrNoMount = fault.Words("no cgroup v2 is mounted on /sys/fs/cgroup or /sys/fs/cgroup/unified")

// Mount is where cgroup v2 is mounted: the whole of /sys/fs/cgroup, or beside version 1 (a "hybrid" machine).
func Mount() (string, error) {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if Is(dir) {
			return dir, nil
		}
	}
	return "", ErrNoMount
}

// Is reports whether a directory is a cgroup of version 2.
func Is(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC
}

// Of is the cgroup of a process, 0 being this one: "/" or "/user.slice/…", relative to this process's cgroup namespace. From
// outside of that it begins with "/..".
func Of(pid int) (string, error) {
	name := "self"
	if pid != 0 {
		name = strconv.Itoa(pid)
	}
	b, err := sys.ReadProc("/proc/" + name + "/cgroup")
	if err != nil {
		return "", err
	}
	return parse(string(b))
}

// parse finds the line of version 2 among those of version 1.
func parse(text string) (string, error) {
	for line := range strings.Lines(text) {
		own, ok := strings.CutPrefix(line, "0::")
		if !ok {
			continue
		}
		own = strings.TrimSuffix(strings.TrimSuffix(own, "\n"), " (deleted)") // removed, with the process still in it
		if Outside(own) {
			return own, nil // Clean would make a path inside of it
		}
		return path.Clean("/" + own), nil
	}
	return "", ErrNoMount
}

// Outside reports whether a cgroup that [Of] told lies outside of the cgroup namespace.
func Outside(cgroup string) bool { return cgroup == "/.." || strings.HasPrefix(cgroup, "/../") }
