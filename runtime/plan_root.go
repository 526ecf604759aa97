package runtime

import (
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

func (p *Plan) rootfs(s *specs.Spec, in planInput, bad *planError) {
	if s.Root == nil || s.Root.Path == "" {
		bad.add("root.path", "missing; name the directory that holds the root file system")
		return
	}
	p.Root = Root{Path: s.Root.Path, Readonly: s.Root.Readonly}
	if !filepath.IsAbs(p.Root.Path) {
		p.Root.Path = filepath.Join(p.Bundle, p.Root.Path)
		p.Root.Make = in.own
	}
	if word := s.Linux.RootfsPropagation; word != "" {
		p.Root.Propagation, _ = spec.Propagation(word)
	}
	switch {
	case !p.has(unix.CLONE_NEWNS):
		p.chroot(s, bad)
	case in.noPivot:
		p.noPivot(in.outside, bad)
	}
}

// noPivot settles what takes the place of pivot_root.
func (p *Plan) noPivot(outside []HostMount, bad *planError) {
	p.Root.Change = MoveRoot
	if p.Root.Propagation&unix.MS_PRIVATE != 0 {
		bad.add("linux.rootfsPropagation", "rootfsPropagation of [r]private is not safe without pivot_root; leave it out, or leave --no-pivot out")
	}
	text := "--no-pivot: the host's root stays below the container's, for who may unmount in the container"
	if p.User.Kind != userns.None {
		text += "; in a user namespace, so does what else the host has mounted"
	}
	p.GivenUp = append(p.GivenUp, Problem{Path: "root.path", Text: text, Loud: true})
	if p.New&unix.CLONE_NEWNS == 0 { // they are another namespace's, and its processes'
		return
	}
	for _, m := range outside {
		if m.Path != "/" && !within(p.Root.Path, m.Path) && !within(m.Path, p.Root.Path) {
			p.Root.Outside = append(p.Root.Outside, m)
		}
	}
}

// within reports whether a clean path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// chroot settles a container without a mount namespace: what is mounted in it would be mounted on the host, and what is made in
// its /dev would stay in the root file system. So there is neither.
func (p *Plan) chroot(s *specs.Spec, bad *planError) {
	p.Root.Change = Chroot
	l := s.Linux
	for _, asked := range []struct {
		path  string
		given bool
	}{
		{"root.readonly", s.Root != nil && s.Root.Readonly},
		{"mounts", len(s.Mounts) > 0},
		{"linux.rootfsPropagation", l.RootfsPropagation != ""},
		{"linux.maskedPaths", len(l.MaskedPaths) > 0},
		{"linux.readonlyPaths", len(l.ReadonlyPaths) > 0},
		{"linux.devices", len(l.Devices) > 0},
	} {
		if asked.given {
			p.giveUp(degrade.Mounts, asked.path, `without a mount namespace it would be for the host, and is left out; add {"type": "mount"} to linux.namespaces, or remove it`, bad)
		}
	}
	p.Root.Readonly, p.Root.Propagation, p.Masked, p.Readonly = false, 0, nil, nil
	p.giveUp(degrade.Devices, "linux.namespaces", "no mount namespace: /dev is as the root file system has it, without the default devices and links", bad)
}
