package cgroupv2

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watched is a file of a cgroup that the kernel tells changes of (POLLPRI). Source: Documentation/admin-guide/cgroup-v2.rst,
// "cgroup.events", "memory.events".
type watched struct {
	fd   int
	path string
}

// longest is how long nobody looks at a file at most: that a cgroup was removed is no change of it that is told.
const longest = time.Second

func (g *Group) watch(name string) (*watched, error) {
	path := g.dir.Name() + "/" + name
	fd, err := unix.Openat(int(g.dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &watched{fd, path}, nil
}

func (w *watched) close() { unix.Close(w.fd) }

// read is what the file says now. What changes after that ends a wait, even one that begins later. ENODEV when the cgroup is gone.
func (w *watched) read() ([]byte, error) {
	_, err := unix.Seek(w.fd, 0, 0)
	var b []byte
	if err == nil {
		b, err = readAll(w.fd)
	}
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: w.path, Err: err}
	}
	return b, nil
}

// wait returns when one of the files has changed, or after the pause, or with the context's error when that ends.
func (w *watched) wait(ctx context.Context, pause time.Duration, others ...*watched) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLPRI}}
	for _, o := range others {
		fds = append(fds, unix.PollFd{Fd: int32(o.fd), Events: unix.POLLPRI})
	}
	if ctx.Done() != nil {
		end, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		if err != nil {
			return os.NewSyscallError("eventfd2", err)
		}
		written := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			defer close(written)
			_, _ = unix.Write(end, []byte{1, 0, 0, 0, 0, 0, 0, 1})
		})
		defer func() {
			if !stop() { // it is using the number
				<-written
			}
			unix.Close(end)
		}()
		fds = append(fds, unix.PollFd{Fd: int32(end), Events: unix.POLLIN})
	}
	limit := unix.NsecToTimespec(int64(min(pause, longest)))
	if _, err := unix.Ppoll(fds, &limit, nil); err != nil && err != unix.EINTR {
		return os.NewSyscallError("ppoll", err)
	}
	return ctx.Err()
}
