package launch

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// event is a message from the child. Kind 0 is the end of the socket.
type event struct {
	message
	pid   int // of the sender, as the kernel says (man 7 unix, SCM_CREDENTIALS)
	files []*os.File
}

// next awaits a message; a negative patience is endless. A hang-up alone is not relied on: a process that somebody else forked in the same moment may hold the
// child's end for a while. So the pidfd is looked at as well, and the time. The pidfd comes first: poll looks at them in order,
// and the last words of a process that has ended are there already when the socket's turn comes.
func (c *Child) next(patience time.Duration) (event, error) {
	limit := time.Now().Add(patience)
	for {
		fds := []unix.PollFd{{Fd: int32(c.pidfd)}, {Fd: int32(c.conn)}, {Fd: int32(c.wake)}}
		for i := range fds {
			fds[i].Events = unix.POLLIN
		}
		if c.pid == 0 { // the first process ends as soon as it made the second
			fds[0].Fd = -1
		}
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
			return event{}, os.NewSyscallError("ppoll", err)
		case n == 0:
			return event{}, ErrDeadline
		case fds[2].Revents != 0:
			return event{}, errCancelled
		case fds[1].Revents != 0:
			return c.receive()
		default: // ended, and said nothing more
			return event{}, nil
		}
	}
}

// errCancelled becomes the context's cause.
var errCancelled = errors.New("cancelled")

func (c *Child) receive() (event, error) {
	var ev event
	var control [128]byte // rights and credentials
	b := unsafe.Slice((*byte)(unsafe.Pointer(&ev.message)), messageSize)
	n, nc, flags, _, err := unix.Recvmsg(c.conn, b, control[:], unix.MSG_CMSG_CLOEXEC)
	if err == syscall.EINTR {
		return c.receive()
	}
	if err != nil && err != syscall.ECONNRESET {
		return event{}, os.NewSyscallError("recvmsg", err)
	}
	if n <= 0 {
		return event{}, nil
	}
	ev.control(control[:max(nc, 0)])
	switch {
	case n != messageSize:
		err = syscall.EBADMSG
	case flags&unix.MSG_CTRUNC != 0: // our own limit: the kernel leaves out what does not fit
		err = fmt.Errorf("descriptors from the child: %w", syscall.EMFILE)
	default:
		return ev, nil
	}
	closeAll(ev.files)
	return event{}, err
}

// control reads what came beside the message.
func (ev *event) control(b []byte) {
	messages, _ := unix.ParseSocketControlMessage(b)
	for i := range messages {
		switch messages[i].Header.Type {
		case unix.SCM_CREDENTIALS:
			if u, err := unix.ParseUnixCredentials(&messages[i]); err == nil {
				ev.pid = int(u.Pid)
			}
		case unix.SCM_RIGHTS:
			fds, _ := unix.ParseUnixRights(&messages[i])
			for _, fd := range fds {
				ev.files = append(ev.files, os.NewFile(uintptr(fd), "from container"))
			}
		}
	}
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
