package runtime

import (
	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
	"golang.org/x/sys/unix"
)

// Plan is what a container will be: plain data, made by pure code out of a configuration and what was found out about the
// caller. Paths on the host are absolute, those in the container absolute and clean.
type Plan struct {
	ID         string
	Bundle     string
	User       userns.Choice // the user namespace
	New        uint64        // CLONE_NEW* of the other namespaces that are made
	Join       []Join        // those that exist already, in the order of joining
	Clocks     []byte        // what goes to /proc/self/timens_offsets
	Hostname   string        // "" leaves it
	Domain     string
	Keyring    string // the name of a session keyring of its own; "" keeps the caller's
	Root       Root
	Mounts     []Mount
	Devices    []Device
	Links      []Link // in /dev
	MountLabel string // of new file systems, by SELinux
	Sysctls    []Sysctl
	NetDevices []NetDevice
	Masked     []string
	Cgroup     *Cgroup // one of its own; nil stays in the caller's
	Readonly   []string
	Process    ProcessPlan
	Hooks      Hooks
	Init       bool // a minimal pid 1 runs above the process
	Policies   degrade.Policies
	Notify     *NotifyPlan // nil: there is no service manager
	GivenUp    []Problem   // what the configuration asked for and does not get
}

// Join is a namespace that the container enters.
type Join struct {
	Flag uint64 // CLONE_NEW*
	Path string
}

// Root is the container's root file system.
type Root struct {
	Path        string // a directory of the host
	Readonly    bool
	Propagation uint64 // MS_*, set on the root at the end; 0 leaves it
	Make        bool   // the directory is to be made: it is the container's own
	Change      RootChange
	Outside     []HostMount // for MoveRoot: what is to go, in this order
}

// HostMount is a mount of the host.
type HostMount struct {
	Path    string
	Reveals bool // it is a whole proc or sysfs
}

// RootChange is how the root becomes the container's.
type RootChange uint8

// The ways.
const (
	PivotRoot RootChange = iota
	MoveRoot             // --no-pivot: it covers the host's root, for systems that run from an initramfs
	Chroot               // there is no mount namespace, so nothing is mounted
)

// Mount is one mount. There are four kinds: a bind (Bind), a change of what is mounted already (Options.Remount), a symbolic link
// (Type "symlink", ours), and a new file system.
type Mount struct {
	Index       int // in the configuration
	Type        string
	Source      string
	Destination string
	Options     spec.MountOptions
	Bind        bool
	Scratch     bool // an overlay whose upper directory is on a tmpfs of the container's own ("upper=tmpfs", ours)
	// Else is what is bound, read-only, if the kernel refuses the file system here; "" fails.
	Else string
	// ElseEmpty: where the file system is refused, and Else is not there, the directory stays as it is.
	ElseEmpty bool
	// LikeBelow: the root of a tmpfs takes the mode of the directory that it covers.
	LikeBelow bool
	IDs       *MountIDs // nil: files have the owners that the file system says
}

// MountIDs is the id map of a mount.
type MountIDs struct {
	Mapping   idmap.Mapping // from the ids of the file system to the caller's, or the container's, if Inner
	Own       bool          // it is that of the container's user namespace
	Inner     bool          // it is made in the container's user namespace, by who is root there alone
	Recursive bool          // of what is mounted below, too
}

// Device is a device node: made where that is allowed, and else bound from the host's Path.
type Device struct {
	Path         string
	Type         uint32 // S_IFCHR, S_IFBLK or S_IFIFO
	Major, Minor uint32
	Mode         uint32
	UID, GID     uint32
	Make         bool   // try mknod first
	Exact        bool   // owner or mode were asked for
	Source       string // where the host has it, to be bound; "" is Path
}

// Link is a symbolic link in /dev.
type Link struct{ Name, Target string }

// ProcessPlan is what is executed, and as what.
type ProcessPlan struct {
	Args         []string
	Env          []string
	OwnPid       []string // variables that hold the process's own pid
	Cwd          string
	Paths        []string // where the executable may be, in this order
	Terminal     bool
	Rows, Cols   uint16 // of the terminal; 0 leaves them
	UID, GID     uint32
	Groups       []uint32
	SetGroups    bool // setgroups(2) is possible; otherwise the caller's groups stay
	LookupHome   bool // HOME is not set: take it from the container's passwd
	Umask        uint32
	Capabilities Capabilities
	Rlimits      []Rlimit
	NoNewPrivs   bool
	Filter       *seccomp.Filter // of system calls; nil is none
	OOMScoreAdj  *int
	AppArmor     string // the profile, "" is none
	SELinux      string // the label
	KeepGroups   bool   // the caller's groups stay, whatever they are
	Scheduling   Scheduling
	Outside      bool // oom_score_adj, limits, scheduler and I/O priority take privilege that only the parent has
}

// Capabilities are five sets, a bit for each capability's number.
type Capabilities struct{ Bounding, Effective, Permitted, Inheritable, Ambient uint64 }

// Rlimit is a limit by its number, getrlimit(2).
type Rlimit struct {
	Name       string // such as RLIMIT_NOFILE
	Resource   int
	Soft, Hard uint64
}

// has reports whether the container has a namespace of this kind that is not the caller's.
func (p *Plan) has(flag uint64) bool {
	if p.New&flag != 0 || flag == unix.CLONE_NEWUSER && p.User.Kind != userns.None {
		return true
	}
	for _, j := range p.Join {
		if j.Flag == flag {
			return true
		}
	}
	return false
}
