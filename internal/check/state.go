package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sealed"
)

// Place is the state root, as the command line and the environment lead to it.
type Place struct {
	Path  string
	Given bool  // by --root
	Err   error // why there is none
}

// stateFacts is where things are kept.
type stateFacts struct {
	root        Place
	uid         int
	machineRoot bool
	xdg         string
	rootType    string // of the file system, "" if unknown
	home        string
	homeType    string
	program     string
	file        sealed.File
	fileErr     error
	euid        uint32
	systemd     bool
	unusable    error // why nothing can be kept there
}

func (h host) stateFacts(root Place, c callerFacts) stateFacts {
	f := stateFacts{root: root, uid: os.Geteuid(), euid: uint32(os.Geteuid()), machineRoot: c.privileged() && c.machine,
		xdg: h.env("XDG_RUNTIME_DIR"), home: h.env("HOME"), systemd: h.exists("/run/systemd/system")}
	f.rootType, f.homeType = filesystem(root.Path), filesystem(f.home)
	f.unusable = unusable(root.Path)
	f.program, _ = os.Readlink("/proc/self/exe")
	f.file, f.fileErr = sealed.Self()
	return f
}

// unusable is what keeps us from writing in a directory, or from making it.
func unusable(path string) error {
	for filepath.IsAbs(path) {
		err := unix.Faccessat(unix.AT_FDCWD, path, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
		if err != unix.ENOENT || path == "/" {
			return wrapped(path, err)
		}
		path = filepath.Dir(path)
	}
	return nil
}

func wrapped(path string, err error) error {
	if err == nil {
		return nil
	}
	return &os.PathError{Op: "write", Path: path, Err: err}
}

// filesystem is the type of what the path is on, or would be on if it were made.
func filesystem(path string) string {
	if !filepath.IsAbs(path) {
		return ""
	}
	for {
		var fs unix.Statfs_t
		err := unix.Statfs(path, &fs)
		if err == nil {
			return filesystemName(uint32(fs.Type))
		}
		if err != unix.ENOENT || path == "/" {
			return ""
		}
		path = filepath.Dir(path)
	}
}

// filesystemName is what mount(8) calls it, or its number. Lustre and its like have no constants: their magic numbers are in their
// own sources.
func filesystemName(magic uint32) string {
	for _, known := range [...]struct {
		magic uint32
		name  string
	}{
		{unix.TMPFS_MAGIC, "tmpfs"}, {unix.EXT4_SUPER_MAGIC, "ext4"}, {unix.XFS_SUPER_MAGIC, "xfs"}, {unix.BTRFS_SUPER_MAGIC, "btrfs"},
		{unix.OVERLAYFS_SUPER_MAGIC, "overlay"}, {unix.F2FS_SUPER_MAGIC, "f2fs"}, {0x2fc12fc1, "zfs"}, {unix.RAMFS_MAGIC, "ramfs"}, {0xca451a4e, "bcachefs"},
		{unix.NFS_SUPER_MAGIC, "nfs"}, {unix.SMB_SUPER_MAGIC, "smb"}, {unix.SMB2_SUPER_MAGIC, "smb"}, {unix.CIFS_SUPER_MAGIC, "cifs"},
		{unix.V9FS_MAGIC, "9p"}, {unix.FUSE_SUPER_MAGIC, "fuse"}, {unix.CEPH_SUPER_MAGIC, "ceph"}, {unix.AFS_SUPER_MAGIC, "afs"}, {unix.AFS_FS_MAGIC, "afs"},
		{unix.CODA_SUPER_MAGIC, "coda"}, {0x0bd00bd0, "lustre"}, {0x47504653, "gpfs"}, {0x19830326, "beegfs"},
	} {
		if known.magic == magic {
			return known.name
		}
	}
	return "of type 0x" + strconv.FormatUint(uint64(magic), 16)
}

// shared are file systems that other machines see as well, and whose owners these machines decide about.
func shared(name string) bool {
	switch name {
	case "nfs", "smb", "cifs", "9p", "ceph", "afs", "coda", "lustre", "gpfs", "beegfs":
		return true
	}
	return false
}

func stateItems(f stateFacts) []Item {
	list := []Item{stateRootItem(f)}
	if f.root.Err == nil {
		list = append(list, stateTypeItem(f))
	}
	if shared(f.homeType) {
		list = append(list, note("state.home", fmt.Sprintf("your home is on %s: its server knows no sub-ids, so root file systems there can have no other owners than you", f.homeType)).
			says(f.home, f.homeType).remedy(User, "keep root file systems on a local disk, or run with --idmap=single"))
	} else if f.homeType != "" {
		list = append(list, ok("state.home", "your home is on "+f.homeType).says(f.home, f.homeType))
	}
	return append(list, programItem(f))
}

func stateRootItem(f stateFacts) Item {
	login := fmt.Sprintf("/run/user/%d", f.uid)
	switch {
	case f.root.Err != nil:
		text, hint := split(f.root.Err)
		return wrong("state.root", "there is no directory for the state of containers").says("$XDG_RUNTIME_DIR", text).remedy(User, hint)
	case f.unusable != nil:
		return wrong("state.root", f.root.Path+" cannot be used for the state of containers").says(f.root.Path, f.unusable.Error()).
			remedy(User, "name a directory that you can write, on a tmpfs or a local disk:", "roost --root DIR COMMAND")
	case f.root.Given:
		return ok("state.root", f.root.Path+", given by --root").says("--root", f.root.Path)
	case f.machineRoot && f.root.Path == "/run/roost":
		return ok("state.root", f.root.Path+", for root of the machine")
	case f.xdg != "":
		return ok("state.root", f.root.Path+", by XDG_RUNTIME_DIR").says("$XDG_RUNTIME_DIR", f.xdg)
	case f.root.Path == login+"/roost":
		return ok("state.root", f.root.Path+", since "+login+" is yours; XDG_RUNTIME_DIR is not set").says("$XDG_RUNTIME_DIR", "(not set)")
	}
	i := note("state.root", f.root.Path+", for want of a better place: XDG_RUNTIME_DIR is not set, and there is no "+login+" of yours").
		says("$XDG_RUNTIME_DIR", "(not set)")
	if !f.systemd {
		return i
	}
	return i.remedy(Admin, "log in through systemd-logind (ssh, machinectl shell; not su or sudo), or have a session kept for you:", "loginctl enable-linger "+strconv.Itoa(f.uid))
}

func stateTypeItem(f stateFacts) Item {
	switch {
	case f.rootType == "":
		return note("state.filesystem", "the type of the file system of "+f.root.Path+" cannot be told")
	case shared(f.rootType):
		return warning("state.filesystem", fmt.Sprintf("%s is on %s, which other machines share: containers of theirs look ended from here", f.root.Path, f.rootType)).
			says(f.root.Path, f.rootType).remedy(User, "name a directory on a local disk or a tmpfs:", fmt.Sprintf("roost --root /tmp/roost-%d COMMAND", f.uid))
	}
	return ok("state.filesystem", f.root.Path+" is on "+f.rootType).says(f.root.Path, f.rootType)
}

// programItem says which case of internal/sealed this install is in.
func programItem(f stateFacts) Item {
	if f.fileErr != nil {
		return wrong("state.program", "roost's own program cannot be looked at, and no container starts without that").because("/proc/self/exe", f.fileErr).
			remedy(User, "roost needs a mounted /proc")
	}
	says := Evidence{f.program, fmt.Sprintf("owner %d, mode %04o", f.file.UID, f.file.Mode&0o7777)}
	var i Item
	switch {
	case !sealed.Needed(f.file, f.euid):
		i = ok("state.program", f.program+" is safe from containers as it is")
	case f.machineRoot:
		i = ok("state.program", f.program+" is protected by a read-only mount of itself")
	default:
		i = note("state.program", "containers could write "+f.program+": roost runs from a sealed copy, about 3 ms more for each start").
			remedy(Admin, "install it as root, writable for nobody else:", "make install")
	}
	return i.says(says.Source, says.Says)
}
