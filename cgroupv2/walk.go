package cgroupv2

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

const openDir = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

// tree goes through a cgroup and those below it, which may be a container's own: thousands, nested without a limit, made and
// removed meanwhile. So it holds one descriptor and no path, which would become too long for the kernel; "..", on the way
// back, leads nowhere else, since no cgroup can be moved.
type tree struct {
	budget int                           // how many cgroups at most
	inside func(dir int)                 // in each
	left   func(parent int, name string) // when all below it have been gone through
}

// walk reports whether the budget was enough.
func (t *tree) walk(top int) (bool, error) {
	dir, err := unix.Openat(top, ".", openDir, 0)
	if err != nil {
		return true, err
	}
	defer func() { unix.Close(dir) }()
	var names []string
	t.inside(dir)
	todo := [][]string{below(dir)}
	for {
		depth := len(todo) - 1
		if len(todo[depth]) == 0 {
			if depth == 0 {
				return true, nil
			}
			parent, err := unix.Openat(dir, "..", openDir, 0)
			if err != nil {
				return true, err
			}
			unix.Close(dir)
			dir = parent
			t.left(dir, names[depth-1])
			todo, names = todo[:depth], names[:depth-1]
			continue
		}
		name := todo[depth][0]
		todo[depth] = todo[depth][1:]
		if t.budget--; t.budget < 0 {
			return false, nil
		}
		next, err := unix.Openat(dir, name, openDir, 0)
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			return true, err
		}
		unix.Close(dir)
		dir = next
		t.inside(dir)
		todo, names = append(todo, below(dir)), append(names, name)
	}
}

// below are the names of the cgroups in one: of its directories.
func below(dir int) []string { return names(dir, unix.DT_DIR) }

// files are the names of a cgroup's files.
func files(dir int) []string { return names(dir, unix.DT_REG) }

func names(dir int, kind byte) []string {
	fd, err := unix.Openat(dir, ".", openDir, 0) // an offset of its own
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var list []string
	b := make([]byte, 8<<10) // a name may have 4,000 bytes
	for {
		n, err := unix.ReadDirent(fd, b)
		if err != nil || n <= 0 {
			return list
		}
		// struct linux_dirent64: 8 bytes of inode, 8 of offset, 2 of length, 1 of type, the name. The unix package tells no type.
		for e := b[:n]; len(e) > 19; {
			length := int(binary.NativeEndian.Uint16(e[16:]))
			name, _, _ := bytes.Cut(e[19:length], []byte{0})
			if s := string(name); e[18] == kind && s != "." && s != ".." {
				list = append(list, s)
			}
			e = e[length:]
		}
	}
}
