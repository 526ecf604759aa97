package byhand

// Facts is what [Build] needs to know of the host. [Gather] fills it; tests write it by hand.
type Facts struct {
	UID, GID uint32   // effective ids, as seen in the caller's own user namespace
	Environ  []string // the caller's environment
	Cwd      string   // working directory as the kernel names it: no links in it; "" if it is gone

	// Unlocked says that the container's copies of the host's mounts can be taken apart: the caller is root of the
	// initial user namespace. Anywhere else some mount may be locked (mount_namespaces(7)), which mountinfo does not
	// show, and overlayfs then refuses a lower directory with a mount below it.
	Unlocked bool

	Home    string // what $HOME names, or else the passwd entry; "" if neither does
	Private []Dir  // directories of the caller that must not be seen: homes and XDG directories, links resolved

	Top      []Top               // system directories of the host that exist, in a fixed order
	Masks    []string            // those of maskCandidates that exist as directories
	Children map[string][]string // for every shown directory with a mount below it: its readable sub-directories, sorted
	Mounts   []MountPoint        // the caller's mount namespace

	Sources    map[string]Source    // host paths that the flags name
	EnvFiles   map[string][]string  // the lines that count of each --env-file: KEY=VALUE or KEY
	Containers map[string]Container // by id, for container:ID
	User       *User                // who -u is; nil without -u

	Rootfs     string // absolute path for --rootfs
	ResolvConf string // where /etc/resolv.conf really lies; "" if there is none
	SELinux    bool   // the kernel enforces labels, so that :z and :Z would have to do something

	Problems []Problem // what Gather found wrong; Build adds its own
}

// Dir is a directory of the host and whether the caller owns it.
type Dir struct {
	Path  string
	Owned bool
}

// Top is an entry of the host's "/": a directory, or a link (Link is its target, as written).
type Top struct{ Path, Link string }

// MountPoint is what counts of a line of /proc/self/mountinfo, proc(5).
type MountPoint struct {
	Path string // where it is mounted
	Dev  string // major:minor
	Root string // which directory of the file system is mounted
	Type string
}

// Source is what a host path is.
type Source uint8

// What a host path is. Missing is also what may not be looked at.
const (
	Missing Source = iota
	Directory
	File // anything that is not a directory
)

// Container is a running container, for joining its namespaces.
type Container struct {
	Pid     int
	OwnUser bool // it has a user namespace other than the caller's
}

// User is a resolved -u.
type User struct {
	UID, GID uint32
	Groups   []uint32 // additional groups, from the container's /etc/group
}
