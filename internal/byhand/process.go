package byhand

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaultPath is where programs are looked for; podman's.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// process is who runs what, where.
//
// no_new_privs: in the copy of the host a set-user-id program either belongs to the host's root, who is not in the map and
// so counts for nothing, or root started the container and has no use for one: nothing is lost, and it is set. A root
// file system of its own may well have a working su or sudo (with a map of several ids), so there it is not.
func process(o Options, f Facts, home string, mounts []specs.Mount, requests []request, ps *problems) *specs.Process {
	checkArgs(o.Args, ps)
	user := identity(o, f)
	return &specs.Process{
		Terminal:        o.TTY,
		User:            specs.User{UID: user.UID, GID: user.GID, AdditionalGids: user.Groups},
		Args:            o.Args,
		Env:             environment(o, f, home, ps),
		Cwd:             workdir(o, f, home, mounts, requests, ps),
		Capabilities:    capabilities(o, user.UID, ps),
		NoNewPrivileges: o.Rootfs == "",
	}
}

func checkArgs(args []string, ps *problems) {
	switch {
	case len(args) == 0:
		ps.add("", "there is no command; write it after --, as in: roost run -- /bin/sh")
	case args[0] == "":
		ps.add("", "the command is empty; write it after --, as in: roost run -- /bin/sh")
	}
	for _, a := range args {
		if strings.ContainsRune(a, 0) {
			ps.add("", "argument %q has a NUL byte in it, which no program can be given", a)
		}
	}
}

// identity is who the command runs as: -u, else root of the container, which is the caller; with keep-id the
// caller is itself.
func identity(o Options, f Facts) User {
	switch {
	case o.User != "" && f.User != nil:
		return *f.User
	case o.User == "" && o.RuntimeIDMap() == "keep-id":
		return User{UID: f.UID, GID: f.GID}
	}
	return User{}
}

// workdir is -w, else the caller's own where the container has it, else the home, else "/".
func workdir(o Options, f Facts, home string, mounts []specs.Mount, requests []request, ps *problems) string {
	switch {
	case strings.HasPrefix(o.Workdir, "/") && !strings.ContainsRune(o.Workdir, 0):
		return path.Clean(o.Workdir)
	case o.Workdir != "":
		ps.add("-w "+o.Workdir, "not an absolute path; it is a directory in the container, such as /%s", path.Clean(o.Workdir))
	case f.Cwd != "" && sameInside(o, f.Cwd, mounts, requests):
		return f.Cwd
	case home != "" && o.Rootfs == "":
		return home
	}
	return "/"
}

// sameInside says whether the container has the caller's directory at the same path. The last mount that covers the path
// decides. In a root file system of its own only what the user mounted there counts: another /usr is not this /usr.
func sameInside(o Options, cwd string, mounts []specs.Mount, requests []request) bool {
	for _, m := range slices.Backward(mounts) {
		if !within(cwd, m.Destination) {
			continue
		}
		asked := slices.ContainsFunc(requests, func(r request) bool { return r.dst == m.Destination })
		switch {
		case o.Rootfs != "" && !asked:
			return false
		case m.Type == "bind":
			return m.Source == m.Destination
		case m.Type == "overlay":
			return m.Options[0] == overlay(m.Destination, m.Destination).Options[0]
		}
		return cwd == m.Destination
	}
	return false
}

// hostname is what was asked, else the container's id where that can be one, else the short name.
func hostname(o Options, ps *problems) string {
	if o.UTS != "" && o.UTS != "private" {
		if o.Hostname != "" {
			ps.add("--hostname", "would change the name of what --uts %s shares; drop one of them", o.UTS)
		}
		return ""
	}
	switch {
	case o.Hostname == "" && isHostname(o.Name):
		return o.Name
	case o.Hostname == "":
		return "roost"
	case !isHostname(o.Hostname):
		ps.add("--hostname", "%q is no host name: letters, digits, dots and dashes, at most 64 bytes", o.Hostname)
	}
	return o.Hostname
}

// isHostname: hostname(7); the kernel takes 64 bytes (__NEW_UTS_LEN).
func isHostname(s string) bool {
	return s != "" && len(s) <= 64 && s[0] != '-' && s[0] != '.' &&
		all(s, func(c byte) bool { return isAlnum(c) || c == '.' || c == '-' })
}
