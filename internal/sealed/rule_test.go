package sealed

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNeeded(t *testing.T) {
	const alice = 1000
	installed := File{UID: 0, Mode: 0o755, Filesystem: unix.EXT4_SUPER_MAGIC}
	with := func(change func(*File)) File { f := installed; change(&f); return f }
	for _, c := range []struct {
		name string
		file File
		euid uint32
		want bool
	}{
		{"installed by root", installed, alice, false},
		{"installed by root, run by root", installed, 0, true},
		{"installed by root, seen from a user namespace", with(func(f *File) { f.UID = overflow }), 0, false},
		{"the overflow id is a user like others where it runs something", with(func(f *File) { f.UID = overflow }), overflow, true},
		{"in ~/bin", with(func(f *File) { f.UID = alice }), alice, true},
		{"in ~/bin, read-only: its owner can change that", with(func(f *File) { f.UID, f.Mode = alice, 0o555 }), alice, true},
		{"a colleague's, who may be one of our sub-ids", with(func(f *File) { f.UID = 1001 }), alice, true},
		{"root:staff 0775", with(func(f *File) { f.Mode = 0o775 }), alice, true},
		{"writable for all", with(func(f *File) { f.Mode = 0o757 }), alice, true},
		{"an ACL", with(func(f *File) { f.ACL = true }), alice, true},
		{"NFS", with(func(f *File) { f.Filesystem = unix.NFS_SUPER_MAGIC }), alice, true},
		{"FUSE", with(func(f *File) { f.Filesystem = unix.FUSE_SUPER_MAGIC }), alice, true},
		{"sealed already", with(func(f *File) { f.UID, f.Fixed = alice, true }), alice, false},
		{"a read-only mount, run by root", with(func(f *File) { f.Fixed = true }), 0, false},
	} {
		if got := Needed(c.file, c.euid); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
