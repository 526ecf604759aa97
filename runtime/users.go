package runtime

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// maxUsers is how much of a container's passwd or group file is read, in bytes.
const maxUsers = 1 << 20

// readIn reads a file below the root that a descriptor refers to. The file is the container's: it may be a FIFO, which would
// hold us for ever, a link to anywhere, or endless. What is no regular file counts as missing.
func readIn(root int, path string) (string, error) {
	fd, err := unix.Openat2(root, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return "", unix.ENOENT
	}
	b := make([]byte, min(max(st.Size, 0), maxUsers))
	n, err := fdReader(fd).Read(b)
	if n == 0 {
		return "", err
	}
	return string(b[:n]), nil
}

// homeIn is the home of a user by the container's passwd, or "/" as other runtimes have it.
func homeIn(root int, uid uint32) string {
	text, err := readIn(root, "etc/passwd")
	if err != nil {
		return "/"
	}
	id := strconv.FormatUint(uint64(uid), 10)
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) >= 7 && f[2] == id && strings.HasPrefix(f[5], "/") && !strings.Contains(f[5], "\x00") {
			return f[5]
		}
	}
	return "/"
}

// user is who a process runs as.
type user struct {
	uid, gid uint32
	groups   []uint32
}

// userIn resolves "uid[:gid]" or "name[:group]" by the container's files. A number is never a name: one that is too large
// is an error (CVE-2026-46680 took it for a name).
func userIn(root int, who string) (user, error) {
	name, group, hasGroup := strings.Cut(who, ":")
	var u user
	uid, numeric, err := parseID(name)
	if err != nil {
		return u, fmt.Errorf("user %q: %w", who, err)
	}
	passwd, _ := readIn(root, "etc/passwd")
	entry := findEntry(passwd, func(f []string) bool {
		return len(f) >= 4 && (numeric && f[2] == strconv.FormatUint(uint64(uid), 10) || !numeric && f[0] == name)
	})
	switch {
	case numeric:
		u.uid = uid
	case entry == nil:
		return u, fault.New(fault.User, "user %q: no such user in the container's /etc/passwd", name).Remedy("name one of those, or a number")
	default:
		if u.uid, _, err = parseID(entry[2]); err != nil {
			return u, fmt.Errorf("user %q: the container's /etc/passwd: %w", name, err)
		}
	}
	if entry != nil {
		if u.gid, _, err = parseID(entry[3]); err != nil {
			return u, fmt.Errorf("user %q: the container's /etc/passwd: %w", name, err)
		}
	}
	groups, _ := readIn(root, "etc/group")
	if hasGroup {
		u.gid, err = groupIn(groups, group)
		return u, err
	}
	if entry != nil {
		u.groups = memberships(groups, entry[0], u.gid)
	}
	return u, nil
}

func groupIn(text, group string) (uint32, error) {
	gid, numeric, err := parseID(group)
	if err != nil {
		return 0, fmt.Errorf("group %q: %w", group, err)
	}
	if numeric {
		return gid, nil
	}
	e := findEntry(text, func(f []string) bool { return len(f) >= 3 && f[0] == group })
	if e == nil {
		return 0, fault.New(fault.User, "group %q: no such group in the container's /etc/group", group).Remedy("name one of those, or a number")
	}
	gid, _, err = parseID(e[2])
	return gid, err
}

// maxGroups is what setgroups(2) takes, NGROUPS_MAX.
const maxGroups = 65536

func memberships(text, name string, gid uint32) []uint32 {
	var list []uint32
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 || len(list) == maxGroups {
			continue
		}
		for _, member := range strings.Split(f[3], ",") {
			if id, numeric, err := parseID(f[2]); member == name && numeric && err == nil && id != gid {
				list = append(list, id)
				break
			}
		}
	}
	return list
}

func findEntry(text string, fits func([]string) bool) []string {
	for line := range strings.Lines(text) {
		if f := strings.Split(strings.TrimSpace(line), ":"); fits(f) {
			return f
		}
	}
	return nil
}

// parseID reads an id, or finds that it is a name: whatever begins with a digit, + or - is meant as a number.
func parseID(s string) (id uint32, numeric bool, err error) {
	if s == "" {
		return 0, false, fmt.Errorf("it is empty")
	}
	if c := s[0]; (c < '0' || c > '9') && c != '+' && c != '-' {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 1<<32-1 || strconv.FormatUint(n, 10) != s {
		return 0, true, fmt.Errorf("%q is no id: use 0 to 4294967294, without sign or leading zeros", s)
	}
	return uint32(n), true, nil
}
