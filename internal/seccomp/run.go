package seccomp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// patience is how long compiling may take: a thousand times what it does.
const patience = 30 * time.Second

// maxText is more than the compiler says about a section.
const maxText = 64 << 10

// compile runs the compiler. Its standard streams are files in memory that cannot grow: nothing has to be read while it runs,
// and it can neither fill our memory nor keep us waiting by holding a pipe open.
func compile(ctx context.Context, where places, raw []byte) (file []byte, err error) {
	path, err := where.find()
	if err != nil {
		return nil, err
	}
	fail := func(err error) error { return fmt.Errorf("%s: %w", path, err) }
	var streams [3]*os.File
	for i, size := range []int{len(raw), maxFile, maxText} {
		if streams[i], err = memory(size); err != nil {
			return nil, fail(err)
		}
		defer streams[i].Close()
	}
	if _, err := streams[0].WriteAt(raw, 0); err != nil { // the position stays at the beginning
		return nil, fail(err)
	}
	status, err := run(ctx, path, streams)
	if err != nil {
		return nil, fail(err)
	}
	said := written(streams[2])
	if status.Exited() && status.ExitStatus() == 0 && len(said) == 0 {
		return written(streams[1]), nil
	}
	if problems := problems(string(said)); status.Exited() && problems != nil {
		return nil, &ProfileError{problems}
	}
	return nil, fail(ended(status, strings.TrimSpace(string(said))))
}

// problems are the lines about the section, if it said nothing else.
func problems(said string) (list []string) {
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "linux.seccomp") {
			return nil
		}
		list = append(list, strings.TrimRight(line, "\n"))
	}
	return list
}

func ended(status unix.WaitStatus, said string) error {
	how := fmt.Sprintf("exit status %d", status.ExitStatus())
	if status.Signaled() {
		how = fmt.Sprintf("killed by signal %d", int(status.Signal()))
	}
	if said == "" {
		return errors.New(how)
	}
	return fmt.Errorf("%s: %.1000s", how, strings.ReplaceAll(said, "\n", "; "))
}

// run executes the compiler with nothing of ours but these streams, and waits for its end.
func run(ctx context.Context, path string, streams [3]*os.File) (unix.WaitStatus, error) {
	b := &launch.Builder{StatusFD: 3}
	b.ExecNext()
	b.Call("execute", unix.SYS_EXECVE, b.String(path), b.Pointers([]launch.Arg{b.String(path)}), b.Pointers([]launch.Arg{b.String("LC_ALL=C")}))
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

// memory is a file in memory that keeps its size.
func memory(size int) (*os.File, error) {
	flags := unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(program, flags|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate(program, flags)
	}
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), program)
	if err = f.Truncate(int64(size)); err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// written is what was written to such a file: up to the position, which the writer shared with us.
func written(f *os.File) []byte {
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
