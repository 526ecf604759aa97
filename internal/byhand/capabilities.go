package byhand

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// defaultCapabilities are podman's: what root of a container needs to look after files, ids and ports, over its own user
// namespace.
func defaultCapabilities() []string {
	return []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
		"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT"}
}

// allCapabilities is capabilities(7) of Linux 5.14, in the order of their numbers; later kernels have no more.
func allCapabilities() []string {
	return strings.Fields(`CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID
		CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW
		CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT
		CAP_SYS_ADMIN CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE
		CAP_AUDIT_WRITE CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM
		CAP_BLOCK_SUSPEND CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE`)
}

// capabilities: the bounding set is the defaults with --cap-add and without --cap-drop. Root has all of it; anybody else has
// only what --cap-add names, as ambient capabilities, since execve(2) would take them away otherwise. Nothing is
// inheritable beyond those (CVE-2022-29162).
func capabilities(o Options, uid uint32, ps *problems) *specs.LinuxCapabilities {
	added := capNames("--cap-add", o.CapAdd, ps)
	dropped := capNames("--cap-drop", o.CapDrop, ps)
	set := defaultCapabilities()
	if slices.Contains(upper(o.CapDrop), "ALL") {
		set, dropped = nil, nil
	}
	for _, c := range added {
		if !slices.Contains(set, c) {
			set = append(set, c)
		}
	}
	for _, c := range dropped {
		if slices.Contains(added, c) && !slices.Contains(upper(o.CapAdd), "ALL") {
			ps.add("--cap-drop "+c, "--cap-add wants it; drop one of them")
		}
	}
	set = slices.DeleteFunc(set, func(c string) bool { return slices.Contains(dropped, c) })
	slices.Sort(set)
	if uid == 0 {
		return &specs.LinuxCapabilities{Bounding: set, Effective: set, Permitted: set}
	}
	own := slices.DeleteFunc(slices.Clone(set), func(c string) bool { return !slices.Contains(added, c) })
	return &specs.LinuxCapabilities{Bounding: set, Effective: own, Permitted: own, Inheritable: own, Ambient: own}
}

// capNames normalises: any case, with or without CAP_, ALL.
func capNames(flag string, names []string, ps *problems) []string {
	var out []string
	known := allCapabilities()
	for _, n := range upper(names) {
		full := "CAP_" + strings.TrimPrefix(n, "CAP_")
		switch {
		case n == "ALL":
			out = append(out, known...)
		case slices.Contains(known, full):
			out = append(out, full)
		default:
			ps.add(flag+" "+n, "no such capability; capabilities(7) has the names")
		}
	}
	return out
}

func upper(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, strings.ToUpper(n))
	}
	return out
}
