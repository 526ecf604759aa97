package runtime

import (
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

// WriteJSON writes the Plan for machines: lower-case keys, and words in place of the kernel's numbers, in the order of the
// configuration. It shows what will be done, so its form follows the Plan and may change with it; keys come and go, words keep
// their meaning. Namespaces are named as in /proc/PID/ns, capabilities as in config.json, mount attributes as in its options.
func (p *Plan) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	return e.Encode(p.asJSON())
}

// The types below exist for their tags: a change of the Plan's own names does not reach machines by accident.
type (
	planJSON struct {
		ID             string        `json:"id"`
		Bundle         string        `json:"bundle"`
		UserNamespace  userJSON      `json:"userNamespace"`
		NewNamespaces  []string      `json:"newNamespaces"`
		Joined         []joinJSON    `json:"joinedNamespaces,omitempty"`
		ClockOffsets   string        `json:"clockOffsets,omitempty"` // as in /proc/PID/timens_offsets
		Hostname       string        `json:"hostname,omitempty"`
		Domainname     string        `json:"domainname,omitempty"`
		SessionKeyring string        `json:"sessionKeyring,omitempty"`
		Root           rootJSON      `json:"root"`
		Mounts         []mountJSON   `json:"mounts"`
		Devices        []deviceJSON  `json:"devices"`
		Links          []linkJSON    `json:"links"`
		Cgroup         *cgroupJSON   `json:"cgroup,omitempty"`
		Masked         []string      `json:"maskedPaths"`
		Readonly       []string      `json:"readonlyPaths"`
		MountLabel     string        `json:"mountLabel,omitempty"`
		Sysctl         []sysctlJSON  `json:"sysctl,omitempty"`
		NetDevices     []deviceMoved `json:"netDevices,omitempty"`
		Process        processJSON   `json:"process"`
		Init           bool          `json:"init"`
		Hooks          []hookJSON    `json:"hooks,omitempty"` // in the order in which they run
		Notify         *notifyJSON   `json:"notify,omitempty"`
		GivenUp        []problemJSON `json:"givenUp"`
	}
	notifyJSON struct {
		Socket  string `json:"socket"` // of the service manager
		Relayed bool   `json:"relayed"`
	}
	userJSON struct {
		Kind      string `json:"kind"` // none, join, create
		Path      string `json:"path,omitempty"`
		UIDs      string `json:"uids,omitempty"` // CONTAINER:HOST:SIZE,…
		GIDs      string `json:"gids,omitempty"`
		Writer    string `json:"writer,omitempty"` // self, parent, helpers
		Setgroups bool   `json:"setgroups"`
		Source    string `json:"source"`
	}
	hookJSON struct {
		At      string   `json:"at"` // where it is in the configuration
		Path    string   `json:"path"`
		Args    []string `json:"args"`
		Env     []string `json:"env,omitempty"`
		Timeout float64  `json:"timeout,omitempty"` // in seconds
	}
	joinJSON struct {
		Kind string `json:"kind"`
		Path string `json:"path"`
	}
	rootJSON struct {
		Path        string   `json:"path"`
		Readonly    bool     `json:"readonly"`
		Propagation string   `json:"propagation,omitempty"`
		Make        bool     `json:"make"`              // an empty directory of the container's own
		Change      string   `json:"change,omitempty"`  // move, chroot; without it, pivot_root
		Outside     []string `json:"outside,omitempty"` // what is unmounted before a move
	}
	mountJSON struct {
		Kind        string        `json:"kind"` // bind, filesystem, symlink, remount
		Type        string        `json:"type,omitempty"`
		Source      string        `json:"source,omitempty"`
		Destination string        `json:"destination"`
		Set         []string      `json:"set,omitempty"`
		Clear       []string      `json:"clear,omitempty"`
		SetBelow    []string      `json:"setBelow,omitempty"` // with all that is mounted below
		ClearBelow  []string      `json:"clearBelow,omitempty"`
		Recursive   bool          `json:"recursive,omitempty"`
		Propagation []string      `json:"propagation,omitempty"`
		Options     []string      `json:"options,omitempty"` // the file system's own
		Upper       string        `json:"upper,omitempty"`
		Else        string        `json:"else,omitempty"`      // what stands in where the kernel refuses
		ElseEmpty   bool          `json:"elseEmpty,omitempty"` // and where that is not there, nothing
		LikeBelow   bool          `json:"likeBelow,omitempty"` // it has the mode of what it covers
		CopyUp      bool          `json:"copyUp,omitempty"`
		Links       []string      `json:"links,omitempty"` // how symbolic links are dealt with
		IDMap       *mountIDsJSON `json:"idmap,omitempty"`
	}
	mountIDsJSON struct {
		UIDs  string `json:"uids,omitempty"` // FILESYSTEM:CONTAINER:SIZE,… if it is made inside, else FILESYSTEM:HOST:SIZE,…
		GIDs  string `json:"gids,omitempty"`
		Of    string `json:"of"`              // container: its user namespace; mount; inside: the mount, as the container's user namespace says it
		Below bool   `json:"below,omitempty"` // with all that is mounted below
	}
	deviceJSON struct {
		Path   string `json:"path"`
		Source string `json:"source,omitempty"` // where the host has it, if elsewhere
		Type   string `json:"type"`             // as in config.json: c, b, p
		Major  uint32 `json:"major"`
		Minor  uint32 `json:"minor"`
		Mode   string `json:"mode"` // octal
		UID    uint32 `json:"uid"`
		GID    uint32 `json:"gid"`
		How    string `json:"how"` // make: a node of its own, and the host's where that is refused; bind: the host's
	}
	linkJSON struct {
		Path   string `json:"path"`
		Target string `json:"target"`
	}
	processJSON struct {
		Args         []string         `json:"args"`
		Env          []string         `json:"env"`
		OwnPid       []string         `json:"ownPid,omitempty"` // variables that hold the process's own pid
		Cwd          string           `json:"cwd"`
		SearchPaths  []string         `json:"searchPaths"`
		Terminal     bool             `json:"terminal"`
		Rows         uint16           `json:"rows,omitempty"`
		Columns      uint16           `json:"columns,omitempty"`
		UID          uint32           `json:"uid"`
		GID          uint32           `json:"gid"`
		Groups       []uint32         `json:"groups"`
		SetGroups    bool             `json:"setGroups"`  // false: the caller's groups stay
		LookupHome   bool             `json:"lookupHome"` // HOME comes from the container's passwd
		Umask        string           `json:"umask"`      // octal
		Capabilities capabilitiesJSON `json:"capabilities"`
		Rlimits      []rlimitJSON     `json:"rlimits"`
		NoNewPrivs   bool             `json:"noNewPrivileges"`
		Seccomp      *seccompJSON     `json:"seccomp,omitempty"`
		OOMScoreAdj  *int             `json:"oomScoreAdj,omitempty"`
		AppArmor     string           `json:"apparmorProfile,omitempty"`
		SELinux      string           `json:"selinuxLabel,omitempty"`
		KeepGroups   bool             `json:"keepGroups,omitempty"` // the caller's groups stay, though they could be dropped
		Scheduler    *schedulerJSON   `json:"scheduler,omitempty"`
		IOPriority   string           `json:"ioPriority,omitempty"` // class and level
		MemoryPolicy string           `json:"memoryPolicy,omitempty"`
		Personality  string           `json:"personality,omitempty"`
		Outside      bool             `json:"fromOutside,omitempty"` // limits, priorities and oomScoreAdj are set by the parent
	}
	seccompJSON struct {
		Instructions int      `json:"instructions"`
		Flags        []string `json:"flags"`
		Listener     string   `json:"listener,omitempty"` // the socket of who decides about some of the calls
	}
	capabilitiesJSON struct {
		Bounding    []string `json:"bounding"`
		Effective   []string `json:"effective"`
		Permitted   []string `json:"permitted"`
		Inheritable []string `json:"inheritable"`
		Ambient     []string `json:"ambient"`
	}
	rlimitJSON struct {
		Type string `json:"type"`
		Soft uint64 `json:"soft"` // 18446744073709551615 is no limit
		Hard uint64 `json:"hard"`
	}
	problemJSON struct {
		Path string `json:"path"`
		Text string `json:"text"`
	}
)

