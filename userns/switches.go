package userns

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// switches is everything that is known to forbid user namespaces, as it stands.
// It is read after a refusal only, never on the way of a container that starts.
type switches struct {
	compiled   bool     // the kernel has user namespaces
	zero       []string // sysctls user.max_*_namespaces that are 0
	maxUser    string   // user.max_user_namespaces
	cloneOff   bool     // kernel.unprivileged_userns_clone is 0
	restricted bool     // kernel.apparmor_restrict_unprivileged_userns is 1
	seccomp    bool     // a filter is on this process
	label      string   // of the security module
	mapped     bool     // the caller's ids exist in its own user namespace
	privileged bool     // the caller is privileged on the machine, not just in a namespace, which passes the distributions' switches
	chrooted   bool     // certainly; false is no proof
}

// readSwitches reads them below proc, a /proc. Without one only a little is known.
func readSwitches(proc string) switches {
	s := switches{
		compiled:   exists(proc + "/self/ns/user"),
		maxUser:    word(proc + "/sys/user/max_user_namespaces"),
		cloneOff:   word(proc+"/sys/kernel/unprivileged_userns_clone") == "0",
		restricted: word(proc+"/sys/kernel/apparmor_restrict_unprivileged_userns") == "1",
		seccomp:    status(proc, "Seccomp") == "2",
		label:      label(proc),
		mapped:     true,
		chrooted:   chrooted("/"),
	}
	for _, kind := range [...]string{"user", "mnt", "pid", "ipc", "uts", "net", "cgroup", "time"} {
		if word(proc+"/sys/user/max_"+kind+"_namespaces") == "0" {
			s.zero = append(s.zero, "user.max_"+kind+"_namespaces")
		}
	}
	if c, err := Self(); err == nil {
		s.privileged = c.Privileged && initial(proc)
		s.mapped = c.mayCreate() == nil
	}
	return s
}

// initial: the first user namespace has a fixed number (PROC_USER_INIT_INO).
func initial(proc string) bool {
	link, err := os.Readlink(proc + "/self/ns/user")
	return err == nil && link == "user:[4026531837]"
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}

func word(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(bytes.Trim(data, " \t\n\x00"))
}

// status is one field of /proc/self/status, proc(5).
func status(proc, field string) string {
	for line := range strings.Lines(word(proc + "/self/status")) {
		if name, value, ok := strings.Cut(line, ":"); ok && name == field {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// label is without AppArmor's mode: "unconfined", "docker-default", or SELinux's context.
func label(proc string) string {
	text, _, _ := strings.Cut(word(proc+"/self/attr/current"), " (")
	return text
}

// chrooted: the root of a mount namespace is the root of a mount. A chroot to a
// plain directory is not; one to a mount point looks the same from inside.
func chrooted(root string) bool {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, root, 0, 0, &st); err != nil {
		return false
	}
	known := st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
	return known && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
