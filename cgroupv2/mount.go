package cgroupv2

import (
	"fmt"

	"github.com/roost-run/roost/internal/cgroupfs"
)

// ErrNoMount is a machine where no cgroup v2 is mounted.
const ErrNoMount = cgroupfs.ErrNoMount

// Mount is where cgroup v2 is mounted: the whole of /sys/fs/cgroup, or beside version 1 (a "hybrid" machine).
func Mount() (string, error) { return cgroupfs.Mount() }

// Own is the caller's own cgroup, below the mount: "/" or "/user.slice/…".
func Own() (string, error) {
	own, err := cgroupfs.Of(0)
	if err == nil && cgroupfs.Outside(own) {
		return "", fmt.Errorf("own cgroup %s: outside of the cgroup namespace, so no path leads there", own)
	}
	return own, err
}
