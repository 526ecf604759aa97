package byhand

import (
	"slices"
	"strings"
)

// parseMountinfo reads /proc/self/mountinfo, proc(5). Lines that are not understood are skipped: a mount
// that is not known of makes an overlay fail with a message, never show more.
func parseMountinfo(text string) []MountPoint {
	var out []MountPoint
	for line := range strings.Lines(text) {
		left, right, ok := strings.Cut(line, " - ")
		fields := strings.Fields(left)
		if !ok || len(fields) < 6 {
			continue
		}
		fsType, _, _ := strings.Cut(right, " ")
		out = append(out, MountPoint{Path: unescapeOctal(fields[4]), Dev: fields[2], Root: unescapeOctal(fields[3]), Type: fsType})
	}
	return out
}

// unescapeOctal undoes the kernel's \040 for a space, \011, \012, \134 and \043.
func unescapeOctal(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && isOctal(s[i+1]) && isOctal(s[i+2]) && isOctal(s[i+3]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }

// hasMountBelow also counts mounts that a later one covers: they cost an overlay, never show anything.
func hasMountBelow(mounts []MountPoint, dir string) bool {
	return slices.ContainsFunc(mounts, func(m MountPoint) bool { return below(m.Path, dir) })
}

// outermostBelow lists the mounts below dir that lie in no other of them, sorted, each once.
func outermostBelow(mounts []MountPoint, dir string) []string {
	var all []string
	for _, m := range mounts {
		if below(m.Path, dir) {
			all = append(all, m.Path)
		}
	}
	slices.Sort(all)
	var out []string
	for _, p := range all {
		if !slices.ContainsFunc(out, func(o string) bool { return within(p, o) }) {
			out = append(out, p)
		}
	}
	return out
}

// mountOf finds the mount that p lies on: the longest path wins, of several on one path the last.
func mountOf(mounts []MountPoint, p string) (MountPoint, bool) {
	best, found := MountPoint{}, false
	for _, m := range mounts {
		if within(p, m.Path) && (!found || len(m.Path) >= len(best.Path)) {
			best, found = m, true
		}
	}
	return best, found
}

// canBeLower says whether overlayfs accepts the file system as a lower layer. It refuses those that compare names
// in their own way or mount things by themselves (ovl_dentry_weird in fs/overlayfs/util.c).
func canBeLower(mounts []MountPoint, dir string) bool {
	m, _ := mountOf(mounts, dir)
	switch m.Type {
	case "autofs", "vfat", "msdos", "exfat", "ntfs", "ntfs3", "hfs", "hfsplus", "cifs", "smb3", "ecryptfs",
		"proc", "sysfs", "cgroup", "cgroup2", "devpts", "nsfs", "efivarfs":
		return false
	}
	return true
}

// aliases lists p and every other place where a mount of the same file system shows it or a part of it: with /home bind
// mounted at /var/nfs/home, /home/alice is also /var/nfs/home/alice.
func aliases(mounts []MountPoint, p string) []string {
	out := []string{p}
	on, ok := mountOf(mounts, p)
	if !ok {
		return out
	}
	inFS := rebase(p, strings.TrimSuffix(on.Path, "/"), on.Root)
	for _, m := range mounts {
		alias := m.Path // part of p is mounted there
		switch {
		case m.Dev != on.Dev || within(m.Path, p):
			continue
		case within(inFS, m.Root):
			alias = rebase(inFS, strings.TrimSuffix(m.Root, "/"), m.Path)
		case !within(m.Root, inFS):
			continue
		}
		if !slices.Contains(out, alias) {
			out = append(out, alias)
		}
	}
	return out
}
