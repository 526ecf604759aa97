package runtime

import (
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/launch"
)

// An id map is given to the kernel as a user namespace. A caller who is privileged maps at a sync point: the child, which has
// resolved the paths, sends the mount that nobody has seen yet, and the caller, who may be root of more than the child, maps
// it. Anybody else is root of the container's user namespace alone, and so the child makes a user namespace below that.

// innerMaps are the mappings that the child makes user namespaces for, each once.
func (p *Plan) innerMaps() []idmap.Mapping {
	var list []idmap.Mapping
	for _, m := range p.Mounts {
		if m.IDs != nil && m.IDs.Inner && indexOf(list, m.IDs.Mapping) < 0 {
			list = append(list, m.IDs.Mapping)
		}
	}
	return list
}

func indexOf(list []idmap.Mapping, m idmap.Mapping) int {
	return slices.IndexFunc(list, func(o idmap.Mapping) bool {
		return slices.Equal(o.UIDs, m.UIDs) && slices.Equal(o.GIDs, m.GIDs)
	})
}

// idMapNames are the fixed descriptors of these user namespaces, and that of a process in the one that is being made. They
// are filled in the child; up to then something else holds their places.
func (p *Plan) idMapNames() []string {
	var names []string
	for i := range p.innerMaps() {
		names = append(names, idMapName(i))
	}
	if names != nil {
		names = append(names, "idmap process")
	}
	return names
}

func idMapName(i int) string { return "idmap " + strconv.Itoa(i) }

// makeIDMaps prepares what mounts are id-mapped with, while our own files in /proc are still ours: a process in a new user
// namespace hands itself over, by a table of descriptors that is its parent's, and its parent writes the maps of it. (By its
// pid it could not be found: /proc here is the host's, and its pid there is not known.)
func (c *compiler) makeIDMaps() {
	own := false
	for _, m := range c.plan.Mounts {
		own = own || m.IDs != nil && m.IDs.Own && !m.IDs.Inner
	}
	if own {
		c.user = c.Slot()
		c.Call("open the user namespace, to map ids by it", unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String("/proc/self/ns/user"), cloexec(unix.O_RDONLY)).Out(c.user)
	}
	for i, m := range c.plan.innerMaps() {
		c.innerMap(m, constFD(c.at.number(idMapName(i))), constFD(c.at.number("idmap process")))
	}
}

const labelIDMap = "make a user namespace to map ids by"

func (c *compiler) innerMap(m idmap.Mapping, ns, process launch.Arg) {
	const label = labelIDMap
	const patience = 10 * time.Second
	ready, pid, parent := c.Slot(), c.Slot(), c.Label()
	one := c.Words(1)
	c.Call(label, unix.SYS_EVENTFD2, launch.Const(0), launch.Const(unix.EFD_CLOEXEC)).Out(ready)
	c.Spawn(label, unix.CLONE_NEWUSER|unix.CLONE_FILES, pid, parent).Remedy(remedyNamespaces)
	c.Call(label, unix.SYS_PRCTL, launch.Const(unix.PR_SET_PDEATHSIG), launch.Const(unix.SIGKILL))
	hand := func(path string, flags uint64, to launch.Arg) {
		fd := c.Slot()
		c.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String(path), cloexec(flags)).Out(fd).Path(path)
		c.Call(label, unix.SYS_DUP3, fd.Arg(), to, launch.Const(unix.O_CLOEXEC))
		c.close(fd)
	}
	hand("/proc/self", unix.O_PATH|unix.O_DIRECTORY, process)
	hand("/proc/self/ns/user", unix.O_RDONLY, ns)
	c.Call(label, unix.SYS_WRITE, ready.Arg(), one, launch.Const(8))
	c.Call(label, unix.SYS_PPOLL, launch.Const(0), launch.Const(0), launch.Const(0), launch.Const(0), launch.Const(8))
	c.Stop(0)
	c.Place(parent)
	c.Call(label, unix.SYS_READ, ready.Arg(), c.Space(8), launch.Const(8))
	for _, f := range []struct{ name, text string }{{"uid_map", m.UIDs.Kernel()}, {"gid_map", m.GIDs.Kernel()}} {
		fd := c.Slot()
		c.Call(label, unix.SYS_OPENAT, process, c.String(f.name), cloexec(unix.O_WRONLY|unix.O_NOFOLLOW)).Out(fd)
		c.WriteAll(label, fd.Arg(), []byte(f.text)).Remedy(c.say("the mount's mapping in the container's ids, ", f.text, ", is not one that the kernel takes"))
		c.close(fd)
	}
	c.Call(label, unix.SYS_KILL, pid.Arg(), launch.Const(unix.SIGKILL))
	c.Wait(label, pid.Arg(), patience)
	c.close(ready)
	// The process's descriptor stays: its number must not become another's, see makeIDMaps.
}

// mapMount maps the ids of a mount that nobody has seen yet.
func (c *compiler) mapMount(m Mount, s launch.Slot, label string) {
	if m.IDs == nil {
		return
	}
	label = c.say(label, ": map ids")
	if !m.IDs.Inner {
		fds := []launch.Slot{s}
		if m.IDs.Own {
			fds = append(fds, c.user)
		}
		c.Sync(label, c.deadline, fds, launch.Arg{}, 0, func(_ *launch.Child, files []*os.File) ([]byte, error) {
			return nil, c.act.mapMount(m, files)
		}).Path(m.Destination)
		return
	}
	user := c.at.number(idMapName(indexOf(c.plan.innerMaps(), m.IDs.Mapping)))
	r := c.setattr(label, s.Arg(), c.String(""), m.IDs.how(), unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(user)}).Path(m.Destination)
	if !c.allows(degrade.IDMap) {
		r.Remedy(remedyIDMap + degrade.Remedy(degrade.IDMap)).Kind(string(degrade.IDMap))
		return
	}
	refused, done := c.Label(), c.Label()
	r.On(refused, unix.EPERM, unix.EINVAL)
	c.Jump(done)
	c.Place(refused)
	c.note(degrade.IDMap, mountPath(m), textIDMap)
	c.Place(done)
}

const (
	remedyIDMap = "EINVAL: the file system has no id-mapped mounts, or has the same mapping already; EPERM: it belongs to a user namespace outside, or the mount is id-mapped already; "
	textIDMap   = "not id-mapped: the file system has no id-mapped mounts, or belongs to a user namespace outside; its files have the owners that they have"
)

func (ids *MountIDs) how() uint64 {
	if ids.Recursive {
		return unix.AT_EMPTY_PATH | unix.AT_RECURSIVE
	}
	return unix.AT_EMPTY_PATH
}
