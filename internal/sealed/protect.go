package sealed

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

const self = "/proc/self/exe"

// Protect returns at once where the program needs no protection, and otherwise executes it again, with the same arguments (but the
// name of the program, which becomes its whole path) and environment, from where no container can write it: as a read-only mount
// of itself that is attached nowhere, which takes privilege, or as a sealed copy in memory. It has to be called before anything is
// begun.
func Protect() error {
	fd, err := unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fault.New(fault.Binary, "own program: %w", &os.PathError{Op: "open", Path: self, Err: err}).Remedy("roost needs a mounted /proc")
	}
	defer unix.Close(fd)
	f, err := look(fd)
	if err != nil {
		return fmt.Errorf("own program: %w", err)
	}
	if !Needed(f, uint32(os.Geteuid())) {
		if f.Fixed { // maybe by what follows here; the kernel named us after the descriptor
			_ = os.WriteFile("/proc/self/comm", []byte("roost"), 0)
		}
		return nil
	}
	safe, err := readOnlyMount(fd)
	if err != nil {
		if safe, err = sealedCopy(fd); err != nil {
			return fault.New(fault.Binary, "own program: containers could write it, and it cannot be run from a sealed copy: %w", err).
				Remedy("install it as root (make install), writable for nobody else")
		}
	}
	path := "/proc/self/fd/" + strconv.Itoa(safe)
	err = syscall.Exec(path, append([]string{original()}, os.Args[1:]...), os.Environ())
	return fault.New(fault.Binary, "own program: containers could write it, and its sealed copy cannot be executed: %w", err).
		Remedy("install it as root (make install), writable for nobody else")
}

// Self is what the rule looks at of this program.
func Self() (File, error) {
	fd, err := unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return File{}, &os.PathError{Op: "open", Path: self, Err: err}
	}
	defer unix.Close(fd)
	return look(fd)
}

// original is the path of the program itself. The copy gets it as its name, since its own path leads nowhere, and what belongs to
// an installation is looked for beside the program.
func original() string {
	if path, err := os.Readlink(self); err == nil {
		return path
	}
	return os.Args[0]
}

// look examines the open program.
func look(fd int) (File, error) {
	var st unix.Stat_t
	var fs unix.Statfs_t
	if err := unix.Fstat(fd, &st); err != nil {
		return File{}, os.NewSyscallError("fstat", err)
	}
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return File{}, os.NewSyscallError("fstatfs", err)
	}
	f := File{UID: st.Uid, Mode: st.Mode, Filesystem: uint32(fs.Type), Fixed: fs.Flags&unix.ST_RDONLY != 0}
	if seals, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0); err == nil && seals&unix.F_SEAL_WRITE != 0 {
		f.Fixed = true
	}
	n, err := unix.Fgetxattr(fd, "system.posix_acl_access", nil)
	f.ACL = err == nil && n > 0
	return f, nil
}

// readOnlyMount is a mount of the file alone.
func readOnlyMount(fd int) (int, error) {
	mnt, err := unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, os.NewSyscallError("open_tree", err)
	}
	if err := unix.MountSetattr(mnt, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		unix.Close(mnt)
		return -1, os.NewSyscallError("mount_setattr", err)
	}
	return mnt, nil
}

// sealedCopy is a memfd that can neither be written nor unsealed any more.
func sealedCopy(fd int) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return -1, os.NewSyscallError("fstat", err)
	}
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	mem, err := unix.MemfdCreate("roost", flags|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every memfd is executable
		mem, err = unix.MemfdCreate("roost", flags)
	}
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	for offset := int64(0); offset < st.Size; {
		n, err := unix.Sendfile(mem, fd, &offset, int(st.Size-offset))
		if err == unix.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = unix.EIO // it became shorter
		}
		if err != nil {
			unix.Close(mem)
			return -1, os.NewSyscallError("sendfile", err)
		}
	}
	const all = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(mem), unix.F_ADD_SEALS, all); err != nil {
		unix.Close(mem)
		return -1, os.NewSyscallError("fcntl F_ADD_SEALS", err)
	}
	return mem, nil
}