func (p *Plan) asJSON() planJSON {
	return planJSON{
		ID: p.ID, Bundle: p.Bundle, UserNamespace: userAsJSON(p.User), NewNamespaces: namespaceWords(p.New),
		Joined:       each(p.Join, func(j Join) joinJSON { return joinJSON{flagNames(j.Flag), j.Path} }),
		ClockOffsets: string(p.Clocks), Hostname: p.Hostname, Domainname: p.Domain, SessionKeyring: p.Keyring,
		Root:       p.Root.asJSON(),
		Mounts:     each(p.Mounts, Mount.asJSON),
		Devices:    each(p.Devices, Device.asJSON),
		Links:      each(p.Links, func(l Link) linkJSON { return linkJSON{"/dev/" + l.Name, l.Target} }),
		Cgroup:     p.Cgroup.asJSON(),
		Masked:     each(p.Masked, inContainer),
		Readonly:   each(p.Readonly, inContainer),
		MountLabel: p.MountLabel,
		Sysctl:     each(p.Sysctls, func(s Sysctl) sysctlJSON { return sysctlJSON{s.Name, s.Value, s.Namespace} }),
		NetDevices: each(p.NetDevices, func(d NetDevice) deviceMoved { return deviceMoved{d.Name, d.New} }),
		Process:    p.Process.asJSON(), Init: p.Init, Notify: (*notifyJSON)(p.Notify),
		Hooks:   hooksAsJSON(p.Hooks.all()),
		GivenUp: each(p.GivenUp, func(g Problem) problemJSON { return problemJSON{g.Path, g.Text} }),
	}
}

