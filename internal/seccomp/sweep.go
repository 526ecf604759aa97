package seccomp

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What is kept at most.
const (
	maxFilters = 64
	maxBytes   = 4 << 20
	stale      = time.Minute // of a temporary file: whoever wrote it is dead
)

// kept is a file of the directory.
type kept struct {
	name string
	size int64
	at   int64 // when it was written, in ns
}

// makeRoom takes the oldest away until one more of this size fits, and reports whether it can. What crashed writers left goes,
// too.
func (d directory) makeRoom(name string, size int) bool {
	if size > maxBytes {
		return false
	}
	list, err := d.list()
	if err != nil {
		return false
	}
	now := time.Now().UnixNano()
	list = slices.DeleteFunc(list, func(k kept) bool {
		if strings.HasPrefix(k.name, ".") {
			if now-k.at > int64(stale) {
				_ = unix.Unlinkat(d.fd, k.name, 0)
			}
			return true
		}
		return k.name == name // it is about to be replaced
	})
	slices.SortFunc(list, func(a, b kept) int { return cmp.Compare(a.at, b.at) })
	total := int64(size)
	for _, k := range list {
		total += k.size
	}
	for len(list) >= maxFilters || total > maxBytes {
		if unix.Unlinkat(d.fd, list[0].name, 0) != nil {
			return false
		}
		total -= list[0].size
		list = list[1:]
	}
	return true
}

// list is what is there and could be ours. The directory is read from a descriptor of its own, since a position is shared.
func (d directory) list() (list []kept, err error) {
	fd, err := unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var names []string
	b := make([]byte, 8<<10)
	for {
		n, err := unix.Getdents(fd, b)
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(b[:n], -1, names)
	}
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			list = append(list, kept{name, st.Size, st.Mtim.Nano()})
		}
	}
	return list, nil
}
