package launch

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Outcome listens at the other end of what [Builder.ReportTo] named, a FIFO opened for reading only before the process was
// let go on: nil when it executed, an [*Error] without words if a step failed, ErrDied if it ended before, ErrDeadline; a
// negative patience is endless. The pidfd is the process's.
//
// The FIFO's hang-up says that it executed, as long as it had announced that; without the word before, it was killed.
func Outcome(fifo, pidfd int, patience time.Duration) error {
	limit := time.Now().Add(patience)
	announced := false
	for {
		fds := []unix.PollFd{{Fd: int32(fifo), Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
		var left *unix.Timespec
		if patience >= 0 {
			t := unix.NsecToTimespec(max(0, time.Until(limit)).Nanoseconds())
			left = &t
		}
		n, err := unix.Ppoll(fds, left, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return ErrDeadline
		}
		var m message
		n, err = unix.Read(fifo, unsafe.Slice((*byte)(unsafe.Pointer(&m)), messageSize))
		switch {
		case err == syscall.EAGAIN && fds[1].Revents == 0, err == syscall.EINTR:
			continue
		case n == messageSize && m.kind == msgExec:
			announced = true
		case n == messageSize && m.kind == msgFailed:
			return failure(m)
		case announced:
			return nil
		default:
			return ErrDied
		}
	}
}
