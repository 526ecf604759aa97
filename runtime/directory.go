package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// directory is a container's directory, held open: all its files are reached through the descriptor, so that nobody who
// clears it and makes it anew at the same time gets our files, or we theirs.
//
//	state.json   the facts, see record
//	process      a link that leads nowhere and says which process is the first: it can be neither half written nor empty, so
//	             a container can be ended whatever happened to its record
//	config.json  the configuration as it is used
//	creating     a FIFO: becomes start when all is set up
//	start        a FIFO: `start` writes a byte, the container's process waits for it
//	result       a FIFO: the container's process tells `start` what went wrong
//	rootfs       an empty directory, for containers without a bundle
//	exit         the exit status, where somebody recorded it
//
// A flock(2) on the directory is held by whoever changes it: create until all is set up, start, delete.
type directory struct {
	id   string
	path string
	fd   int
}

func (s *Store) openDirectory(id string) (*directory, error) {
	path := s.root + "/" + id
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("container %s: %w", id, ErrNotExist)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &directory{id: id, path: path, fd: fd}, nil
}

// makeDirectory makes the directory of a new container and locks it.
func (s *Store) makeDirectory(id string) (*directory, error) {
	path := s.root + "/" + id
	if err := unix.Mkdir(path, 0o700); err != nil {
		if errors.Is(err, unix.EEXIST) {
			return nil, fmt.Errorf("container %s: %w; choose another id, or delete that one", id, ErrExist)
		}
		return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
	}
	d, err := s.openDirectory(id)
	if err != nil {
		return nil, err
	}
	// Between mkdir and here somebody may clear it as a half-made one: then it is gone, and the id free again.
	if err := d.lock(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *directory) close() { unix.Close(d.fd) }

// lock waits for the lock. ErrNotExist when the directory was removed meanwhile.
func (d *directory) lock() error { return d.flock(unix.LOCK_EX) }

// tryLock is lock without waiting: EWOULDBLOCK.
func (d *directory) tryLock() error { return d.flock(unix.LOCK_EX | unix.LOCK_NB) }

func (d *directory) flock(how int) error {
	for {
		err := unix.Flock(d.fd, how)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return os.NewSyscallError("flock", err)
		}
		break
	}
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if st.Nlink == 0 {
		return fmt.Errorf("container %s: %w", d.id, ErrNotExist)
	}
	return nil
}

// write puts a file there as a whole, or not at all.
func (d *directory) write(name string, data []byte) error { return d.writeMode(name, data, 0o600) }

func (d *directory) writeMode(name string, data []byte, mode uint32) error {
	temporary := "." + name
	_ = unix.Unlinkat(d.fd, temporary, 0) // of one who was killed in between
	fd, err := unix.Openat(d.fd, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, mode)
	if err == nil {
		err = writeFull(fd, data)
		unix.Close(fd)
	}
	if err == nil {
		err = unix.Renameat(d.fd, temporary, d.fd, name)
	}
	if err != nil {
		_ = unix.Unlinkat(d.fd, temporary, 0)
		return &os.PathError{Op: "write", Path: d.path + "/" + name, Err: err}
	}
	return nil
}

func writeFull(fd int, data []byte) error {
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// maxFile is more than any of our files can be; config.json is the largest, see spec.MaxSize.
const maxFile = 32 << 20

// read gets a file as a whole. It must be a regular one: a FIFO would hold us for ever.
func (d *directory) read(name string) ([]byte, error) {
	fail := func(err error) error { return &os.PathError{Op: "read", Path: d.path + "/" + name, Err: err} }
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fail(err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fail(err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fail(errors.New("not a regular file"))
	}
	if st.Size > maxFile {
		return nil, fail(errors.New("too large"))
	}
	data := make([]byte, st.Size)
	n, err := io.ReadFull(fdReader(fd), data)
	if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
		return nil, fail(err)
	}
	return data[:n], nil
}

type fdReader int

func (f fdReader) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(f), p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// remove takes everything away, state.json last: as long as that is there, another delete finds what is left to do.
func (d *directory) remove() error {
	for _, name := range []string{"start", "creating", "result", "process", "config.json", ".config.json", "exit", ".exit", ".state.json"} {
		if err := unix.Unlinkat(d.fd, name, 0); err != nil && err != unix.ENOENT {
			return &os.PathError{Op: "unlink", Path: d.path + "/" + name, Err: err}
		}
	}
	if err := unix.Unlinkat(d.fd, "rootfs", unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "rmdir", Path: d.path + "/rootfs", Err: err}
	}
	if err := unix.Unlinkat(d.fd, "state.json", 0); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "unlink", Path: d.path + "/state.json", Err: err}
	}
	if err := unix.Rmdir(d.path); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "rmdir", Path: d.path, Err: err}
	}
	return nil
}
