package check

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/delegate"
)

// cgroupFacts is the cgroup that we are in, and those around it.
type cgroupFacts struct {
	caller    callerFacts
	mount     string // of version 2
	mountErr  error
	v1        []string // where hierarchies of version 1 are mounted
	own       string   // below the mount
	ownErr    error
	chain     []level // from the mount down to our own
	delegate  setting // the extended attribute user.delegate, or trusted.delegate
	below     error   // why no cgroup can be had below our own; nil if one can
	scope     error   // and why none of systemd's
	buses     []delegate.Tried
	manager   []level // from the mount down to the user manager's, if there is one
	systemd   bool    // it runs this machine
	cgroups   setting // /proc/cgroups: which controllers the kernel has, and where version 1 has them
	features  bool    // the mount's root is not the machine's: we are in a container
	killable  setting // cgroup.kill
	lingering setting
}

// level is a cgroup on the way down from the mount.
type level struct {
	path        string // absolute
	controllers setting
	enabled     setting // cgroup.subtree_control: what those below get
}

func (l level) has(controller string) bool {
	return slices.Contains(strings.Fields(l.controllers.value), controller)
}

func (l level) passesOn(controller string) bool {
	return slices.Contains(strings.Fields(l.enabled.value), controller)
}

func (h host) cgroupFacts(ctx context.Context, c callerFacts) cgroupFacts {
	f := cgroupFacts{caller: c, cgroups: h.word("/proc/cgroups"), systemd: h.exists("/run/systemd/system")}
	text, _ := h.file("/proc/self/mountinfo")
	f.v1 = mountedOf(text, "cgroup")
	f.mount, f.mountErr = cgroupv2.Mount()
	f.own, f.ownErr = cgroupv2.Own()
	f.lingering = h.word("/var/lib/systemd/linger/" + orElse(c.account.Name, "nobody"))
	if f.mountErr != nil || f.ownErr != nil {
		return f
	}
	f.chain = h.levels(f.mount, f.own)
	f.features = h.exists(f.mount + "/cgroup.events")
	dir := path.Join(f.mount, f.own)
	f.delegate = delegation(dir)
	f.below, f.scope = acquire(ctx, delegate.Inherit), acquire(ctx, delegate.Scope)
	f.buses = delegate.Buses(ctx, h.env)
	user := fmt.Sprintf("/user.slice/user-%d.slice/user@%d.service", c.caller.EUID, c.caller.EUID)
	if h.exists(f.mount + user) {
		f.manager = h.levels(f.mount, user)
	}
	f.killable = setting{path: dir + "/cgroup.kill", value: "", err: os.ErrNotExist}
	if at := h.killable(dir, f.mount); at != "" {
		f.killable = setting{path: at, value: "is there"}
	}
	return f
}

// killable is a cgroup.kill in our cgroup or in one below the mount: the root has none.
func (h host) killable(own, mount string) string {
	dirs := []string{own}
	entries, _ := os.ReadDir(h.root + mount)
	for _, e := range entries {
		if e.IsDir() {
			dirs = append(dirs, mount+"/"+e.Name())
		}
	}
	for _, dir := range dirs {
		if h.exists(dir + "/cgroup.kill") {
			return dir + "/cgroup.kill"
		}
	}
	return ""
}

func (h host) levels(mount, cgroup string) (list []level) {
	for at := path.Join(mount, cgroup); ; at = path.Dir(at) {
		list = append(list, level{at, h.word(at + "/cgroup.controllers"), h.word(at + "/cgroup.subtree_control")})
		if at == mount || at == "/" {
			slices.Reverse(list)
			return list
		}
	}
}

// mountedOf are the mount points of a file system type, proc(5).
func mountedOf(mountinfo, kind string) (points []string) {
	for line := range strings.Lines(mountinfo) {
		left, right, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(left); len(fields) > 4 && strings.HasPrefix(right, kind+" ") {
			points = append(points, fields[4])
		}
	}
	return points
}

// delegation is the mark that systemd leaves on a cgroup that it gave away: a user may read user.delegate, root's is trusted.delegate.
func delegation(dir string) setting {
	for _, name := range [...]string{"user.delegate", "trusted.delegate"} {
		var value [8]byte
		if n, err := unix.Getxattr(dir, name, value[:]); err == nil {
			return setting{path: name + " of " + dir, value: string(value[:n])}
		}
	}
	return setting{path: "user.delegate of " + dir, err: os.ErrNotExist}
}

// acquire tries one of the ways to a cgroup, as far as that goes without making anything.
func acquire(ctx context.Context, mode string) error {
	g, err := delegate.Acquire(ctx, delegate.Request{ID: "check", Mode: mode})
	if err == nil {
		g.Close()
	}
	return err
}
