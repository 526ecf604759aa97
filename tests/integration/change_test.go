package integration

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Changes to a configuration that several topics share.

func bind(src, dst string, options ...string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: dst, Type: "bind", Source: src, Options: append([]string{"bind"}, options...)})
	}
}

func mounted(m specs.Mount) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Mounts = append(s.Mounts, m) }
}

func namespace(kind specs.LinuxNamespaceType, path string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		dropNamespace(kind)(s)
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind, Path: path})
	}
}

func dropNamespace(kind specs.LinuxNamespaceType) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == kind })
	}
}

// hostProc binds the caller's /proc: a new proc shows the pid namespace that it is mounted in, which for a container
// without a pid namespace the kernel lets only its owner do.
func hostProc(s *specs.Spec) {
	replaceMount(s, specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc", Options: []string{"rbind"}})
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
}

func replaceMount(s *specs.Spec, m specs.Mount) {
	for i := range s.Mounts {
		if s.Mounts[i].Destination == m.Destination {
			s.Mounts[i] = m
			return
		}
	}
	s.Mounts = append(s.Mounts, m)
}

func dropMount(destination string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == destination })
	}
}

func rootfs(path string, readonly bool) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Root = &specs.Root{Path: path, Readonly: readonly} }
}

func args(argv ...string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.Args = argv }
}

// mapped gives the container a user namespace with these mappings.
func mapped(uids, gids []specs.LinuxIDMapping) func(*specs.Spec) {
	return func(s *specs.Spec) {
		namespace(specs.UserNamespace, "")(s)
		s.Linux.UIDMappings, s.Linux.GIDMappings = uids, gids
	}
}

func allCaps(names ...string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: names, Effective: names, Permitted: names}
	}
}
