package launch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// syscallName names the system calls that programs are made of. They differ in number between architectures, never in name.
func syscallName(nr uintptr) string {
	for _, c := range calls() {
		if c.nr == nr {
			return c.name
		}
	}
	return fmt.Sprintf("syscall %d", nr)
}

type callName struct {
	nr   uintptr
	name string
}

// calls lists what programs and the composite operations use. Every one exists on every architecture that Linux supports in
// Go: no legacy calls.
func calls() []callName {
	return []callName{
		{unix.SYS_CAPSET, "capset"},
		{unix.SYS_CHDIR, "chdir"},
		{unix.SYS_CHROOT, "chroot"},
		{unix.SYS_CLONE3, "clone3"},
		{unix.SYS_CLOSE, "close"},
		{unix.SYS_CLOSE_RANGE, "close_range"},
		{unix.SYS_DUP3, "dup3"},
		{unix.SYS_EVENTFD2, "eventfd2"},
		{unix.SYS_EXECVE, "execve"},
		{unix.SYS_EXIT_GROUP, "exit_group"},
		{unix.SYS_FACCESSAT2, "faccessat2"},
		{unix.SYS_FCHDIR, "fchdir"},
		{unix.SYS_FCHMOD, "fchmod"},
		{SysFchown, "fchown"},
		{unix.SYS_FCHOWNAT, "fchownat"},
		{unix.SYS_FCNTL, "fcntl"},
		{unix.SYS_FSCONFIG, "fsconfig"},
		{unix.SYS_FSETXATTR, "fsetxattr"},
		{unix.SYS_FSMOUNT, "fsmount"},
		{unix.SYS_FSOPEN, "fsopen"},
		{sysFstatfs, "fstatfs"},
		{unix.SYS_FSPICK, "fspick"},
		{unix.SYS_GETCWD, "getcwd"},
		{unix.SYS_GETDENTS64, "getdents64"},
		{unix.SYS_GETPID, "getpid"},
		{unix.SYS_IOCTL, "ioctl"},
		{unix.SYS_IOPRIO_SET, "ioprio_set"},
		{unix.SYS_KEYCTL, "keyctl"},
		{unix.SYS_KILL, "kill"},
		{unix.SYS_LINKAT, "linkat"},
		{unix.SYS_LSEEK, "lseek"},
		{unix.SYS_MKDIRAT, "mkdirat"},
		{unix.SYS_MKNODAT, "mknodat"},
		{unix.SYS_MOUNT_SETATTR, "mount_setattr"},
		{unix.SYS_MOVE_MOUNT, "move_mount"},
		{unix.SYS_OPENAT, "openat"},
		{unix.SYS_OPENAT2, "openat2"},
		{unix.SYS_OPEN_TREE, "open_tree"},
		{unix.SYS_PERSONALITY, "personality"},
		{unix.SYS_PIDFD_OPEN, "pidfd_open"},
		{unix.SYS_PIVOT_ROOT, "pivot_root"},
		{unix.SYS_PPOLL, "ppoll"},
		{unix.SYS_PRCTL, "prctl"},
		{unix.SYS_PRLIMIT64, "prlimit64"},
		{unix.SYS_READ, "read"},
		{unix.SYS_READLINKAT, "readlinkat"},
		{unix.SYS_RECVMSG, "recvmsg"},
		{unix.SYS_RT_SIGPROCMASK, "rt_sigprocmask"},
		{unix.SYS_RT_SIGTIMEDWAIT, "rt_sigtimedwait"},
		{unix.SYS_SCHED_SETAFFINITY, "sched_setaffinity"},
		{unix.SYS_SCHED_SETATTR, "sched_setattr"},
		{unix.SYS_SECCOMP, "seccomp"},
		{unix.SYS_SENDMSG, "sendmsg"},
		{unix.SYS_SETDOMAINNAME, "setdomainname"},
		{SysSetgroups, "setgroups"},
		{unix.SYS_SETHOSTNAME, "sethostname"},
		{unix.SYS_SET_MEMPOLICY, "set_mempolicy"},
		{unix.SYS_SETNS, "setns"},
		{unix.SYS_SETPGID, "setpgid"},
		{SysSetresgid, "setresgid"},
		{SysSetresuid, "setresuid"},
		{unix.SYS_SETSID, "setsid"},
		{unix.SYS_STATX, "statx"},
		{unix.SYS_SOCKET, "socket"},
		{unix.SYS_SYMLINKAT, "symlinkat"},
		{unix.SYS_UMASK, "umask"},
		{unix.SYS_UMOUNT2, "umount2"},
		{unix.SYS_UNLINKAT, "unlinkat"},
		{unix.SYS_UNSHARE, "unshare"},
		{unix.SYS_UTIMENSAT, "utimensat"},
		{unix.SYS_WAIT4, "wait4"},
		{unix.SYS_WRITE, "write"},
	}
}
