package seccomp

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// Directory is the name of what is kept, in the state root. No container has it: ids have no colon.
const Directory = ".seccomp:filters"

// directory is where filters are kept, held open.
type directory struct {
	path string
	fd   int
}

func openDirectory(root string) (directory, error) {
	path := root + "/" + Directory
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return directory{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err := ours(fd, unix.S_IFDIR, nil); err != nil {
		unix.Close(fd)
		return directory{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return directory{path: path, fd: fd}, nil
}

func (d directory) close() { unix.Close(d.fd) }

var errForeign = errors.New("not ours alone")

// ours reports whether what is open is of this type, belongs to us, and is closed to others.
func ours(fd int, kind uint32, size *int64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	if st.Mode&unix.S_IFMT != kind || int(st.Uid) != os.Geteuid() || st.Mode&0o077 != 0 {
		return errForeign
	}
	if size != nil {
		*size = st.Size
	}
	return nil
}

// load is the filter of this section, or nil: where there is none, and where the file is not one of ours, or damaged. Whoever
// compiles it then puts a new one in its place.
func (d directory) load(name string, raw []byte) *Filter {
	fd, err := unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var size int64
	if err := ours(fd, unix.S_IFREG, &size); err != nil || size > int64(maxFile) {
		return nil
	}
	file := make([]byte, size)
	for n := 0; n < len(file); {
		k, err := sys.Read(fd, file[n:])
		if err != nil {
			return nil
		}
		n += k
	}
	f, made, err := Decode(file)
	if err != nil || !bytes.Equal(made, raw) {
		return nil
	}
	return f
}

// keep stores a file for those who come later. If that cannot be done they have to compile, too.
func keep(root, name string, file []byte) {
	d, err := openDirectory(root)
	if errors.Is(err, unix.ENOENT) {
		_ = unix.Mkdir(root+"/"+Directory, 0o700)
		d, err = openDirectory(root)
	}
	if err != nil {
		return
	}
	defer d.close()
	if !d.makeRoom(name, len(file)) {
		return
	}
	// No two processes that see each other have the same pid; those that do not see each other may find the name taken.
	temporary := "." + name + "." + strconv.Itoa(os.Getpid())
	fd, err := unix.Openat(d.fd, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return
	}
	for len(file) > 0 && err == nil {
		var n int
		if n, err = unix.Write(fd, file); err == unix.EINTR {
			n, err = 0, nil
		}
		file = file[max(n, 0):]
	}
	unix.Close(fd)
	if err == nil {
		err = unix.Renameat(d.fd, temporary, d.fd, name)
	}
	if err != nil {
		_ = unix.Unlinkat(d.fd, temporary, 0)
	}
}
