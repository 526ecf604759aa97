package sys

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxProc is more than any file of /proc has that ReadProc is meant for.
const maxProc = 64 << 10

// ReadProc reads a file of /proc or /sys. os.ReadFile would do as well, but starts Go's poller, which takes a dozen system
// calls, for files that never block.
func ReadProc(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	b := make([]byte, 0, 1024)
	for len(b) < maxProc {
		n, err := Read(fd, b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
	return nil, &os.PathError{Op: "read", Path: path, Err: unix.EFBIG}
}

// Read is read(2), again if a signal came in between, and io.EOF at the end.
func Read(fd int, p []byte) (int, error) {
	for {
		n, err := unix.Read(fd, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