// each is never nil: an empty list is [] in JSON, not null.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

func same[T any](v T) T { return v }

func userAsJSON(u userns.Choice) userJSON {
	out := userJSON{
		Kind: u.Kind.String(), Path: u.Path, UIDs: u.Mapping.UIDs.String(), GIDs: u.Mapping.GIDs.String(),
		Setgroups: u.Setgroups, Source: u.Source,
	}
	if u.Kind == userns.Create {
		out.Writer = u.Writer.String()
	}
	return out
}

func (m Mount) asJSON() mountJSON {
	o := m.Options
	out := mountJSON{
		Kind: "filesystem", Type: m.Type, Source: m.Source, Destination: m.Destination,
		Set: attributeWords(o.Set, o.Clear), Clear: attributeWords(o.Clear&^unix.MOUNT_ATTR__ATIME, 0),
		SetBelow: attributeWords(o.RecSet, o.RecClear), ClearBelow: attributeWords(o.RecClear&^unix.MOUNT_ATTR__ATIME, 0),
		Propagation: each(o.Propagation, propagationWord), Options: append(each(o.Data, same), o.SBFlags...), Else: m.Else,
	}
	out.ElseEmpty, out.LikeBelow, out.CopyUp, out.Links, out.IDMap = m.ElseEmpty, m.LikeBelow, o.TmpCopyUp, linkWords(o), m.IDs.asJSON()
	switch {
	case o.Remount:
		out.Kind, out.Type, out.Source = "remount", "", ""
	case m.Type == "symlink":
		return mountJSON{Kind: "symlink", Source: m.Source, Destination: m.Destination}
	case m.Bind: // neither a type nor options of a file system mean anything to it
		out.Kind, out.Type, out.Options, out.Else, out.Recursive = "bind", "", nil, "", o.Recursive
	}
	if m.Scratch {
		out.Upper = "tmpfs"
	}
	return out
}

func (r Root) asJSON() rootJSON {
	out := rootJSON{Path: r.Path, Readonly: r.Readonly, Propagation: propagationWord(r.Propagation), Make: r.Make}
	switch r.Change {
	case MoveRoot:
		out.Change = "move"
	case Chroot:
		out.Change = "chroot"
	}
	for _, m := range r.Outside {
		out.Outside = append(out.Outside, m.Path)
	}
	return out
}

func (ids *MountIDs) asJSON() *mountIDsJSON {
	if ids == nil {
		return nil
	}
	out := &mountIDsJSON{UIDs: ids.Mapping.UIDs.String(), GIDs: ids.Mapping.GIDs.String(), Of: "mount", Below: ids.Recursive}
	switch {
	case ids.Own:
		out.Of = "container"
	case ids.Inner:
		out.Of = "inside"
	}
	return out
}

