package byhand

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// chooseHome decides what $HOME is inside: the same path as outside, so that what is mounted below
// it keeps its name, unless that would cover the system (a service account whose home is /usr/sbin, an account
// without any). For a root file system of its own only --home asks for one; otherwise "", and the container's
// passwd file decides.
func chooseHome(o Options, f Facts, ps *problems) string {
	home := path.Clean("/" + f.Home)
	usable := strings.HasPrefix(f.Home, "/") && home != "/" && !isSystem(f, home)
	if o.Home && !usable {
		ps.add("--home", "the home directory %q is not one that can be shown; set HOME, or use -v", f.Home)
	}
	switch {
	case usable && (o.Home || o.Rootfs == ""):
		return home
	case o.Home || o.Rootfs != "":
		return ""
	}
	return "/root"
}

// homeRequest is what --home means, in the words of -v.
func homeRequest(home string) request {
	_, options, _ := bindOptions(nil)
	return request{flag: "--home", kind: "bind", src: home, dst: home, options: options}
}

// isSystem says whether a home is really the system's: mounting an empty directory there would take away what
// commands need. Below a shown directory that is so unless the caller owns it.
func isSystem(f Facts, home string) bool {
	for _, own := range []string{"/proc", "/dev", "/sys"} {
		if within(home, own) {
			return true
		}
	}
	for _, t := range f.Top {
		if within(t.Path, home) {
			return true
		}
		if within(home, t.Path) {
			return !slices.ContainsFunc(f.Private, func(d Dir) bool { return d.Path == home && d.Owned })
		}
	}
	return home == "/nonexistent"
}

// coverPrivate lists empty directories over everything of the caller's that a shown directory has in it: homes in
// odd places (/opt/alice, /var/home/alice) and XDG directories. The home itself is left to homes, which knows whom to
// give it to, and masks are empty already.
func coverPrivate(f Facts, home string) []specs.Mount {
	var covered []string
	for _, d := range f.Private {
		if d.Owned && d.Path != home && isShown(f, d.Path) && !isMasked(f, d.Path) {
			covered = append(covered, d.Path)
		}
	}
	slices.Sort(covered)
	var out []specs.Mount
	for _, p := range covered {
		if !slices.ContainsFunc(covered, func(c string) bool { return below(p, c) }) {
			out = append(out, tmpfs(p, "0700"))
		}
	}
	return out
}

// isShown says whether the copy of the host has p, before masks. A top directory itself is the system's.
func isShown(f Facts, p string) bool {
	return slices.ContainsFunc(f.Top, func(t Top) bool { return t.Link == "" && below(p, t.Path) })
}

func isMasked(f Facts, p string) bool {
	return slices.ContainsFunc(f.Masks, func(m string) bool { return within(p, m) })
}

// isPrivate says whether a whole top directory is the caller's own (a home that is /opt): then it is not shown at all,
// whatever else may lie in it.
func isPrivate(f Facts, top string) bool {
	return slices.ContainsFunc(f.Private, func(d Dir) bool { return d.Owned && d.Path == top })
}
