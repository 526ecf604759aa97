package spec

import (
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// SysctlPath is the path below /proc/sys of a kernel parameter, as sysctl(8) reads its name: whichever of . and / comes first is what
// separates, and the other one stands for it within a part (net.ipv4.conf.eth0/1.forwarding). ok is false for what is no name.
func SysctlPath(name string) (path string, ok bool) {
	path = name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		path = strings.Map(func(c rune) rune {
			switch c {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return c
		}, name)
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || hasNUL(part) {
			return path, false
		}
	}
	return path, strings.Contains(path, "/")
}

// sysctls lets pass what is a namespace's own, if the container has such a namespace: everything else would change the host. A parameter
// that is not listed here may be one that a later kernel gave to namespaces, and is the host's on this one.
func (r *report) sysctls(s *specs.Spec, l *specs.Linux) {
	if len(l.Sysctl) == 0 {
		return
	}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(l.Sysctl)) {
		at := strictjson.Member("linux.sysctl", name)
		path, ok := SysctlPath(name)
		other, twice := seen[path]
		seen[path] = name
		kind := SysctlNamespace(path)
		switch {
		case hasNUL(name), hasNUL(l.Sysctl[name]):
			r.refuse(at, nulText)
		case !ok:
			r.refuse(at, "is no name of a kernel parameter; they are written like net.ipv4.ip_forward")
		case twice:
			r.refuse(at, "is the same as "+other+"; keep one of them")
		case kind == "":
			r.refuse(at, "is not of a namespace but of the whole machine; remove it, and have an administrator set it")
		case !hasNamespace(l, kind):
			r.refuse(at, "needs a "+string(kind)+` namespace, or it would be the host's; add {"type": "`+string(kind)+`"} to linux.namespaces, or remove it`)
		case path == "kernel/hostname" && s.Hostname != "":
			r.refuse(at, "is what hostname sets; keep one of them")
		case path == "kernel/domainname" && s.Domainname != "":
			r.refuse(at, "is what domainname sets; keep one of them")
		}
	}
}

// SysctlNamespace is the kind of namespace that a parameter belongs to, by its path; "" is the machine (ipc_namespaces(7), network_namespaces(7), namespaces(7)).
func SysctlNamespace(path string) specs.LinuxNamespaceType {
	switch path {
	case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
		"kernel/shm_rmid_forced", "kernel/msg_next_id", "kernel/sem_next_id", "kernel/shm_next_id":
		return specs.IPCNamespace
	case "kernel/hostname", "kernel/domainname":
		return specs.UTSNamespace
	}
	switch top, _, _ := strings.Cut(path, "/"); {
	case strings.HasPrefix(path, "fs/mqueue/"):
		return specs.IPCNamespace
	case top == "net":
		return specs.NetworkNamespace
	case top == "user":
		return specs.UserNamespace
	}
	return ""
}
