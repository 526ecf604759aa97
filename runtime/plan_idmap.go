package runtime

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

// mountIDs decides how the owners of a mount's files are mapped. Who may map them is the kernel's rule: root of the user namespace
// that the file system belongs to (mount_setattr(2), "ID-mapped mounts"). A privileged caller does it for everything that the
// container gets. Another one is root of the container's own user namespace alone, to which only the file systems belong
// that are made in it.
func (p *Plan) mountIDs(out *Mount, m specs.Mount, privileged bool, bad *planError) {
	option, own := out.Options.IDMap, false
	mapping := idmap.Mapping{UIDs: idmap.FromSpecs(m.UIDMappings), GIDs: idmap.FromSpecs(m.GIDMappings)}
	if option != nil && option.UIDs != nil {
		var err error
		if mapping, err = p.ranges(option); err != nil {
			bad.add(mountPath(*out)+".options", "idmap: %v", err)
			return
		}
	}
	if mapping.UIDs == nil {
		if option == nil {
			return
		}
		own = true
	}
	at := mountPath(*out)
	ids := &MountIDs{Recursive: option != nil && option.Recursive, Own: own, Mapping: mapping}
	switch {
	case m.Type == "symlink":
		bad.add(at+".options", "a link cannot be id-mapped; remove idmap")
		return
	case !own:
	case p.User.Kind == userns.None:
		bad.add(at+".options", "idmap: the container has no user namespace that says how to map; give the mount uidMappings and gidMappings")
		return
	case !out.Bind:
		return // a file system that is made in the user namespace has its ids already
	default:
		ids.Mapping = p.User.Mapping
	}
	if !privileged {
		inside, err := p.inside(out, ids.Mapping)
		if err != nil {
			p.giveUp(degrade.IDMap, at, err.Error(), bad)
			return
		}
		ids.Mapping, ids.Inner = inside, true
	}
	out.IDs = ids
}

// ranges is the mapping that the option itself has, which may be by ids of the container.
func (p *Plan) ranges(o *spec.IDMapOption) (m idmap.Mapping, err error) {
	read := func(list []spec.IDRange, own idmap.Map) (all idmap.Map, err error) {
		for _, r := range list {
			one := idmap.Map{{ContainerID: r.ContainerID, HostID: r.HostID, Size: r.Size}}
			if r.Relative {
				if one, err = one.Compose(own); err != nil {
					return nil, err
				}
			}
			all = append(all, one...)
		}
		return all, all.Validate()
	}
	if m.UIDs, err = read(o.UIDs, p.User.Mapping.UIDs); err == nil {
		m.GIDs, err = read(o.GIDs, p.User.Mapping.GIDs)
	}
	return m, err
}

// inside is the mapping as the container's own user namespace says it, for a caller who is privileged nowhere else.
func (p *Plan) inside(m *Mount, mapping idmap.Mapping) (inside idmap.Mapping, err error) {
	switch {
	case m.Bind:
		return inside, errors.New("id-mapped: only root of the user namespace that " + m.Source + " belongs to may do that, which you are not; " +
			"run as root, or change the files' owners in `roost unshare`")
	case p.User.Kind != userns.Create:
		return inside, errors.New("id-mapped: in a user namespace that exists already only a privileged caller may do that")
	}
	if inside.UIDs, err = mapping.UIDs.Inside(p.User.Mapping.UIDs); err == nil {
		inside.GIDs, err = mapping.GIDs.Inside(p.User.Mapping.GIDs)
	}
	if err != nil {
		err = errors.New("id-mapped: a host id that the container does not have: " + err.Error())
	}
	return inside, err
}
