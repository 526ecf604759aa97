package probe

import (
	"context"
	"errors"
	"math"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/sys"
)

// Feature is something of the kernel's that roost uses.
type Feature struct {
	Name   string // as the manual pages have it
	Needed bool   // nothing works without it
	For    string // what it is used for
	Answer Answer
}

// Kernel probes all features. User says to try in a user namespace what takes privilege.
func Kernel(ctx context.Context, user bool) []Feature {
	return []Feature{
		{"clone3", true, "starting containers", Clone3()},
		{"openat2", true, "paths below a container's root", Openat2()},
		{"pidfd_open", true, "waiting for processes, and signals to them", Pidfd()},
		{"close_range", true, "closing what a container must not have", CloseRange()},
		{"mount_setattr", true, "mount options", MountSetattr()},
		{"idmapped-mounts", false, "mounts whose files have other owners", IDMapped(ctx, user)},
		{"clone-into-cgroup", false, "containers that are born in their cgroup", IntoCgroup(ctx)},
		{"time-namespaces", false, "clocks of a container's own", TimeNamespace(ctx, user)},
		{"seccomp-notify", false, "system calls that somebody else decides about", SeccompNotify()},
		{"pidfd-get-info", false, "exit statuses of processes that others waited for", PidfdGetInfo()},
		{"statmount", false, "looking at mounts one by one", Statmount()},
		{"psi", false, "pressure stall information", PSI()},
	}
}

// missing is the answer of a kernel that lacks a call.
func missing(err error) Answer { return answer(err, unix.ENOSYS) }

// Clone3 is about clone3(2): it has no arguments of size 0.
func Clone3() Answer { return missing(except(sys.Unknown(unix.SYS_CLONE3, [6]uintptr{}), unix.EINVAL)) }

// Openat2 is about openat2(2).
func Openat2() Answer {
	fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err == nil {
		unix.Close(fd)
	}
	return missing(err)
}

// Pidfd is about pidfd_open(2).
func Pidfd() Answer {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		unix.Close(fd)
	}
	return missing(err)
}

// CloseRange is about close_range(2), of the one descriptor that nobody has.
func CloseRange() Answer { return missing(unix.CloseRange(math.MaxUint32, math.MaxUint32, 0)) }

// MountSetattr is about mount_setattr(2). Who may mount nothing gets EPERM before anything is looked at.
func MountSetattr() Answer {
	err := sys.Unknown(unix.SYS_MOUNT_SETATTR, [6]uintptr{^uintptr(0), 0, 0, 0, 0})
	return missing(except(err, unix.EINVAL, unix.EPERM, unix.EFAULT, unix.EBADF))
}

// IntoCgroup is about CLONE_INTO_CGROUP in clone(2): a directory that is no cgroup is EBADF, the flag alone EINVAL.
func IntoCgroup(ctx context.Context) Answer {
	dir, err := os.Open("/")
	if err != nil {
		return Answer{Unknown, err}
	}
	defer dir.Close()
	return answer(except(Try(ctx, Place{Cgroup: dir}, nil), unix.EBADF), unix.EINVAL, unix.ENOSYS)
}

// TimeNamespace is about time_namespaces(7).
func TimeNamespace(ctx context.Context, user bool) Answer {
	err := Try(ctx, Place{User: user}, func(b *launch.Builder) {
		b.Call("unshare the clocks", unix.SYS_UNSHARE, launch.Const(unix.CLONE_NEWTIME))
	})
	return answer(err, unix.EINVAL, unix.ENOSYS)
}

// SeccompNotify is about SECCOMP_FILTER_FLAG_NEW_LISTENER in seccomp(2).
func SeccompNotify() Answer {
	return answer(sys.ProbeSeccomp(unix.SECCOMP_FILTER_FLAG_NEW_LISTENER), unix.EINVAL, unix.ENOSYS)
}

// PidfdGetInfo is about the ioctl PIDFD_GET_INFO.
func PidfdGetInfo() Answer {
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return missing(err)
	}
	defer unix.Close(fd)
	_, err = sys.PidfdExit(fd)
	return answer(except(err, unix.ENODATA), unix.ENOTTY, unix.EINVAL)
}

// Statmount is about statmount(2).
func Statmount() Answer {
	return missing(except(sys.Unknown(unix.SYS_STATMOUNT, [6]uintptr{}), unix.EFAULT, unix.EINVAL, unix.EPERM))
}

// PSI is about /proc/pressure: a kernel that was started with psi=0 has the files, and refuses to read them.
func PSI() Answer {
	_, err := sys.ReadProc("/proc/pressure/cpu")
	if errors.Is(err, os.ErrNotExist) && !proc() {
		return Answer{Unknown, err}
	}
	return answer(err, unix.ENOENT, unix.EOPNOTSUPP)
}

func proc() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/proc", &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
}

// Errno is the number in an error of this package, 0 if there is none.
func Errno(err error) syscall.Errno {
	var errno syscall.Errno
	errors.As(err, &errno)
	return errno
}
