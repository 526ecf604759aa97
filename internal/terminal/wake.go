package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// wake is an event that happens once, and that poll(2) can wait for beside other descriptors: an eventfd that
// nobody ever reads stays readable.
type wake struct{ fd int }

func newWake() (wake, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return wake{-1}, os.NewSyscallError("eventfd", err)
	}
	return wake{fd}, nil
}

func (w wake) happen() { _, _ = unix.Write(w.fd, []byte{1, 0, 0, 0, 0, 0, 0, 1}) }

func (w wake) close() { _ = unix.Close(w.fd) }

// wait returns what fd is ready for, and false when the event came first, or when fd cannot be waited for.
// A negative fd waits for the event alone, for at most timeout milliseconds.
func (w wake) wait(fd int, events int16, timeout int) (ready int16, ok bool) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}, {Fd: int32(w.fd), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, timeout)
		if err == unix.EINTR {
			continue
		}
		if err != nil || fds[1].Revents != 0 {
			return 0, false
		}
		return fds[0].Revents, true
	}
}
