package terminal

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

const (
	// answer is how long whoever listens on a console socket may take to accept and to read. A container is being created
	// meanwhile, and its caller waits.
	answer = 10 * time.Second

	// maxName is the longest name that receivers take (runc's).
	maxName = 4096

	// ptmx is the name that runc sends; receivers ask that there is one.
	ptmx = "/dev/ptmx"
)

// SendConsole hands the master of a terminal to whoever listens on the AF_UNIX stream socket at socketPath, of any
// length: one message with the name of the file and the descriptor, as runc does for --console-socket. master stays open here.
// A listener that neither accepts nor reads for ten seconds is an error.
func SendConsole(socketPath string, master *os.File) error {
	if err := sendConsole(socketPath, master, answer); err != nil {
		return fault.New(fault.Terminal, "console socket %s: %w", socketPath, err)
	}
	return nil
}

func sendConsole(socketPath string, master *os.File, answer time.Duration) error {
	name := master.Name()
	if name == "" || len(name) >= maxName {
		name = ptmx
	}
	return withFd(master, func(fd int) error { return send(socketPath, name, fd, answer) })
}

// SendPidfd hands a pidfd on in the same way, for --pidfd-socket. The name that goes with it is runc's for how the process came to
// be: "standard" is a container's first one, "setns" one of exec.
func SendPidfd(socketPath, name string, pidfd int) error {
	if err := send(socketPath, name, pidfd, answer); err != nil {
		return fault.New(fault.PidFile, "pidfd socket %s: %w", socketPath, err)
	}
	return nil
}

func send(socketPath, name string, fd int, answer time.Duration) error {
	socket, err := dial(socketPath, answer)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	if err := unix.Sendmsg(socket, []byte(name), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("send the descriptor: %w", explain(err))
	}
	return nil
}

// dial connects. A socket address holds 107 bytes; a longer path is opened first (O_PATH takes any file, and does not
// wake a device) and connected to through /proc, which leads to the very same socket.
func dial(path string, answer time.Duration) (int, error) {
	address := path
	if len(path) >= len(unix.RawSockaddrUnix{}.Path) {
		file, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, explain(err)
		}
		defer unix.Close(file)
		address = "/proc/self/fd/" + strconv.Itoa(file)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// Besides writes this bounds connect, which waits while the listener's backlog is full (unix(7), socket(7)).
	limit := unix.NsecToTimeval(answer.Nanoseconds())
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		unix.Close(socket)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	if err := connect(socket, address); err != nil {
		unix.Close(socket)
		return -1, explain(err)
	}
	return socket, nil
}

func connect(socket int, address string) error {
	for {
		if err := unix.Connect(socket, &unix.SockaddrUnix{Name: address}); err != unix.EINTR {
			return err
		}
	}
}

// explain says what an errno means here.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return fault.Remedy(err, "start what listens there (recvtty, or the container engine) first")
	case errors.Is(err, unix.ENOENT):
		return fault.Remedy(err, "create it before the container")
	case errors.Is(err, unix.EPROTOTYPE):
		return fault.Remedy(err, "it has to be a stream socket")
	case errors.Is(err, unix.EAGAIN):
		return fault.Remedy(unix.ETIMEDOUT, "the listener does not accept connections")
	}
	return err
}

// ReceiveConsole takes the master of a terminal from a connected stream socket, as [SendConsole] and runc send it: the other
// end of --console-socket. Anything but one descriptor of a pseudo-terminal's master is refused.
// socket stays the caller's; it blocks, so a deadline is the caller's as well (SO_RCVTIMEO).
func ReceiveConsole(socket *os.File) (*os.File, error) {
	name := make([]byte, maxName)
	control := make([]byte, unix.CmsgSpace(4))
	var got, gotControl, flags int
	err := withFd(socket, func(fd int) (err error) {
		got, gotControl, flags, _, err = unix.Recvmsg(fd, name, control, unix.MSG_CMSG_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("receive a terminal: %w", err)
	}
	files := rights(control[:gotControl])
	if len(files) != 1 || flags&unix.MSG_CTRUNC != 0 {
		for _, fd := range files {
			unix.Close(fd)
		}
		return nil, fmt.Errorf("receive a terminal: the message has not got one file descriptor")
	}
	if _, err := unix.IoctlGetInt(files[0], unix.TIOCGPTN); err != nil {
		unix.Close(files[0])
		return nil, fmt.Errorf("receive a terminal: it is not the master of one: %w", err)
	}
	return os.NewFile(uintptr(files[0]), string(name[:got])), nil
}

func rights(control []byte) (files []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		if fds, err := unix.ParseUnixRights(&messages[i]); err == nil {
			files = append(files, fds...)
		}
	}
	return files
}
