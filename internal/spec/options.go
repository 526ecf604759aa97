package spec

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// MountOptions is a mount's options (runtime-spec config.md, "Linux mount options"), sorted by the system call that
// takes them.
type MountOptions struct {
	// Set and Clear are for mount_setattr(2) on the mount itself. The access time options are one field of several bits:
	// whenever one of them was given, Clear has all of MOUNT_ATTR__ATIME, as the kernel demands.
	Set, Clear uint64

	// RecSet and RecClear are the same for the mount and all below it (AT_RECURSIVE), to be applied after Set and Clear.
	RecSet, RecClear uint64

	Bind      bool // bind or rbind: type and Data mean nothing
	Recursive bool // rbind
	Remount   bool // change what is mounted at the destination

	IDMap     *IDMapOption // idmap or ridmap
	TmpCopyUp bool         // a new tmpfs first gets what is at its mount point
	IVersion  bool         // iversion: cannot be passed on, see [Loaded.GivenUp]

	// As crun has them: a bind's source that is a symbolic link is copied as a link, or bound itself, instead of what it points to; a
	// link at the destination is mounted over instead of followed.
	CopySymlink    bool
	SourceNoFollow bool
	DestNoFollow   bool

	// Propagation is to be applied in this order: MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with MS_REC for the
	// recursive ones.
	Propagation []uint64

	// SBFlags are what fsconfig(FSCONFIG_SET_FLAG) takes on any file system: sync, dirsync, mand, lazytime. A read-only
	// mount is MOUNT_ATTR_RDONLY in Set, not here: the superblock may be shared, and mount points may have to be made in
	// it first.
	SBFlags []string

	// Data is for the file system, for fsconfig: "key=value" or "key". An element that holds several, separated by commas
	// as in fstab, was taken apart; quotes around a value are gone.
	Data []string
}

// ParseOptions sorts a mount's options. The path of a problem is the option's index: "[2]".
// Of two that contradict each other the later one holds, as with mount(8).
func ParseOptions(options []string) (MountOptions, []Problem) {
	var m MountOptions
	var problems []Problem
	for i, o := range options {
		if text := m.parse(o); text != "" {
			problems = append(problems, Problem{Path: "[" + strconv.Itoa(i) + "]", Text: text, offset: -1})
		}
	}
	return m, problems
}

// parse returns what is wrong with the option, or "".
func (m *MountOptions) parse(o string) string {
	if hasNUL(o) {
		return nulText
	}
	if m.mode(o) || m.propagation(o) || m.superblock(o) || withoutEffect(o) {
		return ""
	}
	if is, text := m.idmap(o); is {
		return text
	}
	if a, ok := attribute(o); ok {
		m.Set, m.Clear = a.apply(m.Set, m.Clear)
		return ""
	}
	if rest, ok := strings.CutPrefix(o, "r"); ok {
		if a, ok := attribute(rest); ok {
			m.RecSet, m.RecClear = a.apply(m.RecSet, m.RecClear)
			return ""
		}
	}
	if text := unsupportedOption(o); text != "" {
		return text
	}
	m.Data = appendData(m.Data, o)
	return ""
}

func (m *MountOptions) mode(o string) bool {
	switch o {
	case "bind":
		m.Bind = true
	case "rbind":
		m.Bind, m.Recursive = true, true
	case "remount":
		m.Remount = true
	case "tmpcopyup":
		m.TmpCopyUp = true
	case "copy-symlink":
		m.CopySymlink = true
	case "src-nofollow":
		m.SourceNoFollow = true
	case "dest-nofollow":
		m.DestNoFollow = true
	case "iversion", "noiversion":
		m.IVersion = o == "iversion"
	default:
		return false
	}
	return true
}

func (m *MountOptions) propagation(o string) bool {
	flag, ok := Propagation(o)
	if ok {
		m.Propagation = append(m.Propagation, flag)
	}
	return ok
}

// Propagation is the mount(2) flag of a propagation type by its name, MS_REC included for rshared and so on.
func Propagation(name string) (uint64, bool) {
	switch name {
	case "shared":
		return unix.MS_SHARED, true
	case "slave":
		return unix.MS_SLAVE, true
	case "private":
		return unix.MS_PRIVATE, true
	case "unbindable":
		return unix.MS_UNBINDABLE, true
	case "rshared", "rslave", "rprivate", "runbindable":
		flag, _ := Propagation(name[1:])
		return flag | unix.MS_REC, true
	}
	return 0, false
}

// superblock handles the flags that belong to the file system instead of the mount.
func (m *MountOptions) superblock(o string) bool {
	undo := ""
	switch o {
	case "sync", "dirsync", "mand", "lazytime":
		undo = o
	case "async":
		undo = "sync"
	case "nomand", "nolazytime":
		undo = o[2:]
	default:
		return false
	}
	kept := m.SBFlags[:0]
	for _, f := range m.SBFlags {
		if f != undo {
			kept = append(kept, f)
		}
	}
	m.SBFlags = kept
	if undo == o {
		m.SBFlags = append(m.SBFlags, o)
	}
	return true
}

// withoutEffect knows the words that mount(8) reads and the kernel never sees, or that name what is so anyway.
func withoutEffect(o string) bool {
	switch o {
	case "defaults", "silent", "loud", "auto", "noauto", "nouser", "_netdev":
		return true
	}
	return strings.HasPrefix(o, "x-")
}

// unsupportedOption knows the words that a runtime implements itself: handed to the file system, or dropped with a
// bind mount, they would promise what nobody does.
func unsupportedOption(o string) string {
	name, _, _ := strings.Cut(o, "=")
	switch {
	case name == "":
		return "empty option; remove it"
	case strings.HasPrefix(o, "X-mount."):
		return "options of mount(8) such as " + name + " are not supported; remove it"
	}
	return ""
}

// appendData takes an option apart at its commas, as the kernel does with the data of mount(2): not within double
// quotes (SELinux contexts have commas), not after a backslash (overlay directories may).
func appendData(data []string, o string) []string {
	start, quoted := 0, false
	for i := 0; i < len(o); i++ {
		switch o[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ',':
			if !quoted {
				data = appendDatum(data, o[start:i])
				start = i + 1
			}
		}
	}
	return appendDatum(data, o[start:])
}

func appendDatum(data []string, o string) []string {
	key, value, ok := strings.Cut(o, "=")
	if n := len(value); ok && n > 1 && value[0] == '"' && value[n-1] == '"' {
		o = key + "=" + value[1:n-1]
	}
	if o == "" {
		return data
	}
	return append(data, o)
}
