package byhand

import (
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// request is a mount that a flag asks for, parsed but not yet looked at on the host.
type request struct {
	flag    string // as typed, for messages
	kind    string // bind, tmpfs or overlay
	src     string // absolute and clean; "" for tmpfs
	dst     string // absolute and clean
	options []string
}

func (r request) mount() specs.Mount {
	switch r.kind {
	case "tmpfs":
		return specs.Mount{Destination: r.dst, Type: "tmpfs", Source: "tmpfs", Options: r.options}
	case "overlay":
		return overlay(r.src, r.dst, r.options...)
	}
	return specs.Mount{Destination: r.dst, Type: "bind", Source: r.src, Options: r.options}
}

// parseMounts reads -v, --mount and --tmpfs. Relative sources are relative to cwd.
func parseMounts(o Options, cwd string, ps *problems) []request {
	var out []request
	for _, list := range []struct {
		flag   string
		values []string
		parse  func(value, cwd string) (request, string)
	}{
		{"-v", o.Volumes, parseVolume},
		{"--mount", o.Mounts, parseMount},
		{"--tmpfs", o.Tmpfs, parseTmpfs},
	} {
		for _, v := range list.values {
			flag := list.flag + " " + v
			r, bad := list.parse(v, cwd)
			if bad == "" {
				bad = badDestination(r.dst)
			}
			if bad != "" {
				ps.add(flag, "%s", bad)
				continue
			}
			r.flag, r.dst = flag, path.Clean(r.dst)
			out = append(out, r)
		}
	}
	return out
}

// parseVolume reads SRC:DST[:OPTIONS] or SRC. The second result says what is wrong.
func parseVolume(v, cwd string) (request, string) {
	parts := strings.Split(v, ":")
	if len(parts) > 3 {
		return request{}, "more than three parts; for a path with a colon use --mount type=bind,src=...,dst=..."
	}
	src, bad := hostPath(parts[0], cwd)
	if bad != "" {
		return request{}, bad
	}
	r := request{kind: "bind", src: src, dst: src}
	if len(parts) > 1 {
		r.dst = parts[1]
	}
	var words []string
	if len(parts) > 2 {
		words = strings.Split(parts[2], ",")
	}
	r.kind, r.options, bad = bindOptions(words)
	return r, bad
}

// hostPath makes a source absolute. A bare name would be a named volume anywhere else: making it a directory
// here would surprise twice, so it is refused ("." and ".." are no names).
func hostPath(src, cwd string) (string, string) {
	switch {
	case src == "":
		return "", "the source is empty; write SRC:DST, or SRC for the same path inside"
	case strings.ContainsRune(src, 0):
		return "", "the source has a NUL byte in it"
	case strings.HasPrefix(src, "/"):
		return path.Clean(src), ""
	case src != "." && src != ".." && !strings.Contains(src, "/"):
		return "", "there are no named volumes; for the directory write ./" + src
	case cwd == "":
		return "", "the working directory is gone, so a relative source has no meaning; give an absolute path"
	}
	return path.Join(cwd, src), ""
}

// badDestination is a sentence, or "".
func badDestination(dst string) string {
	switch {
	case dst == "":
		return "the destination is missing"
	case strings.ContainsRune(dst, 0):
		return "the destination has a NUL byte in it"
	case !strings.HasPrefix(dst, "/"):
		return "the destination " + dst + " is not absolute; it is a path in the container, such as /" + path.Clean(dst)
	case path.Clean(dst) == "/":
		return "the destination is the root itself; use --rootfs for that"
	}
	return ""
}

// bindOptions translates podman's words for a bind mount. The defaults are podman's for an ordinary user: recursive,
// private, no devices, no set-user-id. ro is recursive too: "read-only" with a writable file system in it is a trap.
func bindOptions(words []string) (kind string, options []string, bad string) {
	kind = "bind"
	bind, propagation, dev, suid := "rbind", "rprivate", "nodev", "nosuid"
	var rest []string
	for _, w := range words {
		switch w {
		case "", "rw", "z", "Z": // the labels are looked at in checkSources: only the host knows whether they mean something
			if w == "z" || w == "Z" {
				rest = append(rest, w)
			}
		case "ro", "readonly":
			rest = append(rest, "rro")
		case "rro", "noexec", "exec":
			rest = append(rest, w)
		case "nodev", "dev":
			dev = w
		case "nosuid", "suid":
			suid = w
		case "bind", "rbind":
			bind = w
		case "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable":
			propagation = w
		case "O":
			kind = "overlay"
		case "U":
			return kind, nil, "option U would change the owner of your files on the host; use roost unshare -- chown"
		default:
			return kind, nil, "option " + w + " is unknown or not supported; there are ro, rw, O, [r]bind, [no]exec, [no]suid, [no]dev and the propagations"
		}
	}
	if kind == "overlay" {
		if len(words) > 1 {
			return kind, nil, "option O (a throw-away copy) goes with no other"
		}
		return kind, nil, ""
	}
	return kind, append([]string{bind, propagation, suid, dev}, rest...), ""
}

// checkSources compares the requests with the host.
func checkSources(requests []request, o Options, f Facts, ps *problems) {
	for i, r := range requests {
		if r.kind == "tmpfs" {
			continue
		}
		kind := f.Sources[r.src]
		switch {
		case kind == Missing:
			ps.add(r.flag, "%s is not there, or you may not look at it; make it first, nothing is created on the host", r.src)
		case r.kind == "overlay" && kind != Directory:
			ps.add(r.flag, "%s is not a directory, and option O is for directories", r.src)
		case r.kind == "overlay" && isLocked(o, f) && hasMountBelow(f.Mounts, r.src):
			ps.add(r.flag, "%s has a mount below it, which the kernel does not let a user copy; use ro instead of O", r.src)
		}
		requests[i].options = dropLabels(r, f, ps)
	}
}

// dropLabels takes z and Z out where SELinux is off: there is nothing to relabel, as podman has it.
func dropLabels(r request, f Facts, ps *problems) []string {
	var out []string
	for _, w := range r.options {
		if w != "z" && w != "Z" {
			out = append(out, w)
			continue
		}
		if f.SELinux {
			ps.add(r.flag, "option %s: relabelling is not supported; label it with chcon -R -t container_file_t %s", w, r.src)
		}
	}
	return out
}

// checkDuplicates: of two mounts on one place the first would silently be hidden.
func checkDuplicates(requests []request, ps *problems) {
	seen := map[string]string{}
	for _, r := range requests {
		if first, ok := seen[r.dst]; ok {
			ps.add(r.flag, "%s already has a mount, by %s; drop one of them", r.dst, first)
			continue
		}
		seen[r.dst] = r.flag
	}
}
