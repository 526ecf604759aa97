package byhand

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// asksNewUser says whether a user namespace will be made even for root.
func asksNewUser(o Options) bool {
	switch o.UserNS {
	case "private", "auto", "keep-id":
		return true
	}
	return o.IDMap != ""
}

// namespaces decides on each of the namespaces. Mount and cgroup namespaces are always new: a container
// without its own mounts is no container, and without a cgroup namespace it sees the host's cgroup paths.
func namespaces(o Options, f Facts, ps *problems) []specs.LinuxNamespace {
	out := []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.CgroupNamespace}}
	joins := ""
	for _, n := range []struct {
		flag, mode, proc string
		kind             specs.LinuxNamespaceType
	}{
		{"--net", o.Net, "net", specs.NetworkNamespace},
		{"--pid", o.PID, "pid", specs.PIDNamespace},
		{"--ipc", o.IPC, "ipc", specs.IPCNamespace},
		{"--uts", o.UTS, "uts", specs.UTSNamespace},
	} {
		ns, isNew, bad := namespace(n.mode, n.proc, f)
		switch {
		case n.kind == specs.NetworkNamespace && n.mode == "none":
			ns, isNew, bad = specs.LinuxNamespace{}, true, ""
		case bad != "" && n.kind == specs.NetworkNamespace:
			bad += "; there are none, host, container:ID and ns:PATH"
		case bad != "":
			bad += "; there are private, host, container:ID and ns:PATH"
		}
		if bad != "" {
			ps.add(n.flag+" "+n.mode, "%s", bad)
		}
		if id, ok := strings.CutPrefix(n.mode, "container:"); ok && f.Containers[id].OwnUser {
			joins = id
		}
		if isNew || ns.Path != "" {
			ns.Type = n.kind
			out = append(out, ns)
		}
	}
	if o.Init && o.PID != "" && o.PID != "private" {
		ps.add("--init", "needs a pid namespace of its own to be process 1 in; drop it or --pid %s", o.PID)
	}
	return append(out, userNamespace(o, f, joins, ps)...)
}

// namespace reads a mode that every namespace has. Neither new nor with a path is the host's.
func namespace(mode, proc string, f Facts) (ns specs.LinuxNamespace, isNew bool, bad string) {
	kind, value, _ := strings.Cut(mode, ":")
	switch {
	case mode == "" || mode == "private":
		return ns, true, ""
	case mode == "host":
		return ns, false, ""
	case kind == "container":
		c, ok := f.Containers[value]
		if !ok {
			return ns, false, "no running container " + strconv.Quote(value)
		}
		ns.Path = "/proc/" + strconv.Itoa(c.Pid) + "/ns/" + proc
		return ns, false, ""
	case kind == "ns" && strings.HasPrefix(value, "/"):
		ns.Path = value
		return ns, false, ""
	}
	return ns, false, "not known here"
}

// userNamespace: mostly nothing, since the runtime knows best what this caller needs (package userns). Who joins a container
// that has a user namespace of its own must join that too: its other namespaces belong to it (setns(2)).
func userNamespace(o Options, f Facts, joins string, ps *problems) []specs.LinuxNamespace {
	flag := "--userns " + o.UserNS
	switch o.UserNS {
	case "", "host":
		if joins == "" {
			return nil
		}
		if o.UserNS == "host" {
			ps.add(flag, "container %s has a user namespace of its own, which must be joined to share any other with it; drop the flag", joins)
		}
		if o.IDMap != "" {
			ps.add("--idmap "+o.IDMap, "container %s, whose namespaces are joined, has a map already; drop the flag", joins)
		}
		return []specs.LinuxNamespace{{Type: specs.UserNamespace, Path: userPath(f, joins)}}
	case "private", "auto", "keep-id":
		if joins != "" {
			ps.add(flag, "the namespaces of container %s cannot be joined from a new user namespace; use container:%s or drop the flag", joins, joins)
		}
		if o.UserNS == "keep-id" && o.IDMap != "" && o.IDMap != "keep-id" {
			ps.add(flag, "contradicts --idmap %s; give one of them", o.IDMap)
		}
		if o.RuntimeIDMap() != "" {
			// An explicit map asks for a namespace by itself, and counts only where the configuration has none.
			return nil
		}
		return []specs.LinuxNamespace{{Type: specs.UserNamespace}}
	}
	ns, _, bad := namespace(o.UserNS, "user", f)
	if bad != "" {
		ps.add(flag, "%s; there are host, private, auto, keep-id, container:ID and ns:PATH", bad)
		return nil
	}
	if o.IDMap != "" {
		ps.add(flag, "a namespace that is joined has a map already; drop --idmap %s", o.IDMap)
	}
	if joins != "" && ns.Path != userPath(f, joins) {
		ps.add(flag, "the namespaces of container %s belong to its own user namespace; use container:%s", joins, joins)
	}
	ns.Type = specs.UserNamespace
	return []specs.LinuxNamespace{ns}
}

func userPath(f Facts, id string) string {
	return "/proc/" + strconv.Itoa(f.Containers[id].Pid) + "/ns/user"
}
