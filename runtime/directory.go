package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// directory is a container's directory, held open: all its files are reached through the descriptor, so that nobody who
// clears it and makes it anew at the same time gets our files, or we theirs.
//
//	state.json   the facts, see record
//	process      a link that leads nowhere and says which process is the first: it can be neither half written nor empty, so
//	             a container can be ended whatever happened to its record
//	config.json  the configuration as it is used; locked by a foreground command, see record.attended
//	creating     there while the container is being made; for create a FIFO, which becomes start
//	start        a FIFO: `start` writes a byte, the container's process waits for it
//	result       a FIFO: the container's process tells `start` what went wrong
//	notify       a socket: the process says there that it is ready, and a foreground command passes it on
//	rootfs       an empty directory, for containers without a bundle
//	cgroup       a link that leads nowhere: where the container's cgroup is, if it has one of its own
//	unit         a link that leads nowhere: BUS/NAME of the unit of systemd that the container is in, if it is in one of its own
//	attended     what config.json was before an update: it keeps the lock of a foreground command
//	seccomp      the compiled filter of system calls, for exec, if the container has one
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
	for {
		if err := unix.Mkdir(path, 0o700); err != nil {
			if errors.Is(err, unix.EEXIST) {
				return nil, fault.New("", "container %s: %w", id, ErrExist).Remedy("choose another id, or delete that one")
			}
			return nil, &os.PathError{Op: "mkdir", Path: path, Err: err}
		}
		d, err := s.lockNew(id)
		// Before it is locked somebody may clear it as a half-made one: then it is gone, and the id free again.
		if !errors.Is(err, ErrNotExist) {
			return d, err
		}
	}
}

// lockNew locks the directory that was just made, if nobody else has it: it may have been cleared away and made anew since.
func (s *Store) lockNew(id string) (*directory, error) {
	d, err := s.openDirectory(id)
	if err != nil {
		return nil, err
	}
	if err = d.lock(context.Background()); err == nil && !d.empty() {
		err = fault.New("", "container %s: %w", id, ErrExist).Remedy("choose another id, or delete that one")
	}
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *directory) empty() bool {
	var b [256]byte
	n, err := unix.Getdents(d.fd, b[:])
	if err != nil || n < 0 {
		return false
	}
	_, names, _ := unix.ParseDirent(b[:n], 1, nil) // not "." and ".."
	return names == 0
}

func (d *directory) close() { unix.Close(d.fd) }

// lockPatience is how long others may work on a container. Nobody but a launch that hangs takes so long.
const lockPatience = time.Minute

// lock waits for the lock. ErrNotExist when the directory was removed meanwhile.
func (d *directory) lock(ctx context.Context) error { return d.flock(ctx, unix.LOCK_EX, lockPatience) }

// share waits until nobody changes it, and keeps others from it until close.
func (d *directory) share(ctx context.Context) error {
	return d.flock(ctx, unix.LOCK_SH, lockPatience)
}

// errBusy is a lock that another command has. Usually it is stopped, or waits for something that does not come.
var errBusy error = &fault.Error{
	Code: fault.Busy, Hint: "`fuser` on its directory tells which: end that",
	Err: fault.Words("another command (create, run, start or delete) is at work on it and does not get done"),
}

// flock waits by asking again and again: flock(2) knows neither contexts nor deadlines.
func (d *directory) flock(ctx context.Context, how int, patience time.Duration) error {
	const slowest = 20 * time.Millisecond
	limit, pause := time.Now().Add(patience), 200*time.Microsecond
	for {
		err := unix.Flock(d.fd, how|unix.LOCK_NB)
		switch {
		case err == nil:
			return d.linked()
		case err == unix.EINTR:
			continue
		case err != unix.EWOULDBLOCK:
			return os.NewSyscallError("flock", err)
		case time.Now().After(limit):
			return fmt.Errorf("container %s: %w", d.id, errBusy)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(2*pause, slowest)
	}
}

// linked is ErrNotExist for a directory that was removed.
func (d *directory) linked() error {
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
func (d *directory) write(name string, data []byte) error {
	temporary := "." + name
	how := unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL | unix.O_CLOEXEC | unix.O_NOFOLLOW
	fd, err := unix.Openat(d.fd, temporary, how, 0o600)
	if err == unix.EEXIST { // of one who was killed in between
		_ = unix.Unlinkat(d.fd, temporary, 0)
		fd, err = unix.Openat(d.fd, temporary, how, 0o600)
	}
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

func (f fdReader) Read(p []byte) (int, error) { return sys.Read(int(f), p) }

// writeNew is write in a directory that is not ours: the temporary name is one that nobody has, or it is an error.
func (d *directory) writeNew(name string, data []byte, mode uint32) error {
	temporary := fmt.Sprintf(".%.200s.%x", name, rand.Uint64())
	fd, err := unix.Openat(d.fd, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, mode)
	if err != nil {
		return &os.PathError{Op: "create", Path: d.path + "/" + temporary, Err: err}
	}
	err = writeFull(fd, data)
	unix.Close(fd)
	if err == nil {
		err = unix.Renameat(d.fd, temporary, d.fd, name)
	}
	if err != nil {
		_ = unix.Unlinkat(d.fd, temporary, 0)
		return &os.PathError{Op: "write", Path: d.path + "/" + name, Err: err}
	}
	return nil
}

// writeOnce writes a file that nobody looks for before it is complete, and gives its descriptor.
func (d *directory) writeOnce(name string, data []byte) (int, error) {
	fd, err := unix.Openat(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err == nil {
		if err = writeFull(fd, data); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return -1, &os.PathError{Op: "write", Path: d.path + "/" + name, Err: err}
	}
	return fd, nil
}
