package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/runtime"
)

// passed are the descriptors that the caller wants handed on: those of socket activation (sd_listen_fds(3)), which come first,
// and preserve more after them.
func passed(preserve int) (runtime.Activation, []*os.File, error) {
	var a runtime.Activation
	n, err := listenFDs(os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_PID"), os.Getpid())
	if err != nil {
		return a, nil, err
	}
	if preserve < 0 {
		return a, nil, fmt.Errorf("--preserve-fds %d: give a number that is not negative", preserve)
	}
	if n > 0 {
		a.Names = os.Getenv("LISTEN_FDNAMES")
		if a.Files, err = inherited(3, n, "LISTEN_FDS="); err != nil {
			return a, nil, err
		}
	}
	files, err := inherited(3+n, preserve, "--preserve-fds ")
	return a, files, err
}

// listenFDs is how many sockets we are activated with. Without a LISTEN_PID they are taken for ours, as other runtimes take
// them; with another's they are meant for another.
func listenFDs(count, pid string, own int) (int, error) {
	if count == "" {
		return 0, nil
	}
	if pid != "" {
		n, err := strconv.Atoi(pid)
		if err != nil || n <= 0 {
			return 0, fault.New(fault.Usage, "LISTEN_PID=%s: not a pid", pid).Remedy("see sd_listen_fds(3), or unset LISTEN_FDS and LISTEN_PID")
		}
		if n != own {
			return 0, nil
		}
	}
	const most = 1 << 16 // far more than systemd passes
	n, err := strconv.Atoi(count)
	if err != nil || n < 0 || n > most {
		return 0, fault.New(fault.Usage, "LISTEN_FDS=%s: not a number of descriptors", count).Remedy("see sd_listen_fds(3), or unset it")
	}
	return n, nil
}

// inherited returns the n descriptors from first on, which the caller left open. Our own are close-on-exec, those from the
// caller cannot be; they become so, since nobody whom we execute on the way is to have them.
func inherited(first, n int, who string) ([]*os.File, error) {
	var files []*os.File
	for fd := first; fd < first+n; fd++ {
		bits, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || bits&unix.FD_CLOEXEC != 0 {
			return nil, fault.New(fault.Usage, "%s%d: descriptor %d is not open", who, n, fd).Remedy("open it in the shell (%d<FILE), or pass fewer", fd)
		}
		unix.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), fmt.Sprintf("fd %d", fd)))
	}
	return files, nil
}
