package runtime

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

func (p *Plan) mounts(list []specs.Mount, privileged bool, bad *planError) {
	for i, m := range list {
		options, problems := spec.ParseOptions(m.Options)
		for _, pr := range problems {
			bad.add(fmt.Sprintf("mounts[%d].options%s", i, pr.Path), "%s", pr.Text)
		}
		out := Mount{Index: i, Type: m.Type, Source: m.Source, Destination: inContainer(m.Destination), Options: options}
		switch {
		case m.Type == "symlink", options.Remount:
		case options.Bind || m.Type == "bind":
			out.Bind = true
			if !filepath.IsAbs(out.Source) {
				out.Source = filepath.Join(p.Bundle, out.Source)
			}
		default:
			p.filesystem(&out, bad)
		}
		p.mountIDs(&out, m, privileged, bad)
		if out.Bind { // given up by the validation: they are not the mount's
			out.Options.Data, out.Options.SBFlags = nil, nil
		}
		if out.Destination == "/" && !options.Remount {
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
	m.LikeBelow = false
	if m.Options.Set&unix.MOUNT_ATTR_RDONLY != 0 {
		m.Options.Set &^= unix.MOUNT_ATTR_RDONLY
		p.Root.Readonly = true
	}
}

// filesystem settles what depends on the namespaces: the version of cgroup, what stands in where the kernel refuses, ids that
// are not mapped.
func (p *Plan) filesystem(m *Mount, bad *planError) {
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
	case "sysfs":
		m.Else = "/sys"
	case "proc":
		// What is outside of the container can be seen through the proc outside, and entered (/proc/PID/root) by who has its
		// ids and its user namespace. So it stands in only for a container that has a user namespace of its own.
		if p.User.Kind != userns.None {
			m.Else = "/proc"
		}
	case "mqueue":
		m.ElseEmpty = true
		if !p.has(unix.CLONE_NEWIPC) { // else it shows the queues of another namespace
			m.Else = "/dev/mqueue"
		}
	case "tmpfs":
		m.LikeBelow = !hasKey(m.Options.Data, "mode")
	}
	p.dropUnmapped(m, m.Index, bad)
}

func hasKey(data []string, key string) bool {
	return slices.ContainsFunc(data, func(o string) bool { return strings.HasPrefix(o, key+"=") })
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
