package spec

import (
	"maps"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

func (r *report) linux(l *specs.Linux) {
	r.userMappings(l)
	if l.Resources != nil {
		r.resources(l.Resources)
	}
	if hasNUL(l.CgroupsPath) {
		r.refuse("linux.cgroupsPath", nulText)
	}
	r.namespaces(l.Namespaces)
	r.devices(l.Devices)
	if _, ok := Propagation(l.RootfsPropagation); !ok && l.RootfsPropagation != "" {
		r.refuse("linux.rootfsPropagation", quote(l.RootfsPropagation)+" is no propagation; it is shared, slave, private or unbindable, "+
			"or one of these with an r before it")
	}
	r.paths("linux.maskedPaths", l.MaskedPaths)
	r.paths("linux.readonlyPaths", l.ReadonlyPaths)
	r.timeOffsets(l)
	r.netDevices(l)
	r.label("linux.mountLabel", l.MountLabel)
	if l.MemoryPolicy != nil {
		r.memoryPolicy("linux.memoryPolicy", l.MemoryPolicy)
	}
	if l.Personality != nil {
		r.personality("linux.personality", l.Personality)
	}
}

func (r *report) namespaces(list []specs.LinuxNamespace) {
	var seen uint64
	for i, n := range list {
		at := func(member string) string { return strictjson.Element("linux.namespaces", i) + "." + member }
		flag, ok := Namespace(n.Type)
		switch {
		case !ok:
			r.refuse(at("type"), quote(string(n.Type))+" is no namespace; there are pid, network, mount, ipc, uts, user, cgroup and time")
		case seen&flag != 0:
			r.refuse(at("type"), string(n.Type)+" is given twice; keep one of them")
		}
		seen |= flag
		switch {
		case n.Path == "":
		case hasNUL(n.Path):
			r.refuse(at("path"), nulText)
		case n.Path[0] != '/':
			r.refuse(at("path"), quote(n.Path)+" is relative; it must begin with /")
		}
	}
}

func hasNamespace(l *specs.Linux, t specs.LinuxNamespaceType) bool {
	return findNamespace(l, t) != nil
}

func findNamespace(l *specs.Linux, t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	for i := range l.Namespaces {
		if l.Namespaces[i].Type == t {
			return &l.Namespaces[i]
		}
	}
	return nil
}

func (r *report) devices(list []specs.LinuxDevice) {
	for i := range list {
		d := &list[i]
		at := func(member string) string { return strictjson.Element("linux.devices", i) + "." + member }
		r.absolutePath(func() string { return at("path") }, d.Path)
		switch d.Type {
		case "c", "b", "u":
			// dev_t of the kernel has 12 bits for the major number and 20 for the minor one.
			if d.Major < 0 || d.Major >= 1<<12 {
				r.refuse(at("major"), strconv.FormatInt(d.Major, 10)+" is not from 0 to 4095")
			}
			if d.Minor < 0 || d.Minor >= 1<<20 {
				r.refuse(at("minor"), strconv.FormatInt(d.Minor, 10)+" is not from 0 to 1048575")
			}
		case "p":
		default:
			r.refuse(at("type"), quote(d.Type)+" is no kind of device; it is c or u (character), b (block) or p (FIFO)")
		}
		// The bits of the file type are let pass: some callers hand on st_mode as it is.
		if d.FileMode != nil && *d.FileMode > 0o177777 {
			r.refuse(at("fileMode"), strconv.FormatUint(uint64(*d.FileMode), 10)+
				" is more than permission bits (4095, octal 07777); note that JSON numbers are decimal")
		}
		if d.UID != nil {
			r.id(at("uid"), *d.UID)
		}
		if d.GID != nil {
			r.id(at("gid"), *d.GID)
		}
	}
}

func (r *report) paths(path string, list []string) {
	for i, p := range list {
		r.absolutePath(func() string { return strictjson.Element(path, i) }, p)
	}
}

func (r *report) absolutePath(at func() string, p string) {
	switch {
	case p == "":
		r.refuse(at(), "empty; name a path in the container")
	case hasNUL(p):
		r.refuse(at(), nulText)
	case p[0] != '/':
		r.refuse(at(), quote(p)+" is relative; it must begin with /")
	}
}

// timeOffsets are written to /proc/PID/timens_offsets of a namespace that has no process yet (time_namespaces(7)).
func (r *report) timeOffsets(l *specs.Linux) {
	const path = "linux.timeOffsets"
	if len(l.TimeOffsets) == 0 {
		return
	}
	switch n := findNamespace(l, specs.TimeNamespace); {
	case n == nil:
		r.refuse(path, `needs a time namespace; add {"type": "time"} to linux.namespaces, or remove it`)
	case n.Path != "":
		r.refuse(path, "a time namespace that is joined has its offsets already; remove it")
	}
	for _, clock := range slices.Sorted(maps.Keys(l.TimeOffsets)) {
		if clock != "monotonic" && clock != "boottime" {
			r.refuse(strictjson.Member(path, clock), "no clock that has an offset; they are monotonic and boottime")
		}
		if ns := l.TimeOffsets[clock].Nanosecs; ns >= 1e9 {
			r.refuse(strictjson.Member(path, clock)+".nanosecs", strconv.FormatUint(uint64(ns), 10)+" is a second or more; use secs")
		}
	}
}
