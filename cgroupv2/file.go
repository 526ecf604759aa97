package cgroupv2

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// most is more than any file of a cgroup is long: cgroup.procs of four million processes.
const most = 32 << 20

// read reads a file of the cgroup, through its directory: a container that may make cgroups of its own, and take them away, below
// it cannot have another file read.
func read(dir int, name string) ([]byte, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readAll(fd)
}

func readAll(fd int) ([]byte, error) {
	b := make([]byte, 0, 1024)
	for len(b) < most {
		n, err := sys.Read(fd, b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
	return nil, unix.EFBIG
}

// write writes a value with one write(2), which is what the kernel takes as one. Never with O_CREAT: a missing file is then
// EPERM or EACCES, not ENOENT.
func write(dir int, name, value string) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if value == "" { // nothing would not reach the kernel
		value = "\n"
	}
	for {
		if _, err = unix.Write(fd, []byte(value)); err != unix.EINTR {
			return err
		}
	}
}

func (g *Group) read(name string) ([]byte, error) {
	b, err := read(int(g.dir.Fd()), name)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: g.dir.Name() + "/" + name, Err: err}
	}
	return b, nil
}

func (g *Group) write(name, value string) error {
	if err := write(int(g.dir.Fd()), name, value); err != nil {
		return &os.PathError{Op: "write", Path: g.dir.Name() + "/" + name, Err: err}
	}
	return nil
}
