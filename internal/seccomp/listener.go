package seccomp

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// listenerPatience is how long whoever listens may take to accept, and to read. Nobody who works takes so long.
const listenerPatience = 10 * time.Second

// Dial connects to who is to be notified.
func (f *Filter) Dial() (*os.File, error) {
	address := f.ListenerPath
	if len(address) >= len(unix.RawSockaddrUnix{}.Path) { // more than an address holds: through /proc, to the very same socket
		file, err := unix.Open(address, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, f.unreachable(err)
		}
		defer unix.Close(file)
		address = "/proc/self/fd/" + strconv.Itoa(file)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	limit := unix.NsecToTimeval(listenerPatience.Nanoseconds())
	if err = unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err == nil {
		err = unix.EINTR
		for err == unix.EINTR {
			err = unix.Connect(socket, &unix.SockaddrUnix{Name: address})
		}
	}
	if err != nil {
		unix.Close(socket)
		return nil, f.unreachable(err)
	}
	return os.NewFile(uintptr(socket), f.ListenerPath), nil
}

func (f *Filter) unreachable(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNREFUSED):
		return fault.New("", "nobody listens at %s: %w", f.ListenerPath, err).Remedy("start the program that is to decide, or correct the path")
	case errors.Is(err, unix.EPROTOTYPE):
		return fault.New("", "%s is a socket of another type: %w", f.ListenerPath, err).Remedy("listen at a stream socket")
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("whoever listens at %s does not accept: %w", f.ListenerPath, err)
	}
	return fmt.Errorf("connect to %s: %w", f.ListenerPath, err)
}
