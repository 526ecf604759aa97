package delegate

import (
	"strings"

	"github.com/roost-run/roost/internal/fault"
)

// Unit is a unit of systemd's, by its name and by whose manager has it.
type Unit struct {
	Bus    string // "user" or "system"
	Name   string
	caller *caller // see Request
}

// The managers.
const (
	UserBus   = "user"
	SystemBus = "system"
)

const maxUnit = 255 // UNIT_NAME_MAX without the NUL byte

// names finds slice and unit of a container. A cgroupsPath that is a path names neither.
func (r Request) names(systemBus bool) (slice, unit string, err error) {
	slice, prefix, name := "user.slice", "roost", r.ID
	if systemBus {
		slice = "system.slice"
	}
	if parts := strings.Split(r.CgroupsPath, ":"); len(parts) == 3 {
		if parts[0] != "" {
			slice = parts[0]
		}
		prefix = parts[1]
		if parts[2] != "" {
			name = parts[2]
		}
	} else if r.Systemd && r.CgroupsPath != "" {
		return "", "", fault.New(fault.Config, "linux.cgroupsPath: %q is not SLICE:PREFIX:NAME", r.CgroupsPath).Remedy("write it so, or run without --systemd-cgroup")
	}
	if err := checkSlice(slice); err != nil {
		return "", "", err
	}
	unit, err = scopeName(prefix, name)
	return slice, unit, err
}

// scopeName is PREFIX-NAME.scope; without a prefix, NAME.scope.
func scopeName(prefix, name string) (string, error) {
	if strings.HasSuffix(name, ".slice") {
		return "", fault.New(fault.Config, "linux.cgroupsPath: %q is a slice, which holds no processes", name).Remedy("name the container's scope")
	}
	if prefix != "" {
		name = prefix + "-" + name
	}
	unit := escape(strings.TrimSuffix(name, ".scope")) + ".scope"
	if len(unit) > maxUnit {
		return "", fault.New(fault.Config, "%s: a unit's name of %d bytes, %d are possible", unit, len(unit), maxUnit).Remedy("use a shorter ID or cgroupsPath")
	}
	if unit == ".scope" {
		return "", fault.New(fault.Config, "linux.cgroupsPath: no name of a unit in it")
	}
	return unit, nil
}

// escape writes what a unit's name may not have as \xXX, as systemd-escape(1) does. IDs of containers may have a plus; an at sign
// would make the name that of an instance of a template.
func escape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if alnum(c) || strings.IndexByte(":-_", c) >= 0 || c == '.' && i > 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(`\x` + hex(c))
		}
	}
	return b.String()
}

func alnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func hex(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// checkSlice refuses what systemd would, in words that name the place.
func checkSlice(slice string) error {
	name, ok := strings.CutSuffix(slice, ".slice")
	bad := !ok || name == "" || len(slice) > maxUnit
	if name != "-" {
		bad = bad || name[0] == '-' || name[len(name)-1] == '-' || strings.Contains(name, "--")
	}
	for i := 0; i < len(name) && !bad; i++ {
		bad = !alnum(name[i]) && strings.IndexByte(`:-_.\`, name[i]) < 0
	}
	if bad {
		return fault.New(fault.Config, "linux.cgroupsPath: %q is not the name of a slice", slice).Remedy(`name one as in "user-limited.slice:roost:NAME"; dashes are levels`)
	}
	return nil
}

// SlicePath is where a slice is in the tree: a-b.slice is in a.slice. It is "" for the root, "-.slice".
func SlicePath(slice string) string {
	name := strings.TrimSuffix(slice, ".slice")
	if name == "-" {
		return ""
	}
	var path strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '-' {
			path.WriteString("/" + name[:i] + ".slice")
		}
	}
	return path.String() + "/" + slice
}

// objectPath is where the manager has a unit on the bus: whatever is no letter or digit is escaped, and a digit that comes first.
func (u Unit) objectPath() string {
	var b strings.Builder
	b.WriteString("/org/freedesktop/systemd1/unit/")
	for i := 0; i < len(u.Name); i++ {
		c := u.Name[i]
		if alnum(c) && (i > 0 || c > '9') {
			b.WriteByte(c)
		} else {
			b.WriteString("_" + hex(c))
		}
	}
	return b.String()
}
