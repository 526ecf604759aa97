package terminal

import (
	"golang.org/x/sys/unix"
)

const (
	// The kernel's line discipline hands out at most this much at once (N_TTY_BUF_SIZE), and a pipe that polls
	// writable takes this much without blocking.
	chunk = 4096

	// afterlife is what is read, at most, after the process is gone. The kernel keeps under 16 KiB between the two ends;
	// the margin is for later kernels, the bound for a process left behind that writes without end.
	afterlife = 256 << 10
)

func (r *Relay) copyOut() {
	defer r.release()
	defer close(r.drained)
	buf := make([]byte, chunk)
	for {
		n := r.await(buf)
		if n <= 0 {
			break
		}
		r.emit(buf[:n])
	}
	// An empty read is proof that nothing is left: n_tty_read flushes what is on its way before it says EAGAIN.
	for left := afterlife; left > 0; {
		n := r.take(buf)
		if n <= 0 {
			return
		}
		r.emit(buf[:n])
		left -= n
	}
}

// await waits for output; 0 means that the process is gone.
//
// EIO says that no process has the terminal open, which is not the end: it may be opened again (/dev/console, a getty).
// So this waits for the next event then, as after EAGAIN; Go's poller is edge-triggered, so the lasting hang-up condition
// does not wake it over and over.
func (r *Relay) await(buf []byte) (n int) {
	conn, err := r.master.SyscallConn()
	if err != nil {
		return 0
	}
	err = conn.Read(func(fd uintptr) bool {
		var err error
		for n, err = unix.Read(int(fd), buf); err == unix.EINTR; n, err = unix.Read(int(fd), buf) {
		}
		return err != unix.EAGAIN && err != unix.EIO
	})
	if err != nil {
		return 0 // the deadline that Finish sets
	}
	return n
}

// take returns what is there now.
func (r *Relay) take(buf []byte) (n int) {
	_ = withFd(r.master, func(fd int) (err error) {
		n, err = unix.Read(fd, buf)
		return err
	})
	return n
}

// emit writes p to the caller's output, as long as that takes anything. The system call is made directly: os.File would
// end the whole process by SIGPIPE when standard output is a closed pipe.
func (r *Relay) emit(p []byte) {
	if r.deaf || r.out == nil {
		return
	}
	err := withFd(r.out, func(fd int) error {
		for len(p) > 0 && !r.deaf {
			n, err := r.write(fd, p)
			if err != nil {
				return err
			}
			p = p[n:]
			r.progress.Add(int64(n))
		}
		return nil
	})
	r.deaf = r.deaf || err != nil
}

func (r *Relay) write(fd int, p []byte) (int, error) {
	if _, ok := r.dropOutput.wait(fd, unix.POLLOUT, -1); !ok {
		r.deaf = true
		return 0, nil
	}
	n, err := unix.Write(fd, p)
	switch err {
	case nil:
		return n, nil
	case unix.EINTR:
		return 0, nil
	case unix.EAGAIN:
		// Somebody made the file non-blocking, and there is room for a byte but not for this one (a newline takes two).
		r.dropOutput.wait(-1, 0, 10)
		return 0, nil
	}
	return 0, err
}
