package byhand

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/roost-run/roost/internal/fault"
)

// resolveUser reads -u against the text of a passwd and a group file ("" where the container has none): uid, uid:gid,
// name, name:group or a mix. A number is always an id, never a name, even one that is too large: passwd files of
// images have had entries named like numbers (CVE-2026-46680). Without a group it is the passwd entry's, else 0.
// The additional groups are those that the group file gives to the user, none where a group was named.
func resolveUser(spec, passwd, group string) (*User, error) {
	who, grp, hasGroup := strings.Cut(spec, ":")
	uid, isNumber, err := parseID(who)
	if err != nil {
		return nil, err
	}
	entry := findAccount(passwd, func(a account) bool { return isNumber && a.id == uid || !isNumber && a.name == who })
	if entry == nil && !isNumber {
		return nil, fault.New(fault.Usage, "no user %s in the container's /etc/passwd", strconv.Quote(who)).Remedy("give a number, or another name")
	}
	u := &User{UID: uid}
	if entry != nil {
		u.UID, u.GID = entry.id, entry.gid
	}
	if hasGroup {
		u.GID, err = resolveGroup(grp, group)
		return u, err
	}
	// Root needs no group to reach its files, and a map of one id could not grant any.
	if entry != nil && u.UID != 0 {
		u.Groups = groupsOf(entry.name, u.GID, group)
	}
	return u, nil
}

func resolveGroup(name, group string) (uint32, error) {
	gid, isNumber, err := parseID(name)
	if err != nil || isNumber {
		return gid, err
	}
	g := findAccount(group, func(a account) bool { return a.name == name })
	if g == nil {
		return 0, fault.New(fault.Usage, "no group %s in the container's /etc/group", strconv.Quote(name)).Remedy("give a number, or another name")
	}
	return g.id, nil
}

// parseID reads an id. 2^32-1 means "no change" to the kernel (setresuid(2)), so it is none.
func parseID(s string) (id uint32, isNumber bool, err error) {
	if s == "" {
		return 0, false, fault.New(fault.Usage, "the user or the group is empty").Remedy("write uid, uid:gid, name or name:group")
	}
	if strings.Trim(s, "0123456789") != "" {
		if strings.ContainsAny(s, ":\n\x00/") || s[0] == '-' || s[0] == '+' {
			return 0, false, fmt.Errorf("%q is neither an id nor a name", s)
		}
		return 0, false, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, true, fault.New(fault.Usage, "%s is too large for an id", s).Remedy("the largest is 4294967294")
	}
	return uint32(n), true, nil
}

// account is a line of passwd(5), or of group(5), where id is the group's and gid is not used.
type account struct {
	name    string
	id, gid uint32
	home    string
	members string
}

// findAccount returns the first match, as getpwnam(3) does; lines that are not well-formed do not count.
func findAccount(text string, match func(account) bool) *account {
	for line := range strings.Lines(text) {
		if a, ok := parseAccount(line); ok && match(a) {
			return &a
		}
	}
	return nil
}

func parseAccount(line string) (account, bool) {
	f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
	if len(f) < 3 || f[0] == "" || f[0][0] == '#' {
		return account{}, false
	}
	id, ok, err := parseID(f[2])
	if !ok || err != nil {
		return account{}, false
	}
	a := account{name: f[0], id: id}
	if len(f) == 4 {
		a.members = f[3]
	}
	if len(f) >= 7 {
		gid, ok, err := parseID(f[3])
		if !ok || err != nil {
			return account{}, false
		}
		a.gid, a.home = gid, f[5]
	}
	return a, true
}

func groupsOf(user string, primary uint32, group string) []uint32 {
	var out []uint32
	for line := range strings.Lines(group) {
		a, ok := parseAccount(line)
		if ok && a.id != primary && !slices.Contains(out, a.id) && slices.Contains(strings.Split(a.members, ","), user) {
			out = append(out, a.id)
		}
	}
	return out
}
