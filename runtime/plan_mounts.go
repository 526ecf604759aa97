package runtime

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

func (p *Plan) mounts(list []specs.Mount, bad *planError) {
	for i, m := range list {
		options, problems := spec.ParseOptions(m.Options)
		for _, pr := range problems {
			bad.add(fmt.Sprintf("mounts[%d].options%s", i, pr.Path), "%s", pr.Text)
		}
		if options.Remount {
			bad.add(fmt.Sprintf("mounts[%d].options", i), "remount is not supported; give the mount itself the options that it is to have")
		}
		out := Mount{Index: i, Type: m.Type, Source: m.Source, Destination: inContainer(m.Destination), Options: options}
		switch {
		case m.Type == "symlink":
		case options.Bind || m.Type == "bind":
			out.Bind = true
			if !filepath.IsAbs(out.Source) {
				out.Source = filepath.Join(p.Bundle, out.Source)
			}
		default:
			p.filesystem(&out, i, bad)
		}
		if out.Destination == "/" {
			p.rootMount(&out, bad)
		}
		p.Mounts = append(p.Mounts, out)
	}
}

// rootMount settles a mount that becomes the root. It has to be writable until the mount points are made in it, so what makes
// it read-only is done at the end, as for any other root.
func (p *Plan) rootMount(m *Mount, bad *planError) {
	switch {
	case m.Index != 0:
		bad.add(mountPath(*m)+".destination", "a mount on / becomes the root, so it has to be the first")
	case m.Type == "symlink":
		bad.add(mountPath(*m)+".type", "the root cannot be a link")
	case m.Scratch:
		bad.add(mountPath(*m)+".options", "upper=tmpfs is not for the root itself; give an upperdir and a workdir")
	}
	if m.Options.Set&unix.MOUNT_ATTR_RDONLY != 0 {
		m.Options.Set &^= unix.MOUNT_ATTR_RDONLY
		p.Root.Readonly = true
	}
}

// filesystem settles what depends on the namespaces: the version of cgroup, what stands in for it, ids that are not mapped.
func (p *Plan) filesystem(m *Mount, i int, bad *planError) {
	// There is nothing below a new mount, so what holds for all below it holds for the mount.
	o := &m.Options
	o.Set, o.Clear = o.Set&^o.RecClear|o.RecSet, o.Clear|o.RecClear
	o.RecSet, o.RecClear = 0, 0
	switch m.Type {
	case "cgroup", "cgroup2":
		m.Type = "cgroup2"
		m.Else = "/sys/fs/cgroup"
		if !p.has(unix.CLONE_NEWCGROUP) {
			// The host's tree would be writable through it (CVE-2023-25809), so only what cannot be written is shown.
			m.Bind, m.Source = true, m.Else
			m.Options.Recursive = true
			m.Options.RecSet |= unix.MOUNT_ATTR_RDONLY
		}
	case "overlay":
		if m.Options.Data, m.Scratch = remove(m.Options.Data, "upper=tmpfs"); m.Scratch {
			m.Else = lowerOf(m.Options.Data)
		}
	}
	p.dropUnmapped(m, i, bad)
}

// dropUnmapped leaves out uid= and gid= of ids that the container does not have: the kernel would refuse the whole mount.
// Every configuration that `spec` writes has gid=5 for devpts; without it the terminals belong to the user's own group.
func (p *Plan) dropUnmapped(m *Mount, i int, bad *planError) {
	if p.User.Kind != userns.Create {
		return
	}
	kept := m.Options.Data[:0:0]
	for _, o := range m.Options.Data {
		key, value, _ := strings.Cut(o, "=")
		id, err := strconv.ParseUint(value, 10, 32)
		mapped := true
		switch {
		case err != nil:
		case key == "uid":
			_, mapped = p.User.Mapping.UIDs.ToHost(uint32(id))
		case key == "gid":
			_, mapped = p.User.Mapping.GIDs.ToHost(uint32(id))
		}
		if mapped {
			kept = append(kept, o)
			continue
		}
		p.giveUp(degrade.Devpts, fmt.Sprintf("mounts[%d].options", i), o+": not mapped in the container; left out", bad)
	}
	m.Options.Data = kept
}

// lowerOf is the lower directory of an overlay that has one. Colons and backslashes are escaped, overlayfs.rst.
func lowerOf(data []string) string {
	for _, o := range data {
		if dir, ok := strings.CutPrefix(o, "lowerdir="); ok {
			return strings.NewReplacer(`\\`, `\`, `\:`, ":").Replace(dir)
		}
	}
	return ""
}

func remove(list []string, word string) (rest []string, found bool) {
	rest = list[:0:0]
	for _, s := range list {
		if s == word {
			found = true
		} else {
			rest = append(rest, s)
		}
	}
	return rest, found
}
