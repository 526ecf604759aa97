package sealed

import "golang.org/x/sys/unix"

// File is what the rule looks at of the program's file.
type File struct {
	UID        uint32
	Mode       uint32
	ACL        bool   // a POSIX ACL may give access to anybody
	Filesystem uint32 // magic number, man 2 statfs
	Fixed      bool   // reached through a read-only mount, or a memfd sealed against writing
}

// overflow is the owner of what belongs to nobody of our user namespace, user_namespaces(7).
const overflow = 65534

// Needed reports whether a container that this user starts might write the file or change its attributes. The only file that
// it cannot is one of root's, or of somebody outside of our user namespace, that nobody else may write; every other owner may
// be one of the ids that the container gets. What may be written by a group counts: supplementary groups stay with a process
// even where they are not mapped.
func Needed(f File, euid uint32) bool {
	if f.Fixed {
		return false
	}
	foreign := (f.UID == 0 || f.UID == overflow) && f.UID != euid
	return !foreign || f.Mode&(unix.S_IWGRP|unix.S_IWOTH) != 0 || f.ACL || remote(f.Filesystem)
}

// remote are file systems where the ids and modes that we see say little about who may write.
func remote(magic uint32) bool {
	switch magic {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC,
		unix.V9FS_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC:
		return true
	}
	return false
}
