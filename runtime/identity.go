package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/sys"
)

// identity tells a process from all others, also after its pid was used again: by when it started, in clock ticks since a boot
// that has an id. A pid means something in its pid namespace only, so that belongs to it.
type identity struct {
	pid   int
	start uint64
	boot  string // "BOOT-ID/pid:[INODE]"
	inode uint64 // of its pidfds, which no other process of this boot has, or 0: then the start time has to do
}

// identify is the identity of a living process.
func identify(pid int) (identity, error) {
	st, err := readStat(pid)
	if err != nil {
		return identity{}, err
	}
	boot, err := bootID()
	return identity{pid: pid, start: st.start, boot: boot}, err
}

// bootID is the part of identities that all have in common that we can look at. It cannot change while we live, and `list` asks
// for it once for each container.
var bootID = sync.OnceValues(func() (string, error) {
	b, err := sys.ReadProc("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	return string(bytes.TrimSpace(b)) + "/" + namespace, err
})

// pidfdInode is what identity.inode is for the process of a pidfd: 0 where pidfds have no inodes of their own (before Linux
// 6.9), or where inode numbers are too short to be unique.
func pidfdInode(fd int) uint64 {
	const pidfs = 0x50494446
	var fs unix.Statfs_t
	var st unix.Stat_t
	if strconv.IntSize < 64 || unix.Fstatfs(fd, &fs) != nil || uint32(fs.Type) != pidfs || unix.Fstat(fd, &st) != nil {
		return 0
	}
	return st.Ino
}

// isPast reports whether the identity is of an earlier boot. It is an error when it is of another pid namespace: we cannot see
// its process, which is no sign that it has ended.
func (id identity) isPast() (bool, error) {
	now, err := bootID()
	if err != nil || now == id.boot {
		return false, err
	}
	boot, _, _ := strings.Cut(now, "/")
	theirs, namespace, _ := strings.Cut(id.boot, "/")
	if boot == theirs && !vanished(namespace) {
		return false, fault.New(fault.State, "it was made in another pid namespace (%s), from where its processes can be seen", namespace).
			Remedy("ask there, or, if that is gone, remove its directory")
	}
	return true, nil
}

func (id identity) String() string {
	return fmt.Sprintf("%d %d %s %d", id.pid, id.start, id.boot, id.inode)
}

func parseIdentity(s string) (id identity, ok bool) {
	f := strings.Fields(s)
	if len(f) != 4 {
		return id, false
	}
	pid, err1 := strconv.Atoi(f[0])
	start, err2 := strconv.ParseUint(f[1], 10, 64)
	inode, err3 := strconv.ParseUint(f[3], 10, 64)
	return identity{pid, start, f[2], inode}, err1 == nil && err2 == nil && err3 == nil && pid > 1
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

// vanished reports whether a pid namespace is gone for sure: that can only be told from the first one, which sees all others.
func vanished(namespace string) bool {
	const initial = "pid:[4026531836]" // PROC_PID_INIT_INO
	if here, err := os.Readlink("/proc/self/ns/pid"); err != nil || here != initial {
		return false
	}
	all, err := snapshot()
	if err != nil {
		return false
	}
	for pid := range all {
		if namespaceLink(pid, "pid") == namespace {
			return false
		}
	}
	return true
}

// open gives a pidfd of the process, or ErrNotRunning if it has ended. The pidfd is made first, and what tells the process from
// others compared afterwards: so it is the pidfd's process that was looked at.
func (id identity) open() (int, error) {
	past, err := id.isPast()
	if err != nil {
		return -1, err
	}
	if past {
		return -1, ErrNotRunning
	}
	fd, err := unix.PidfdOpen(id.pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return -1, ErrNotRunning
	}
	if err != nil {
		return -1, os.NewSyscallError("pidfd_open", err)
	}
	if lives, err := id.is(fd); err != nil || !lives {
		unix.Close(fd)
		if err == nil || gone(err) {
			err = ErrNotRunning
		}
		return -1, err
	}
	return fd, nil
}

// is reports whether the pidfd is of this process, and it lives: all of its threads have to end for it to be readable.
func (id identity) is(fd int) (bool, error) {
	if id.inode == 0 {
		st, err := readStat(id.pid)
		return err == nil && st.start == id.start && !st.dead(), err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Ino != id.inode {
		return false, err
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		if err != unix.EINTR {
			return n == 0, err
		}
	}
}

// ended is nil if the process has ended for sure.
func (id identity) ended() error {
	fd, err := id.open()
	if err == nil {
		unix.Close(fd)
		return ErrRunning
	}
	if errors.Is(err, ErrNotRunning) {
		return nil
	}
	return err
}

// stat is what we need of /proc/PID/stat, man 5 proc.
type stat struct {
	state   byte
	ppid    int
	session int
	start   uint64
	threads int
}

// dead is a process that has ended and waits for its parent to take notice. One whose first thread alone has ended looks the
// same, but for the number of threads; and it lives.
func (s stat) dead() bool { return (s.state == 'Z' || s.state == 'X') && s.threads <= 1 }

func readStat(pid int) (stat, error) {
	b, err := sys.ReadProc("/proc/" + strconv.Itoa(pid) + "/stat")
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
	threads, err3 := strconv.Atoi(f[17])
	start, err4 := strconv.ParseUint(f[19], 10, 64)
	return stat{f[0][0], ppid, session, start, threads}, errors.Join(err1, err2, err3, err4)
}

// gone is what /proc answers for a process that has ended: at open, or between open and read.
func gone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH)
}