// linkWords are the options about symbolic links.
func linkWords(o spec.MountOptions) []string {
	var words []string
	for _, w := range [...]struct {
		given bool
		word  string
	}{{o.CopySymlink, "copy-symlink"}, {o.SourceNoFollow, "src-nofollow"}, {o.DestNoFollow, "dest-nofollow"}} {
		if w.given {
			words = append(words, w.word)
		}
	}
	return words
}

// attributeWords names the bits of mount_setattr(2). Access times are one field of several bits, and count when it is cleared.
func attributeWords(set, clear uint64) []string {
	var words []string
	for _, a := range [...]struct {
		bit  uint64
		word string
	}{
		{unix.MOUNT_ATTR_RDONLY, "ro"}, {unix.MOUNT_ATTR_NOSUID, "nosuid"}, {unix.MOUNT_ATTR_NODEV, "nodev"}, {unix.MOUNT_ATTR_NOEXEC, "noexec"},
		{unix.MOUNT_ATTR_NODIRATIME, "nodiratime"}, {unix.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
	} {
		if set&a.bit != 0 {
			words = append(words, a.word)
		}
	}
	if clear&unix.MOUNT_ATTR__ATIME != 0 {
		switch set & unix.MOUNT_ATTR__ATIME {
		case unix.MOUNT_ATTR_NOATIME:
			words = append(words, "noatime")
		case unix.MOUNT_ATTR_STRICTATIME:
			words = append(words, "strictatime")
		default:
			words = append(words, "relatime")
		}
	}
	return words
}

func propagationWord(flags uint64) string {
	for _, word := range [...]string{"shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"} {
		if f, _ := spec.Propagation(word); f == flags {
			return word
		}
	}
	return ""
}

func (d Device) asJSON() deviceJSON {
	out := deviceJSON{Path: d.Path, Source: d.Source, Type: "c", Major: d.Major, Minor: d.Minor, Mode: fmt.Sprintf("%04o", d.Mode), UID: d.UID, GID: d.GID, How: "bind"}
	switch d.Type {
	case unix.S_IFBLK:
		out.Type = "b"
	case unix.S_IFIFO:
		out.Type = "p"
	}
	if d.Make {
		out.How = "make"
	}
	return out
}

func (p *ProcessPlan) asJSON() processJSON {
	c := p.Capabilities
	return processJSON{
		Args: each(p.Args, same), Env: each(p.Env, same), OwnPid: p.OwnPid, Cwd: p.Cwd, SearchPaths: each(p.Paths, same), Terminal: p.Terminal, Rows: p.Rows, Columns: p.Cols,
		UID: p.UID, GID: p.GID, Groups: each(p.Groups, same), SetGroups: p.SetGroups, LookupHome: p.LookupHome, Umask: fmt.Sprintf("%04o", p.Umask),
		Capabilities: capabilitiesJSON{
			capabilityWords(c.Bounding), capabilityWords(c.Effective), capabilityWords(c.Permitted), capabilityWords(c.Inheritable), capabilityWords(c.Ambient),
		},
		Rlimits:    each(p.Rlimits, func(r Rlimit) rlimitJSON { return rlimitJSON{r.Name, r.Soft, r.Hard} }),
		NoNewPrivs: p.NoNewPrivs, Seccomp: filterAsJSON(p.Filter), OOMScoreAdj: p.OOMScoreAdj, AppArmor: p.AppArmor, SELinux: p.SELinux, KeepGroups: p.KeepGroups, Outside: p.Outside,
		Scheduler: p.Scheduling.Scheduler.asJSON(), IOPriority: p.Scheduling.IOPriority.String(),
		MemoryPolicy: p.Scheduling.Memory.String(), Personality: p.Scheduling.Personality.String(),
	}
}

func hooksAsJSON(hooks []Hook) (list []hookJSON) {
	for _, h := range hooks {
		list = append(list, hookJSON{At: h.At, Path: h.Path, Args: h.Args, Env: h.Env, Timeout: h.Timeout.Seconds()})
	}
	return list
}

func filterAsJSON(f *seccomp.Filter) *seccompJSON {
	if f == nil {
		return nil
	}
	out := &seccompJSON{Instructions: f.Count(), Flags: []string{}, Listener: f.ListenerPath}
	for _, known := range seccomp.KnownFlags() {
		if f.Flags&known.Flag != 0 {
			out.Flags = append(out.Flags, known.Name)
		}
	}
	return out
}
