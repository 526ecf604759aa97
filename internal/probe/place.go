package probe

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// Place is where something is tried: a child of its own, in new namespaces.
type Place struct {
	User bool   // in a user namespace of its own, as its root, with the caller's ids alone
	New  uint64 // CLONE_NEW* of the other namespaces
	// Map, if not nil, has the ids of the user namespace written by somebody else: it gets the child's pid.
	Map func(pid int) error
	// Cgroup is where the child is to be born (CLONE_INTO_CGROUP); nil is the caller's cgroup.
	Cgroup *os.File
}

// patience is how long a child may take: a thousand times what it does.
const patience = 10 * time.Second

// Try runs steps in a child at this place, and reports the first that was refused: a [launch.Error] with its label and errno. An
// errno alone is that of the clone3(2) which was to make the child. Nil steps only try the place itself.
func Try(ctx context.Context, p Place, steps func(b *launch.Builder)) error {
	b := &launch.Builder{StatusFD: 3, Rest: patience}
	b.Flags = p.New
	if p.User {
		b.Flags |= unix.CLONE_NEWUSER
	}
	p.identity(b)
	if p.New&unix.CLONE_NEWNS != 0 {
		// What is mounted here must not be seen outside, wherever that is shared.
		b.Call("make mounts private", unix.SYS_MOUNT, b.String("none"), b.String("/"), launch.Const(0), launch.Const(unix.MS_REC|unix.MS_PRIVATE), launch.Const(0))
	}
	if steps != nil {
		steps(b)
	}
	b.Stop(0)
	program, err := b.Program()
	if err != nil {
		return err
	}
	return run(ctx, program, launch.Options{Cgroup: p.Cgroup}, p)
}

func run(ctx context.Context, program *launch.Program, o launch.Options, p Place) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	child, err := launch.Start(program, o)
	if err != nil {
		return err
	}
	defer child.Close()
	if err := child.Drive(ctx); err != nil {
		return err
	}
	_, err = child.Wait()
	return except(err, unix.ECHILD) // a process that imports us may wait for all children
}

// identity makes the child root of its user namespace. The kernel takes a map of groups from it only after setgroups was denied
// (user_namespaces(7)).
func (p Place) identity(b *launch.Builder) {
	switch {
	case p.User && p.Map != nil:
		b.Sync("map ids", patience, nil, launch.Arg{}, 0, func(c *launch.Child, _ []*os.File) ([]byte, error) { return nil, p.Map(c.Pid()) })
	case p.User:
		writeSelf(b, "setgroups", "deny")
		writeSelf(b, "uid_map", fmt.Sprintf("0 %d 1", os.Geteuid()))
		writeSelf(b, "gid_map", fmt.Sprintf("0 %d 1", os.Getegid()))
	}
}

func writeSelf(b *launch.Builder, name, text string) {
	label, fd := "write /proc/self/"+name, b.Slot()
	b.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), b.String("/proc/self/"+name), launch.Const(unix.O_WRONLY|unix.O_CLOEXEC), launch.Const(0)).Out(fd)
	b.WriteAll(label, fd.Arg(), []byte(text))
	b.Call(label, unix.SYS_CLOSE, fd.Arg())
}
