package delegate

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/cgroupfs"
	"github.com/roost-run/roost/internal/sys"
)

// supervisor is where Split puts the processes that were there before, by the name that systemd's documentation proposes.
const supervisor = "supervisor"

// place is where a process is in the tree, and which of systemd's units that is.
type place struct {
	mount string // /sys/fs/cgroup
	own   string // below the mount
	unit  string // the cgroup of the innermost unit that the path names, "" outside of systemd
}

// look finds the caller's place.
func look() (place, error) {
	mount, err := cgroupfs.Mount()
	if err != nil {
		return place{}, err
	}
	own, err := cgroupfs.Of(0)
	if err != nil {
		return place{}, err
	}
	return place{mount, own, innermost(own)}, nil
}

// innermost is the path up to its last name that is a unit's.
func innermost(own string) string {
	for p := own; len(p) > 1; p = path.Dir(p) {
		if isUnit(path.Base(p)) {
			return p
		}
	}
	return ""
}

func isUnit(name string) bool {
	switch path.Ext(name) {
	case ".service", ".scope", ".slice", ".socket", ".mount", ".swap":
		return len(name) > len(path.Ext(name))
	}
	return false
}

func (p place) dir(cgroup string) string { return strings.TrimSuffix(p.mount+cgroup, "/") }

// service reports whether the caller is part of a service, whose limits are to hold for whatever it starts.
func (p place) service() bool { return strings.HasSuffix(p.unit, ".service") }

// ofUser reports whether the unit is one of a user's own manager.
func (p place) ofUser() bool {
	return strings.Contains(path.Dir(p.unit)+"/", ".service/") && strings.Contains(p.unit, "/user@")
}

// unitName is that of the unit. Names that could be taken for files of a cgroup have an underscore in front there.
func (p place) unitName() string { return strings.TrimPrefix(path.Base(p.unit), "_") }

// delegated is the cgroup below which the caller may make others, since it was given to it; or why there is none. The function is
// asked whether a unit that has no mark was given away.
func (p place) delegated(asks func() bool) (string, *NotDelegatedError) {
	base := p.own
	if path.Base(base) == supervisor {
		base = path.Dir(base)
	}
	refuse := func(text, remedy string) (string, *NotDelegatedError) {
		return "", &NotDelegatedError{Path: p.dir(p.own), Text: text, Remedy: remedy}
	}
	switch {
	case cgroupfs.Outside(p.own):
		return refuse("outside of the cgroup namespace, so it cannot be reached", "start roost in the cgroup namespace that it is to work in")
	case p.unit != "" && !marked(p.dir(p.unit)) && !asks():
		remedy := remedyService
		if !p.service() {
			remedy = `start roost in a unit with "Delegate=yes", such as "systemd-run --user --scope -p Delegate=yes"`
		}
		return refuse(p.unitName()+" has no Delegate=yes, so the cgroup is systemd's", remedy)
	}
	// Before the processes are looked at: outside of systemd a cgroup may have every one of the machine's.
	if file := unwritable(p.dir(base), "", "cgroup.procs", "cgroup.subtree_control"); file != nil {
		return refuse(file.Error(), "start roost in a cgroup that it may write")
	}
	if !holds(p.dir(p.own)) {
		// A mount of another part of the tree than what /proc tells of: a bind mount, or one from another cgroup namespace.
		return refuse("this process is not in it: another part of the tree is mounted there", "mount the cgroup of this container on "+p.mount)
	}
	return base, nil
}

// remembered is our own mark, on the cgroups of units that have been asked about.
const remembered = "user.roost.delegate"

// marked reports whether a unit's cgroup is marked as given away. The system's manager marks its units (trusted.* is older, and only
// root may read it); a user's manager does not.
func marked(dir string) bool {
	b := make([]byte, 8)
	for _, name := range []string{"user.delegate", remembered, "trusted.delegate"} {
		if n, err := unix.Getxattr(dir, name, b); err == nil {
			return string(b[:n]) == "1"
		}
	}
	return false
}

// holds reports whether this process is in a cgroup.
func holds(dir string) bool {
	b, err := sys.ReadProc(dir + "/cgroup.procs")
	return err == nil && slices.Contains(strings.Fields(string(b)), strconv.Itoa(os.Getpid()))
}

// unwritable is an error about the first of the files that this process may not write, or nil. "" is the directory.
func unwritable(dir string, files ...string) error {
	for _, f := range files {
		name := path.Join(dir, f)
		if err := unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK, unix.AT_EACCESS); err != nil {
			return &os.PathError{Op: "write", Path: name, Err: err}
		}
	}
	return nil
}

// controllers reads a list such as cgroup.controllers.
func controllers(dir, file string) []string {
	b, _ := sys.ReadProc(path.Join(dir, file))
	return strings.Fields(string(b))
}

// without is what of a is not in b.
func without(a, b []string) (rest []string) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			rest = append(rest, s)
		}
	}
	return rest
}
