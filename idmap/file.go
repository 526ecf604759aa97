package idmap

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"
)

// maxFile is more than the account files of the largest sites have.
const maxFile = 64 << 20

// readFile reads one of the account files; a missing one is nil without an
// error. O_NONBLOCK and the check of the type keep a FIFO that an image has in
// its place from hanging every start.
func readFile(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: open: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	switch err := unix.Fstat(fd, &st); {
	case err != nil:
		return nil, fmt.Errorf("%s: stat: %w", path, err)
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, fmt.Errorf("%s: not a regular file", path)
	case st.Size > maxFile:
		return nil, fmt.Errorf("%s: %d bytes; at most %d are read", path, st.Size, maxFile)
	}
	data := make([]byte, st.Size)
	n, err := readFull(fd, data)
	if err != nil {
		return nil, fmt.Errorf("%s: read: %w", path, err)
	}
	return data[:n], nil
}

func readFull(fd int, data []byte) (int, error) {
	for done := 0; ; {
		n, err := unix.Read(fd, data[done:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return done, err
		case n == 0:
			return done, nil
		default:
			done += n
		}
	}
}

// writeFile writes at once: the kernel takes a map in one write(2) or not.
func writeFile(path, text string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: open: %w", path, err)
	}
	defer unix.Close(fd)
	n, err := unix.Write(fd, []byte(text))
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("%s: write %q: %w", path, strings.TrimSpace(text), err)
	}
	return nil
}
