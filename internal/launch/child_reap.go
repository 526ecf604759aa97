package launch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reapArea is scratch space of reap.
type reapArea struct {
	set    [sigsetSize / 8]uint64
	info   [128]byte
	status int32
}

const reapSize = int(unsafe.Sizeof(reapArea{}))

// reap is a pid 1 in the least: every child is waited for, every signal that we get goes on to the one child, whose end is
// ours. Signals come by rt_sigtimedwait, so there are no handlers and no races with them.
//
//go:nosplit
//go:norace
//go:nocheckptr
//go:noinline
func reap(h *header, pid uintptr, r *reapArea) {
	for k := range r.set {
		r.set[k] = ^uint64(0)
	}
	for {
		got, e := uintptr(1), syscall.Errno(0)
		for e == syscall.EINTR || e == 0 && got != 0 {
			h.args[0], h.args[1], h.args[2], h.args[3] = ^uintptr(0), uintptr(unsafe.Pointer(&r.status)), unix.WNOHANG, 0
			got, e = sys(h, unix.SYS_WAIT4)
			if e == 0 && got == pid {
				exit(exitCode(uint32(r.status)))
			}
			if e == syscall.ECHILD { // it was never ours: nothing will ever come
				exit(255)
			}
		}
		h.args[0], h.args[1], h.args[2], h.args[3] = uintptr(unsafe.Pointer(&r.set)), uintptr(unsafe.Pointer(&r.info)), 0, sigsetSize
		sig, e := sys(h, unix.SYS_RT_SIGTIMEDWAIT)
		if e == 0 && sig != uintptr(syscall.SIGCHLD) {
			h.args[0], h.args[1] = pid, sig
			sys(h, unix.SYS_KILL)
		}
	}
}

// exitCode is the shell's: 128+n for a process that signal n killed.
//
//go:nosplit
//go:norace
func exitCode(status uint32) uintptr {
	if s := status & 0x7f; s != 0 {
		return uintptr(128 + s)
	}
	return uintptr(status >> 8 & 0xff)
}
