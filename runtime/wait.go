package runtime

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// Wait returns when the container's first process has ended. The status is known if somebody recorded it ([Container.RecordExit]),
// or from the kernel (6.15 and newer) if the process ended while we waited; otherwise it is Unknown.
func (c *Container) Wait(ctx context.Context) (ExitStatus, error) {
	fd, err := c.rec.process.open()
	if errors.Is(err, ErrNotRunning) {
		return c.recordedExit(), nil
	}
	if err != nil {
		return ExitStatus{Unknown: true}, err
	}
	defer unix.Close(fd)
	var memory *memoryWatch
	if g := c.group(); g != nil {
		memory = watchMemory(g)
		g.Close()
	}
	err = pollPidfd(ctx, fd, unix.POLLIN)
	killed := memory.killed()
	if err != nil {
		return ExitStatus{Unknown: true}, err
	}
	// Its parent has to take notice before the kernel tells others; who records the status does that after.
	reaped, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = pollPidfd(reaped, fd, 0)
	if ws, err := sys.PidfdExit(fd); err == nil {
		return exitStatus(ws).withReason(killed), nil
	}
	return c.recordedExit(), nil
}

// pollPidfd waits for events of a pidfd; POLLHUP, which needs not be asked for, is that it was waited for. It looks at the
// context from time to time: a poll knows no context.
func pollPidfd(ctx context.Context, fd int, events int16) error {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, 100)
		switch {
		case err != nil && err != unix.EINTR:
			return os.NewSyscallError("poll", err)
		case n > 0:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
	}
}

// RecordExit keeps the status for those who call Wait later, for containers that stay after their end.
func (c *Container) RecordExit(s ExitStatus) error {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return err
	}
	defer d.close()
	return d.write("exit", []byte(s.String()))
}

func (c *Container) recordedExit() ExitStatus {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return ExitStatus{Unknown: true}
	}
	defer d.close()
	return c.recorded(d)
}

func (c *Container) recorded(d *directory) ExitStatus {
	b, err := d.read("exit")
	if err != nil {
		return ExitStatus{Unknown: true}
	}
	number, oom := strings.CutSuffix(strings.TrimSpace(string(b)), " oom")
	code, err := strconv.Atoi(number)
	return ExitStatus{Code: code, Unknown: err != nil, OOM: oom}
}
