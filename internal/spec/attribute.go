package spec

import "golang.org/x/sys/unix"

// attr is what one option changes in a mount_setattr(2) request.
type attr struct {
	bits  uint64
	clear bool

	atime bool // bits are a value of the field MOUNT_ATTR__ATIME
	undo  bool // the option only takes back this value: the field goes to the kernel's default
}

// attribute knows the options that exist for one mount and, with an r before them, for a tree.
func attribute(o string) (attr, bool) {
	switch o {
	case "ro":
		return attr{bits: unix.MOUNT_ATTR_RDONLY}, true
	case "rw":
		return attr{bits: unix.MOUNT_ATTR_RDONLY, clear: true}, true
	case "nosuid":
		return attr{bits: unix.MOUNT_ATTR_NOSUID}, true
	case "suid":
		return attr{bits: unix.MOUNT_ATTR_NOSUID, clear: true}, true
	case "nodev":
		return attr{bits: unix.MOUNT_ATTR_NODEV}, true
	case "dev":
		return attr{bits: unix.MOUNT_ATTR_NODEV, clear: true}, true
	case "noexec":
		return attr{bits: unix.MOUNT_ATTR_NOEXEC}, true
	case "exec":
		return attr{bits: unix.MOUNT_ATTR_NOEXEC, clear: true}, true
	case "nosymfollow":
		return attr{bits: unix.MOUNT_ATTR_NOSYMFOLLOW}, true
	case "symfollow":
		return attr{bits: unix.MOUNT_ATTR_NOSYMFOLLOW, clear: true}, true
	case "nodiratime":
		return attr{bits: unix.MOUNT_ATTR_NODIRATIME}, true
	case "diratime":
		return attr{bits: unix.MOUNT_ATTR_NODIRATIME, clear: true}, true
	}
	return accessTime(o)
}

func accessTime(o string) (attr, bool) {
	switch o {
	case "relatime":
		return attr{atime: true, bits: unix.MOUNT_ATTR_RELATIME}, true
	case "noatime":
		return attr{atime: true, bits: unix.MOUNT_ATTR_NOATIME}, true
	case "strictatime":
		return attr{atime: true, bits: unix.MOUNT_ATTR_STRICTATIME}, true
	case "norelatime":
		// relatime is the kernel's own default: nothing to take back, and touching the field may be refused (locked).
		return attr{}, true
	case "atime":
		return attr{atime: true, undo: true, bits: unix.MOUNT_ATTR_NOATIME}, true
	case "nostrictatime":
		return attr{atime: true, undo: true, bits: unix.MOUNT_ATTR_STRICTATIME}, true
	}
	return attr{}, false
}

func (a attr) apply(set, clear uint64) (uint64, uint64) {
	switch {
	case a.atime:
		return a.applyAtime(set, clear)
	case a.clear:
		return set &^ a.bits, clear | a.bits
	}
	return set | a.bits, clear &^ a.bits
}

// applyAtime keeps the kernel's rule: the field is an enumeration, so it is cleared as a whole before a value is set.
// relatime is the value 0. "atime" after "strictatime" takes nothing back.
func (a attr) applyAtime(set, clear uint64) (uint64, uint64) {
	value := set & unix.MOUNT_ATTR__ATIME
	switch chosen := clear&unix.MOUNT_ATTR__ATIME != 0; {
	case !a.undo:
		value = a.bits
	case !chosen, value == a.bits:
		value = unix.MOUNT_ATTR_RELATIME
	}
	return set&^unix.MOUNT_ATTR__ATIME | value, clear | unix.MOUNT_ATTR__ATIME
}
