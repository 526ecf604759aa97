package byhand

import (
	"path"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// topCandidates are the entries of "/" that belong to the system on some distribution. What is not here is
// not shown: /home, /root, /run, /tmp, /srv, /mnt, /media, /data, whatever a site has made.
func topCandidates() []string {
	return []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/var", "/nix", "/gnu"}
}

// linkCandidates are shown only where they are links (image-based systems have /home -> var/home): the name is kept, what
// is behind it is masked or absent.
func linkCandidates() []string { return []string{"/home", "/root"} }

// maskCandidates lie below those and hold what belongs to people or to running services: mail, print and cron
// jobs, logs, core dumps, the homes of image-based systems, sockets that are as good as root. Each
// becomes an empty, writable directory; the second part is its mode.
func maskCandidates() [][2]string {
	return [][2]string{
		{"/var/tmp", "1777"}, {"/var/lock", "1777"}, {"/var/crash", "1777"},
		{"/var/run", "0755"}, {"/var/log", "0755"}, {"/var/mail", "0755"}, {"/var/spool", "0755"},
		{"/var/home", "0755"}, {"/var/roothome", "0700"}, {"/var/lib/systemd/coredump", "0755"},
		{"/var/lib/docker", "0700"}, {"/var/lib/lxd", "0755"}, {"/var/lib/incus", "0755"}, {"/var/snap", "0755"},
		{"/usr/tmp", "1777"},
	}
}

// Limits on how far a directory that cannot be copied whole is copied in parts: each part is a mount.
const (
	maxParts = 24 // sub-directories of one directory; /etc has hundreds, none of which anybody writes to
	maxDepth = 3
)

// overlay is roost's form of it: upper=tmpfs has the runtime make the upper and the work directory
// on a tmpfs of the container's own. In lowerdir= a colon separates and a backslash escapes (overlayfs(5)).
func overlay(lower, dst string, options ...string) specs.Mount {
	escaped := strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(lower)
	return specs.Mount{Destination: dst, Type: "overlay", Source: "overlay",
		Options: append([]string{"lowerdir=" + escaped, "upper=tmpfs"}, options...)}
}

// symlink is an extension too: the runtime makes the link Destination with the target Source.
func symlink(dst, target string) specs.Mount {
	return specs.Mount{Destination: dst, Type: "symlink", Source: target}
}

// tmpfs is an empty directory, owned by the container's root unless owner says otherwise.
func tmpfs(dst, mode string, options ...string) specs.Mount {
	return specs.Mount{Destination: dst, Type: "tmpfs", Source: "tmpfs",
		Options: append([]string{"nosuid", "nodev", "mode=" + mode}, options...)}
}

// readOnly shows src as it is, mounts below it included, where it cannot be changed.
func readOnly(src, dst string) specs.Mount {
	return specs.Mount{Destination: dst, Type: "bind", Source: src, Options: []string{"rbind", "rprivate", "rro", "rnosuid", "rnodev"}}
}

// copyOfHost puts the whole list together. own has /proc, /dev and /sys. The order is the point: the root first, then
// what is shown, then what covers parts of it.
func copyOfHost(o Options, f Facts, own []specs.Mount, home string) []specs.Mount {
	out := []specs.Mount{tmpfs("/", "0755")}
	v := view{facts: f, locked: isLocked(o, f)}
	if o.ReadOnly {
		// Each overlay is a mount of its own, which a read-only root does not reach.
		v.options = []string{"ro"}
	}
	for _, t := range f.Top {
		switch {
		case t.Link != "":
			v.out = append(v.out, symlink(t.Path, t.Link))
		case !isPrivate(f, t.Path):
			v.show(t.Path)
		}
	}
	out = append(out, v.out...)
	out = append(out, own...)
	out = append(out, tmpfs("/run", "0755"), tmpfs("/tmp", "1777"))
	for _, m := range maskCandidates() {
		if slices.Contains(f.Masks, m[0]) {
			out = append(out, tmpfs(m[0], m[1]))
		}
	}
	out = append(out, coverPrivate(f, home)...)
	out = append(out, homes(o, f, home)...)
	if o.Net == "host" && within(f.ResolvConf, "/run") {
		// /etc/resolv.conf is there, but as a link into the /run that is not.
		out = append(out, readOnly(f.ResolvConf, f.ResolvConf))
	}
	return out
}

// homes are the empty homes: root's, and the caller's at its own path.
func homes(o Options, f Facts, home string) []specs.Mount {
	mine := tmpfs(home, "0700", owner(o, f)...)
	switch home {
	case "/root":
		return []specs.Mount{mine}
	case "/tmp", "/run":
		return []specs.Mount{tmpfs("/root", "0700")}
	}
	return []specs.Mount{tmpfs("/root", "0700"), mine}
}

// isLocked: copies of mounts that go into a new user namespace are locked together, mount_namespaces(7).
func isLocked(o Options, f Facts) bool { return !f.Unlocked || asksNewUser(o) }

// owner gives the home to the one that the command runs as.
func owner(o Options, f Facts) []string {
	u := identity(o, f)
	if u.UID == 0 && u.GID == 0 {
		return nil
	}
	return []string{"uid=" + strconv.Itoa(int(u.UID)), "gid=" + strconv.Itoa(int(u.GID))}
}

// view builds up the mounts that show the system's directories.
type view struct {
	facts   Facts
	locked  bool
	options []string // of every overlay
	out     []specs.Mount
}

// show decides for one directory of "/".
//
// A mount below it is what decides. overlayfs shows a lower directory without what is mounted on it; where such a
// mount may be locked, the kernel refuses instead, since what lies beneath was hidden by somebody
// with more privilege (has_locked_children in fs/namespace.c). Then the directory is bound read-only as it is, and
// those of its sub-directories that have no mount below are covered with copies.
func (v *view) show(dir string) {
	switch {
	case !canBeLower(v.facts.Mounts, dir):
		v.out = append(v.out, readOnly(dir, dir))
	case !hasMountBelow(v.facts.Mounts, dir):
		v.out = append(v.out, overlay(dir, dir, v.options...))
	case v.locked:
		v.out = append(v.out, readOnly(dir, dir))
		v.parts(dir, 1)
	default:
		v.out = append(v.out, overlay(dir, dir, v.options...))
		for _, m := range outermostBelow(v.facts.Mounts, dir) {
			v.out = append(v.out, readOnly(m, m))
		}
	}
}

// parts copies sub-directories of a directory that is already shown read-only.
func (v *view) parts(dir string, depth int) {
	children := v.facts.Children[dir]
	if len(children) > maxParts || depth > maxDepth {
		return
	}
	for _, name := range children {
		child := path.Join(dir, name)
		switch {
		case isMasked(v.facts, child):
		case hasMountBelow(v.facts.Mounts, child):
			v.parts(child, depth+1)
		case canBeLower(v.facts.Mounts, child):
			v.out = append(v.out, overlay(child, child, v.options...))
		}
	}
}
