package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// identity tells a process from all others, also after its pid was used again: by when it started, in clock ticks since a boot
// that has an id.
type identity struct {
	pid   int
	start uint64
	boot  string
}

// identify is the identity of a living process.
func identify(pid int) (identity, error) {
	st, err := readStat(pid)
	if err != nil {
		return identity{}, err
	}
	boot, err := bootID()
	return identity{pid, st.start, boot}, err
}

func bootID() (string, error) {
	b, err := readSmall("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(b)), err
}

func (id identity) String() string { return fmt.Sprintf("%d %d %s", id.pid, id.start, id.boot) }

func parseIdentity(s string) (id identity, ok bool) {
	f := strings.Fields(s)
	if len(f) != 3 {
		return id, false
	}
	pid, err1 := strconv.Atoi(f[0])
	start, err2 := strconv.ParseUint(f[1], 10, 64)
	return identity{pid, start, f[2]}, err1 == nil && err2 == nil && pid > 1
}

func (d *directory) writeIdentity(id identity) error {
	_ = unix.Unlinkat(d.fd, "process", 0)
	if err := unix.Symlinkat(id.String(), d.fd, "process"); err != nil {
		return &os.PathError{Op: "symlink", Path: d.path + "/process", Err: err}
	}
	return nil
}

func (d *directory) readIdentity() (identity, bool) {
	b := make([]byte, 256)
	n, err := unix.Readlinkat(d.fd, "process", b)
	if err != nil {
		return identity{}, false
	}
	return parseIdentity(string(b[:n]))
}

// open gives a pidfd of the process, or ErrNotRunning if it has ended. The pidfd is made first and the start time compared
// afterwards: so it is the pidfd's process that was looked at.
func (id identity) open() (int, error) {
	boot, err := bootID()
	if err != nil {
		return -1, err
	}
	if boot != id.boot {
		return -1, ErrNotRunning
	}
	fd, err := unix.PidfdOpen(id.pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return -1, ErrNotRunning
	}
	if err != nil {
		return -1, os.NewSyscallError("pidfd_open", err)
	}
	st, err := readStat(id.pid)
	if err != nil || st.start != id.start || st.dead() {
		unix.Close(fd)
		if err != nil && !gone(err) {
			return -1, err
		}
		return -1, ErrNotRunning
	}
	return fd, nil
}

// stat is what we need of /proc/PID/stat, man 5 proc.
type stat struct {
	state   byte
	ppid    int
	session int
	start   uint64
}

// dead is a process that has ended and waits for its parent to take notice.
func (s stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

func readStat(pid int) (stat, error) {
	b, err := readSmall("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(b))
}

// parseStat begins after the last parenthesis: the name before it may hold anything.
func parseStat(s string) (stat, error) {
	i := strings.LastIndexByte(s, ')')
	f := strings.Fields(s[i+1:])
	if i < 0 || len(f) < 20 {
		return stat{}, errors.New("/proc/PID/stat has too few fields")
	}
	ppid, err1 := strconv.Atoi(f[1])
	session, err2 := strconv.Atoi(f[3])
	start, err3 := strconv.ParseUint(f[19], 10, 64)
	return stat{f[0][0], ppid, session, start}, errors.Join(err1, err2, err3)
}

// gone is what /proc answers for a process that has ended: at open, or between open and read.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}

// readSmall reads a file of /proc in one go, as most of them have to be read.
func readSmall(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	b := make([]byte, 2048)
	n, err := fdReader(fd).Read(b)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return b[:n], nil
}
