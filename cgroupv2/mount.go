package cgroupv2

import (
	"errors"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// ErrNoMount is a machine where no cgroup v2 is mounted.
var ErrNoMount = errors.New("no cgroup v2 is mounted on /sys/fs/cgroup or /sys/fs/cgroup/unified")

// Mount is where cgroup v2 is mounted: the whole of /sys/fs/cgroup, or beside version 1 (a "hybrid" machine).
func Mount() (string, error) {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if unix.Statfs(dir, &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir, nil
		}
	}
	return "", ErrNoMount
}

// Own is the caller's own cgroup, below the mount: "/" or "/user.slice/…".
func Own() (string, error) {
	b, err := sys.ReadProc("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if own, ok := strings.CutPrefix(line, "0::"); ok {
			return path.Clean("/" + strings.TrimSuffix(own, "\n")), nil
		}
	}
	return "", ErrNoMount
}
