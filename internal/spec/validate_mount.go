package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

func (r *report) mount(path string, m *specs.Mount) {
	o, problems := ParseOptions(m.Options)
	bind := o.Bind || m.Type == "bind"
	switch {
	case m.Destination == "":
		r.refuse(path+".destination", "missing; say where in the container it goes")
	case hasNUL(m.Destination):
		r.refuse(path+".destination", nulText)
	}
	switch {
	case hasNUL(m.Type):
		r.refuse(path+".type", nulText)
	case bind, o.Remount:
	case m.Type == "" || m.Type == "none":
		r.refuse(path+".type", `missing; name a file system, or add the option "bind" or "rbind"`)
	}
	switch {
	case hasNUL(m.Source):
		r.refuse(path+".source", nulText)
	case bind && !o.Remount && m.Source == "":
		r.refuse(path+".source", "missing; say what to bind, absolute or relative to the bundle")
	}
	for _, p := range problems {
		r.refuse(path+".options"+p.Path, p.Text)
	}
	at := func(name string) string { return optionAt(path+".options", m.Options, name) }
	r.mountOptions(at, m.Type, bind, &o)
	r.mountMappings(path, m, &o)
}

// mountOptions refuses options that mean nothing to this kind of mount, and gives up those that change nothing.
func (r *report) mountOptions(at func(name string) string, fs string, bind bool, o *MountOptions) {
	onlyFor := func(given, ok bool, name, what string) {
		if given && !ok {
			r.refuse(at(name), name+" is for "+what+"; remove it")
		}
	}
	onlyFor(o.TmpCopyUp, fs == "tmpfs" && !bind && !o.Remount, "tmpcopyup", "a new tmpfs")
	onlyFor(o.CopySymlink, bind && !o.Remount, "copy-symlink", "bind mounts")
	onlyFor(o.SourceNoFollow, bind && !o.Remount, "src-nofollow", "bind mounts")
	onlyFor(o.IDMap != nil, !o.Remount, "idmap", "new mounts")
	if o.CopySymlink && o.SourceNoFollow {
		r.refuse(at("src-nofollow"), "copy-symlink and src-nofollow exclude each other; keep one of them")
	}
	if bind && len(o.Data) > 0 {
		r.giveUp(at(""), "a bind mount has no options of a file system; ignored: "+strings.Join(o.Data, ", "))
	}
	if bind && len(o.SBFlags) > 0 {
		r.giveUp(at(""), "a bind mount leaves the file system as it is; ignored: "+strings.Join(o.SBFlags, ", "))
	}
	if o.IVersion {
		// fsconfig(2) has no such flag, and the kernel sets it by itself: xfs and btrfs always have, ext4 does since 6.1 (1ff20307393e).
		r.giveUp(at("iversion"), "is not passed on: the file systems that count changes do so without it")
	}
}

// optionAt is the path of an option by its name, ridmap counting as idmap; that of the list for others.
func optionAt(path string, options []string, name string) string {
	for i := len(options) - 1; i >= 0 && name != ""; i-- {
		o, _, _ := strings.Cut(options[i], "=")
		if o == name || name == "idmap" && o == "ridmap" {
			return strictjson.Element(path, i)
		}
	}
	return path
}

// mountMappings checks them by the rules of the container's own. Without idmap or ridmap they mean idmap: the runtime-spec says that the
// option SHOULD be there. Whether the container has a user namespace whose mapping can stand in is known later.
func (r *report) mountMappings(path string, m *specs.Mount, o *MountOptions) {
	uids, gids := len(m.UIDMappings) > 0, len(m.GIDMappings) > 0
	if !uids && !gids {
		return
	}
	r.mappings(path+".uidMappings", m.UIDMappings)
	r.mappings(path+".gidMappings", m.GIDMappings)
	switch {
	case !uids:
		r.refuse(path+".uidMappings", "missing, while gidMappings is there; give both or neither")
	case !gids:
		r.refuse(path+".gidMappings", "missing, while uidMappings is there; give both or neither")
	case o.Remount:
		r.refuse(path+".uidMappings", "a remount cannot change the mapping of ids; give it with the mount itself")
	case o.IDMap != nil && o.IDMap.UIDs != nil:
		r.refuse(path+".uidMappings", "the option idmap has a mapping, too; keep one of them")
	}
}
