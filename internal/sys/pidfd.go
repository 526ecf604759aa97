package sys

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pidfdInfo is struct pidfd_info in its first version, linux/pidfd.h.
type pidfdInfo struct {
	mask, cgroup    uint64
	pid, tgid, ppid uint32
	ids             [8]uint32
	exitCode        int32
}

const infoExit = 1 << 3 // PIDFD_INFO_EXIT, since Linux 6.15

// PidfdExit is the wait status of the process behind a pidfd that was opened while it lived, once somebody has waited for it.
// ENODATA when nobody has, or the kernel does not keep it; ENOTTY on kernels before 6.13. Source: ioctl PIDFD_GET_INFO, pidfs.
func PidfdExit(pidfd int) (syscall.WaitStatus, error) {
	info := pidfdInfo{mask: infoExit}
	// _IOWR(0xFF, 11, struct pidfd_info)
	request := 3<<30 | unsafe.Sizeof(info)<<16 | 0xff<<8 | 11
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(pidfd), request, uintptr(unsafe.Pointer(&info)))
	if errno != 0 {
		return 0, os.NewSyscallError("ioctl PIDFD_GET_INFO", errno)
	}
	if info.mask&infoExit == 0 {
		return 0, unix.ENODATA
	}
	return syscall.WaitStatus(info.exitCode), nil
}
