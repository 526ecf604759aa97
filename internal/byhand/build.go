package byhand

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Build makes the configuration. base is what `roost spec` writes: its mounts of /proc, /dev and /sys, its
// masked and read-only paths and its devices are kept; it is not changed. The error is an *[Error].
//
// root.path is "rootfs" for the copy of the host, an empty directory that the runtime makes in the
// container's state directory, and the absolute path of Options.Rootfs otherwise.
func Build(o Options, f Facts, base *specs.Spec) (*specs.Spec, error) {
	ps := problems(slices.Clone(f.Problems))
	s := copyBase(base)
	requests := parseMounts(o, f.Cwd, &ps)
	home := chooseHome(o, f, &ps)
	if o.Home && home != "" {
		requests = append(requests, homeRequest(home))
	}
	checkSources(requests, o, f, &ps)
	checkDuplicates(requests, &ps)

	s.Linux.Namespaces = namespaces(o, f, &ps)
	own := ownMounts(s.Mounts, o, f)
	if o.Rootfs == "" {
		s.Root = &specs.Root{Path: "rootfs", Readonly: o.ReadOnly}
		own = copyOfHost(o, f, own, home)
	} else {
		s.Root = &specs.Root{Path: f.Rootfs, Readonly: o.ReadOnly}
		own = append(own, rootfsExtras(o, f)...)
	}
	s.Mounts = merge(own, requests)
	s.Hostname = hostname(o, &ps)
	s.Process = process(o, f, home, s.Mounts, requests, &ps)
	if err := ps.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// copyBase copies what Build changes. A bundle's limits and mappings have no place here: the runtime
// chooses the map (Options.RuntimeIDMap), and limits of a process are the caller's own.
func copyBase(base *specs.Spec) *specs.Spec {
	s := *base
	linux := specs.Linux{}
	if base.Linux != nil {
		linux = *base.Linux
	}
	linux.UIDMappings, linux.GIDMappings = nil, nil
	s.Linux = &linux
	s.Mounts = slices.Clone(base.Mounts)
	return &s
}

// merge puts what the user asked for after what is there by default, parents before children, and drops the
// defaults that it replaces. A default below a requested mount would otherwise appear in the user's directory
// (and its mount point be made there, on the host).
func merge(own []specs.Mount, requests []request) []specs.Mount {
	sorted := slices.Clone(requests)
	slices.SortStableFunc(sorted, func(a, b request) int {
		return strings.Count(a.dst, "/") - strings.Count(b.dst, "/")
	})
	out := slices.DeleteFunc(own, func(m specs.Mount) bool {
		return slices.ContainsFunc(sorted, func(r request) bool { return m.Destination != "/" && within(m.Destination, r.dst) })
	})
	for _, r := range sorted {
		out = append(out, r.mount())
	}
	return out
}

// within says whether p is dir or lies below it. Both are clean and absolute.
func within(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// below is within without dir itself.
func below(p, dir string) bool { return p != dir && within(p, dir) }

// rebase names p, which lies within from, as seen when from appears at to.
func rebase(p, from, to string) string {
	return path.Join(to, strings.TrimPrefix(p, from))
}
