package spec

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// MaxSize is the largest document that is read, in bytes. The largest that engines write are some 100 KiB.
const MaxSize = 16 << 20

// ReadFile reads a config.json or process file. A bundle may come from anybody, so the file is opened without waiting
// (a FIFO would hold us for ever) and without becoming our terminal, and must be a regular file that is not too large
// (a link to /dev/zero has no end). Links are followed: bundles made of links are common.
//
// The error names the path, says what is there instead and what to do. Its wording keeps clear of "no such file" and
// the like, which callers take for a missing command of the container; errors.Is finds fs.ErrNotExist and the errno.
func ReadFile(path string) ([]byte, error) {
	fd, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &fileError{path: path, text: "cannot be examined: " + err.Error(), err: err}
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, notRegular(path, st.Mode)
	case st.Size > MaxSize:
		return nil, &fileError{path: path, text: tooLarge(st.Size)}
	}
	raw, err := readAll(fd, int(st.Size))
	switch {
	case err != nil:
		return nil, &fileError{path: path, text: "cannot be read: " + err.Error(), err: err}
	case len(raw) > MaxSize:
		return nil, &fileError{path: path, text: "grows while it is read, beyond 16 MiB", remedy: "let its writer finish"}
	case len(raw) == 0:
		return nil, &fileError{path: path, text: "empty", remedy: anew}
	}
	return raw, nil
}

func openFile(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		switch {
		case err == nil:
			return fd, nil
		case err == unix.EINTR:
		case err == unix.ENOENT, err == unix.ENOTDIR:
			return -1, &fileError{path: path, text: "is missing", remedy: "go to the bundle's directory or name it with --bundle, or " + anew, err: err}
		case err == unix.ENXIO:
			return -1, notRegular(path, unix.S_IFSOCK)
		default:
			return -1, &fileError{path: path, text: "cannot be opened: " + err.Error(), err: err}
		}
	}
}

// readAll reads to the end, but no more than one byte beyond MaxSize: the size is only what fstat saw.
func readAll(fd, size int) ([]byte, error) {
	b := make([]byte, 0, min(size, MaxSize)+1)
	for len(b) <= MaxSize {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := unix.Read(fd, b[len(b):cap(b)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, err
		case n == 0:
			return b, nil
		default:
			b = b[:len(b)+n]
		}
	}
	return b, nil
}

func notRegular(path string, mode uint32) error {
	what := "something else"
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		what = "a directory"
	case unix.S_IFIFO:
		what = "a FIFO"
	case unix.S_IFCHR, unix.S_IFBLK:
		what = "a device"
	case unix.S_IFSOCK:
		what = "a socket or a device without a driver"
	}
	return &fileError{path: path, text: "is " + what + ", not a regular file", remedy: "put the configuration itself there"}
}

// fileError keeps the errno for errors.Is without its words.
type fileError struct {
	path, text, remedy string
	err                error
}

func (e *fileError) Error() string {
	if e.remedy == "" {
		return e.path + ": " + e.text
	}
	return e.path + ": " + e.text + "; " + e.remedy
}

// Code tells a missing file from a wrong one.
func (e *fileError) Code() fault.Code {
	if errors.Is(e, fs.ErrNotExist) {
		return fault.NoBundle
	}
	return fault.Config
}

// Remedy is the end of the sentence alone.
func (e *fileError) Remedy() string { return e.remedy }

func (e *fileError) Unwrap() error { return e.err }

// Is makes ENOTDIR count as not there, too.
func (e *fileError) Is(target error) bool {
	return target == fs.ErrNotExist && errors.Is(e.err, unix.ENOTDIR)
}
