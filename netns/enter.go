package netns

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// dialIn makes a socket in another namespace. Only the thread that does it is there, and only meanwhile: one that cannot come
// back ends with its goroutine.
func dialIn(namespace *os.File) (*conn, error) {
	type result struct {
		c   *conn
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			runtime.UnlockOSThread()
			done <- result{nil, &os.PathError{Op: "open", Path: "/proc/thread-self/ns/net", Err: err}}
			return
		}
		defer unix.Close(own)
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			done <- result{nil, os.NewSyscallError("setns", err)}
			return
		}
		c, err := dial()
		if unix.Setns(own, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- result{c, err}
	}()
	r := <-done
	return r.c, r.err
}

// Of is the network namespace that a socket belongs to. It takes CAP_NET_ADMIN there. Source: ioctl SIOCGSKNS.
func Of(socket *os.File) (*os.File, error) {
	fd, err := unix.IoctlRetInt(int(socket.Fd()), unix.SIOCGSKNS)
	if err != nil {
		return nil, os.NewSyscallError("ioctl SIOCGSKNS", err)
	}
	return os.NewFile(uintptr(fd), "network namespace"), nil
}
