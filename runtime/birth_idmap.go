package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// mapMount is the parent's part of a mount's id map: the mount is in the first file; the second, if any, is the user namespace
// to map by.
func (b *birth) mapMount(m Mount, files []*os.File) error {
	defer closeFiles(files)
	if b.failed != nil {
		return b.failed
	}
	if len(files) == 0 {
		return errors.New("id-mapped mount: the child sent none")
	}
	var user *os.File
	if m.IDs.Own {
		user = files[len(files)-1]
	} else {
		ns, err := idMapNamespace(m.IDs.Mapping)
		if err != nil {
			return fault.Default(fault.Mount, fmt.Errorf("%s: map ids: %w", mountPath(m), err))
		}
		defer ns.Close()
		user = ns
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(user.Fd())}
	err := unix.MountSetattr(int(files[0].Fd()), "", uint(m.IDs.how()), &attr)
	var errno unix.Errno
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &errno) || !b.plan.Policies.Allows(degrade.IDMap) || errno != unix.EPERM && errno != unix.EINVAL:
		return &launch.Error{Index: math.MaxInt, Errno: errno, Step: launch.Step{
			Label: mountPath(m) + ": map the ids of " + m.Destination, Path: m.Destination, Code: string(fault.Mount), Kind: string(degrade.IDMap), Remedy: remedyIDMap + degrade.Remedy(degrade.IDMap)}}
	}
	b.mapNotes = append(b.mapNotes, Problem{Path: mountPath(m), Text: textIDMap, Loud: b.plan.Policies.For(degrade.IDMap) == degrade.Warn})
	return nil
}

// idMapNamespace makes a user namespace with these maps. Nobody is in it: it is a form of the maps that the kernel takes.
func idMapNamespace(m idmap.Mapping) (ns *os.File, err error) {
	b := launch.Builder{StatusFD: 0, Flags: unix.CLONE_NEWUSER}
	b.Sync("map ids", 0, nil, launch.Arg{}, 0, func(c *launch.Child, _ []*os.File) ([]byte, error) {
		if err := idmap.WriteDirectly(c.Pid(), m, false); err != nil {
			return nil, err
		}
		path := fmt.Sprintf("/proc/%d/ns/user", c.Pid())
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		ns = os.NewFile(uintptr(fd), path)
		return nil, nil
	})
	b.Stop(0)
	program, err := b.Program()
	if err != nil {
		return nil, err
	}
	child, err := launch.Start(program, launch.Options{})
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	defer child.Close()
	if err = child.Drive(context.Background()); err == nil {
		_, err = child.Wait()
	}
	if err != nil && ns != nil {
		ns.Close()
		ns = nil
	}
	return ns, err
}
