package terminal

import (
	"errors"

	"golang.org/x/sys/unix"
)

func (r *Relay) copyIn() {
	defer r.release()
	_, err := modes(r.in)
	terminal := err == nil || errors.Is(err, unix.EIO) // EIO: one that hung up already
	buf := make([]byte, chunk)
	last := byte('\n')
	for {
		n, ready, err := r.next(buf)
		switch {
		case err == unix.EAGAIN: // another reader of the same file was faster
		case err != nil || ready == 0:
			return // EIO: it hung up, or we are orphaned in the background
		case n > 0:
			last = buf[n-1]
			_, _ = r.master.Write(buf[:n]) // EIO: nobody has the terminal open just now, and nobody gets it
		case terminal && ready&unix.POLLHUP != 0:
			return // a hang-up reads as an end, but the user did not ask the payload to end
		default:
			r.endInput(last)
			if !terminal {
				return
			}
		}
	}
}

// next waits for input; ready is 0 when Finish came first.
func (r *Relay) next(buf []byte) (n int, ready int16, err error) {
	err = withFd(r.in, func(fd int) (err error) {
		var ok bool
		if ready, ok = r.stopInput.wait(fd, unix.POLLIN, -1); !ok {
			ready = 0
			return nil
		}
		n, err = unix.Read(fd, buf)
		return err
	})
	return n, ready, err
}

// endInput types the end-of-file character, as the payload has it. In canonical mode the first one after an unfinished
// line only hands that line over (termios(3), VEOF), so it takes a second.
func (r *Relay) endInput(last byte) {
	t, err := modes(r.master)
	if err != nil || t.Cc[unix.VEOF] == 0 { // 0 is _POSIX_VDISABLE
		return
	}
	end := []byte{t.Cc[unix.VEOF]}
	if last != '\n' && t.Lflag&unix.ICANON != 0 {
		end = append(end, end[0])
	}
	_, _ = r.master.Write(end)
}
