package byhand

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ownMounts changes the mounts of /proc, /dev and /sys where a namespace is not the container's own: the kernel
// mounts proc, sysfs and mqueue only for who owns the pid, network and ipc namespace. A bind of the
// host's shows the same, since the same namespace is shared.
func ownMounts(base []specs.Mount, o Options, f Facts) []specs.Mount {
	var out []specs.Mount
	for _, m := range base {
		switch {
		case m.Destination == "/proc" && shared(o.PID):
			m = specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc", Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev"}}
		case m.Destination == "/sys" && shared(o.Net):
			m = specs.Mount{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev", "rro"}}
		case m.Destination == "/dev/mqueue" && shared(o.IPC), m.Destination == "/dev/shm" && o.IPC == "host":
			if f.Sources[m.Destination] != Directory {
				continue
			}
			m = specs.Mount{Destination: m.Destination, Type: "bind", Source: m.Destination, Options: []string{"rbind", "rprivate", "nosuid", "noexec", "nodev"}}
		case m.Destination == "/dev/pts" && !f.Unlocked:
			// The group tty is not in every map, and devpts refuses a gid that is in none.
			m.Options = withoutPrefix(m.Options, "gid=")
		}
		out = append(out, m)
	}
	return out
}

// shared: the host's, or one named by path, of which nobody knows who owns it. A container's is owned by the user
// namespace that is joined along with it.
func shared(mode string) bool { return mode == "host" || strings.HasPrefix(mode, "ns:") }

func withoutPrefix(options []string, prefix string) []string {
	var out []string
	for _, o := range options {
		if !strings.HasPrefix(o, prefix) {
			out = append(out, o)
		}
	}
	return out
}

// rootfsExtras are for --rootfs: room to write where the root is read-only, and name resolution where there is
// a network.
func rootfsExtras(o Options, f Facts) []specs.Mount {
	var out []specs.Mount
	if o.ReadOnly {
		out = append(out, tmpfs("/run", "0755"), tmpfs("/tmp", "1777"), tmpfs("/var/tmp", "1777"))
	}
	if o.Net == "host" && f.ResolvConf != "" {
		out = append(out, readOnly(f.ResolvConf, "/etc/resolv.conf"))
	}
	return out
}
