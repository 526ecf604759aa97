package cgroupv2

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Setting is one write to one file of a cgroup.
type Setting struct {
	File       string // "memory.max"
	Value      string // "1048576"; one line, and empty only where the configuration's unified says so
	Controller string // "memory"; empty for the files of every cgroup, as cgroup.max.depth
	Path       string // what asks for it: "linux.resources.memory.limit"

	// Optional: a kernel without the file does as asked for anyway, as one without swap where there is to be none.
	Optional bool
	// NotBelowUsage is checkBeforeUpdate: refused, before anything is written, when memory.current is more than that.
	NotBelowUsage bool
	// Or is what is written instead where File is missing.
	Or *Setting
}

// Settings are written in their order.
type Settings []Setting

// Controllers are the controllers that the settings need, each once, in the order of their first use.
func (s Settings) Controllers() []string {
	var list []string
	for i := range s {
		if c := s[i].Controller; c != "" && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// Problem is a member of linux.resources that cannot become a setting.
type Problem struct {
	Path, Text string
	V1         bool // it is of cgroup v1 alone, and asks for something
}

// ErrBelowUsage is a limit of memory that is refused since more is in use (checkBeforeUpdate).
var ErrBelowUsage = errors.New("more is in use")

// SettingError is a setting that the kernel did not take.
type SettingError struct {
	Setting
	Dir     string // the cgroup
	Err     error  // an errno, or ErrBelowUsage
	Missing *Missing
}

func (e *SettingError) Error() string {
	s := fmt.Sprintf("%s: write %q to %s/%s: %v", e.Path, e.Value, e.Dir, e.File, e.Err)
	switch {
	case e.Missing != nil:
		return s + ": " + e.Missing.Text()
	case errors.Is(e.Err, os.ErrPermission):
		return s + "; this cgroup is another user's: have it delegated (chown, or Delegate=yes of a systemd unit), or leave this out"
	case errors.Is(e.Err, unix.EROFS):
		return s + "; mount cgroup v2 read-write, or leave this out"
	case errors.Is(e.Err, unix.ENODEV) && e.Controller == "io":
		return s + "; name a whole block device of this machine (lsblk -d)"
	case errors.Is(e.Err, unix.EINVAL), errors.Is(e.Err, unix.ERANGE):
		return s + "; choose a value that the kernel takes, see Documentation/admin-guide/cgroup-v2.rst"
	case errors.Is(e.Err, unix.ENOSPC) && e.Controller == "cpuset":
		return s + "; choose some that the cgroups above may use (cpuset.cpus.effective, cpuset.mems.effective)"
	}
	return s
}

func (e *SettingError) Unwrap() error { return e.Err }

// Unlimited is a limit that is "max".
const Unlimited = math.MaxUint64
