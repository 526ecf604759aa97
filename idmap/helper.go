package idmap

import (
	"encoding/binary"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// Helpers is where newuidmap and newgidmap are. The zero value is this machine.
type Helpers struct {
	// Dirs has the two programs; nil stands for PATH and the usual
	// directories (callers such as conmon pass no PATH at all).
	Dirs []string
	// Sources explains a refusal.
	Sources Sources
}

// helper is one of the two programs, and the capability that it lives by.
type helper struct {
	name string
	cap  uint
	kind string // uid or gid
}

func newuidmap() helper { return helper{"newuidmap", unix.CAP_SETUID, "uid"} }
func newgidmap() helper { return helper{"newgidmap", unix.CAP_SETGID, "gid"} }

const orSingle = "or run with --idmap=single, which needs no helper"

// Check says why the helpers cannot work for this process, before anything was
// made; nil is no promise, since only they know what they grant. It costs
// a few stat(2).
func (h Helpers) Check() error {
	for _, w := range [...]helper{newuidmap(), newgidmap()} {
		if _, err := h.find(w); err != nil {
			return err
		}
	}
	return nil
}

// find takes the first that can work, so that a copy without its setuid bit
// (NixOS has one in PATH) does not hide the one with it; else the first's error.
func (h Helpers) find(w helper) (string, error) {
	var first error
	for _, dir := range searched(h.Dirs) {
		path := dir + "/" + w.name
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		err := w.usable(path, &st)
		if err == nil {
			return path, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = fault.New(fault.IDMap, "%s: not found in %s", w.name, strings.Join(searched(h.Dirs), ", ")).
			Remedy("install it (Debian: uidmap, Fedora: shadow-utils, Alpine: shadow-uidmap), %s", orSingle)
	}
	return "", first
}

// usable tells the reasons apart for which execve(2) gives such a program no
// privilege. The order is from the program outwards: what is wrong with the
// file has to be repaired in any case.
func (w helper) usable(path string, st *unix.Stat_t) error {
	if err := unix.Access(path, unix.X_OK); err != nil {
		return fault.New(fault.IDMap, "%s: not executable: %w", path, err).Remedy("ask an administrator to reinstall it, %s", orSingle)
	}
	setuid := st.Mode&unix.S_ISUID != 0
	if !(setuid && st.Uid == 0) && !w.fileCapability(path) {
		if !setuid {
			return fault.New(fault.IDMap, "%s: neither setuid root nor with the file capability cap_set%s (images and copies lose both)", path, w.kind).
				Remedy("ask an administrator for \"chmod u+s %s\", %s", path, orSingle)
		}
		return fault.New(fault.IDMap, "%s: setuid, but owned by uid %d: root of the machine has no id in this user namespace, so the bit means nothing", path, st.Uid).
			Remedy("run outside of it, map root in it, %s", orSingle)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err == nil && fs.Flags&unix.ST_NOSUID != 0 {
		return fault.New(fault.IDMap, "%s: on a file system that is mounted nosuid, where setuid and file capabilities mean nothing", path).
			Remedy("ask an administrator to remount it with suid, %s", orSingle)
	}
	return w.allowed()
}

// allowed is what of this process, rather than of the file, stops the helper.
func (w helper) allowed() error {
	if on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil && on == 1 {
		return fault.New(fault.IDMap, "%s: no_new_privs is set for this process, so that it would gain no privilege", w.name).
			Remedy("lift NoNewPrivileges= of the service or allowPrivilegeEscalation: false of the pod, %s", orSingle)
	}
	if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(w.cap), 0, 0, 0); err == nil && has == 0 {
		return fault.New(fault.IDMap, "%s: CAP_SET%s is not in the bounding set of this process (an outer container dropped it), so that it would not gain it", w.name, strings.ToUpper(w.kind)).
			Remedy("add the capability to the outer container, %s", orSingle)
	}
	return nil
}

// fileCapability reads security.capability (struct vfs_cap_data in
// linux/capability.h): magic, then permitted and inheritable of the low word.
func (w helper) fileCapability(path string) bool {
	var data [24]byte
	n, err := unix.Getxattr(path, "security.capability", data[:])
	if err != nil || n < 8 {
		return false
	}
	return binary.LittleEndian.Uint32(data[4:])&(1<<w.cap) != 0
}

// program finds one that needs no privilege.
func program(dirs []string, name string) (string, bool) {
	for _, dir := range searched(dirs) {
		path := dir + "/" + name
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Access(path, unix.X_OK) == nil {
			return path, true
		}
	}
	return "", false
}

// searched is dirs, or else PATH's absolute directories and the usual ones, each once.
func searched(dirs []string) []string {
	if dirs != nil {
		return dirs
	}
	usual := [...]string{"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin", "/usr/local/sbin", "/run/wrappers/bin"}
	var all []string
	add := func(dir string) {
		for _, have := range all {
			if have == dir {
				return
			}
		}
		if strings.HasPrefix(dir, "/") {
			all = append(all, dir)
		}
	}
	for dir := range strings.SplitSeq(os.Getenv("PATH"), ":") {
		add(strings.TrimRight(dir, "/"))
	}
	for _, dir := range usual {
		add(dir)
	}
	return all
}
