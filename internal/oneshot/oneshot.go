package oneshot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// patience is how long a program may take: a thousand times what such programs do.
const patience = 30 * time.Second

// Run executes the program at this path with nothing of ours but these streams, and waits for its end. It is killed with the context, or
// when it takes half a minute. The status is 0 where somebody else in this process waited for it.
func Run(ctx context.Context, path string, args []string, streams [3]*os.File) (unix.WaitStatus, error) {
	b := &launch.Builder{StatusFD: 3}
	argv := []launch.Arg{b.String(path)}
	for _, arg := range args {
		argv = append(argv, b.String(arg))
	}
	b.ExecNext()
	b.Call("execute", unix.SYS_EXECVE, b.String(path), b.Pointers(argv), b.Pointers([]launch.Arg{b.String("LC_ALL=C")}))
	prog, err := b.Program()
	if err != nil {
		return 0, err
	}
	var o launch.Options
	for i, f := range streams {
		o.Files = append(o.Files, launch.File{File: f, To: i, Inherit: true})
	}
	child, err := launch.Start(prog, o)
	if err != nil {
		return 0, os.NewSyscallError("clone3", err)
	}
	defer child.Close()
	if err := child.Drive(ctx); err != nil {
		var step *launch.Error
		if errors.As(err, &step) && step.Errno != 0 {
			return 0, step.Errno
		}
		return 0, err
	}
	why := await(ctx, child.Pidfd())
	if why != nil {
		child.Kill()
	}
	status, err := child.Wait()
	switch {
	case why != nil:
		return 0, why
	case errors.Is(err, unix.ECHILD):
		return 0, nil // a process that imports us may wait for all children; what was written says how it went
	case err != nil:
		return 0, os.NewSyscallError("wait4", err)
	}
	return unix.WaitStatus(status), nil
}

// await returns when the process has ended, or why it is to end. A poll knows no context, so that is looked at from time to time.
func await(ctx context.Context, pidfd int) error {
	const look = 50 // ms
	for limit := time.Now().Add(patience); ; {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, look)
		switch {
		case err != nil && err != unix.EINTR:
			return os.NewSyscallError("poll", err)
		case fds[0].Revents != 0:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Now().After(limit):
			return fmt.Errorf("not done after %v", patience)
		}
	}
}

// Memory is a file in memory that keeps its size, in bytes.
func Memory(size int) (*os.File, error) {
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("roost", flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("roost", flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "memfd")
	if err = f.Truncate(int64(size)); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Written is what a program wrote to such a file: up to the position, which it shared with us.
func Written(f *os.File) []byte {
	n, err := f.Seek(0, 1)
	if err != nil {
		return nil
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil
	}
	return b
}
