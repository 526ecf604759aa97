package dbus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is a connection to a bus, or to one program. It belongs to one goroutine.
type Conn struct {
	mu     sync.Mutex // guards fd against a context that ends while it is closed
	fd     int
	serial uint32
	out    []byte // queued, not yet written
	in     []byte // read, not yet taken apart
	early  []*Message
	files  bool // the other side takes descriptors
	quiet  time.Time
	err    error
}

// Peer is who listens at the other end, as this process sees the ids of others.
type Peer struct {
	PID int
	UID uint32
}

// busy is how long a listener with a full queue is left alone before the next attempt; a Unix socket cannot be waited for there.
const busy = 5 * time.Millisecond

// Dial connects. Nothing is sent yet.
func Dial(ctx context.Context, a Address) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	for {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: string(a)})
		if err != unix.EAGAIN && err != unix.EINTR {
			break
		}
		select {
		case <-ctx.Done():
			unix.Close(fd)
			return nil, fmt.Errorf("%s: the queue of who listens there is full: %w", a, ctx.Err())
		case <-time.After(busy):
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "connect", Path: string(a), Err: err}
	}
	return &Conn{fd: fd}, nil
}

// Peer tells who called listen(2) at the other end (SO_PEERCRED, unix(7)).
func (c *Conn) Peer() (Peer, error) {
	cred, err := unix.GetsockoptUcred(c.fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Peer{}, os.NewSyscallError("getsockopt SO_PEERCRED", err)
	}
	return Peer{int(cred.Pid), cred.Uid}, nil
}

// Close ends the connection.
func (c *Conn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}

// Broken is why the connection cannot be used any more, or nil.
func (c *Conn) Broken() error { return c.err }

func (c *Conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		_ = unix.Shutdown(c.fd, unix.SHUT_RDWR) // whoever waits in poll wakes up
	}
}

// guarded runs one exchange: it ends when the context does, and an error in it is the connection's last one.
func (c *Conn) guarded(ctx context.Context, do func() error) error {
	if c.err != nil {
		return c.err
	}
	if err := ctx.Err(); err != nil {
		return err // nothing was sent or read: the connection is still good
	}
	stop := context.AfterFunc(ctx, c.interrupt)
	err := do()
	if !stop() || err != nil && err != errQuiet {
		if ended := ctx.Err(); ended != nil {
			err = ended
		}
	}
	if err != errQuiet {
		c.err = err
	}
	return err
}

// Flush writes what is queued.
func (c *Conn) Flush(ctx context.Context) error {
	return c.guarded(ctx, func() error { return c.write(nil) })
}

// write sends the queue; descriptors travel with its first byte.
func (c *Conn) write(fds []int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for len(c.out) > 0 {
		n, err := unix.SendmsgN(c.fd, c.out, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			err = c.poll(unix.POLLOUT)
		case err == nil:
			rights, c.out = nil, c.out[n:]
		}
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("sendmsg", err)
		}
	}
	c.out = nil
	return nil
}

// fill reads more, at least one byte.
func (c *Conn) fill() error {
	// Descriptors that nobody asked for are closed: a name on a bus must not be able to use ours up.
	control := make([]byte, unix.CmsgSpace(4*maxStray))
	b := make([]byte, 4096)
	for {
		n, oobn, _, _, err := unix.Recvmsg(c.fd, b, control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EAGAIN:
			err = c.poll(unix.POLLIN)
		case err == nil:
			closeRights(control[:oobn])
			if n == 0 {
				return io.EOF
			}
			c.in = append(c.in, b[:n]...)
			return nil
		}
		if err == errQuiet {
			return err
		}
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("recvmsg", err)
		}
	}
}

const maxStray = 253 // SCM_MAX_FD, unix(7)

func closeRights(control []byte) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return
	}
	for i := range messages {
		fds, _ := unix.ParseUnixRights(&messages[i])
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}

var errQuiet error = quietError{}

type quietError struct{}

func (quietError) Error() string { return "nothing came" }

// poll waits without an end, or until it was quiet for long enough: the context's end shuts the socket down, which wakes it.
func (c *Conn) poll(events int16) error {
	timeout := -1
	if !c.quiet.IsZero() {
		timeout = max(0, int(time.Until(c.quiet).Milliseconds())+1)
	}
	fds := []unix.PollFd{{Fd: int32(c.fd), Events: events}}
	n, err := unix.Poll(fds, timeout)
	if n == 0 && err == nil {
		return errQuiet
	}
	return err
}

// Closed reports whether an error is the other side having ended the connection.
func Closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE)
}
