package byhand

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// sameUserNamespace: what may not be read is taken for another namespace, since joining ours would change nothing.
func sameUserNamespace(pid int) bool {
	own, err1 := os.Readlink("/proc/self/ns/user")
	its, err2 := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/user")
	return err1 == nil && err2 == nil && own == its
}

// gatherUser resolves -u in the container's own files: those of --rootfs, or the host's, which the copy shows.
func gatherUser(o Options, f *Facts, ps *problems) {
	if o.User == "" || o.Rootfs != "" && f.Rootfs == "" {
		return
	}
	root := "/"
	if o.Rootfs != "" {
		root = f.Rootfs
	}
	passwd, err1 := readInRoot(root, "etc/passwd")
	group, err2 := readInRoot(root, "etc/group")
	for _, err := range []error{err1, err2} {
		if err != nil {
			ps.add("-u "+o.User, "%s", err.Error())
		}
	}
	if err1 != nil || err2 != nil {
		return
	}
	user, err := resolveUser(o.User, passwd, group)
	if err != nil {
		ps.add("-u "+o.User, "%s", err.Error())
		return
	}
	f.User = user
}

// readHost reads a file of the host's that can be trusted. os.ReadFile starts with 512 bytes and a poller, which /proc makes
// twice as slow.
func readHost(name string) (string, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	var b strings.Builder
	chunk := make([]byte, 8<<10)
	for {
		n, err := unix.Read(fd, chunk)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return "", &os.PathError{Op: "read", Path: name, Err: err}
		case n == 0:
			return b.String(), nil
		default:
			b.Write(chunk[:n])
		}
	}
}

// readInRoot reads a file of a root file system that may be hostile: links in it lead nowhere but into it, a FIFO or
// a device is refused before anything is read from it, and what it holds is bounded. A missing file is an empty one.
func readInRoot(root, name string) (string, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil // told by gatherRootfs
	}
	defer unix.Close(dir)
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	var fd int
	for range 16 { // EAGAIN is a rename beside us, openat2(2)
		if fd, err = unix.Openat2(dir, name, &how); err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("/%s in the container: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return "", fmt.Errorf("/%s in the container is not a regular file", name)
	}
	text, err := readAtMost(f)
	if err != nil {
		return "", fmt.Errorf("/%s in the container: %w", name, err)
	}
	return text, nil
}
