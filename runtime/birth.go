package runtime

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/notify"
	"github.com/roost-run/roost/netns"
	"github.com/roost-run/roost/userns"
)

// birth is a container while it is made: what the parent does meanwhile.
type birth struct {
	*job
	wait     bool
	held     map[string]*os.File // what the program has by name, see layout
	dir      *directory
	cgroup   *cgroupv2.Group // of the container's own, or nil
	rec      record
	notes    []Problem
	mapNotes []Problem // what could not be id-mapped
	maps     chan error
	mapping  bool
	process  *Process
	relay    *notify.Relay // nil: there is nothing to pass on
	others   func()        // what Forked returned
	failed   error         // what went wrong on this side: no sync point may be passed any more

	network *os.File        // the container's network namespace, where devices were moved into it
	moved   []*netns.Device // those

	output     *hookOutput // of those in the container
	hookFailed error       // on the host
}

// launch forks as early as it can: what is to be done on this side is done while the child sets up. So the container's
// directory is only made before if the child needs something in it. A child whose parent dies, or finds that the id is
// taken, ends at its next sync point.
func (b *birth) launch(ctx context.Context, program *launch.Program, at layout, joins []*os.File) (err error) {
	if b.wait || b.plan.Root.Make || b.plan.Cgroup != nil || b.plan.relays() {
		if b.dir, err = b.makeDirectory(); err == nil {
			err = b.makeCgroup()
		}
		if err == nil {
			err = b.listen()
		}
		if err != nil {
			return b.undo(err)
		}
	}
	defer b.closeCgroup()
	child, err := b.fork(program, at, joins)
	if err != nil {
		return b.undo(err)
	}
	b.readHooks()
	if b.plan.User.Kind == userns.Create && b.plan.User.Writer != userns.BySelf && !staged(b.plan) {
		b.writeMaps(ctx, child.Pid())
	}
	if f := b.held[listener]; f != nil {
		f.Close()
	}
	b.process = &Process{child: child}
	if b.options.Forked != nil {
		b.others = b.options.Forked()
	}
	if b.dir == nil {
		b.dir, err = b.makeDirectory()
	}
	if err == nil {
		err = b.recordEarly(child)
	}
	if err != nil {
		b.failed = err
		if b.mapping { // newuidmap must not come to a pid that is somebody else's by then
			<-b.maps
		}
		child.Kill() // Drive finds it dead, or at a sync point, and waits for its end
		_ = child.Drive(ctx)
		b.process.close()
		return b.undo(err)
	}
	if err := child.Drive(ctx); err != nil {
		if b.hookFailed != nil { // it says more than the context that ended it
			err = b.hookFailed
		}
		b.process.close()
		return b.undo(err)
	}
	if err := b.made(); err != nil {
		child.Kill()
		_, _ = child.Wait()
		return b.undo(err)
	}
	b.dir.close()
	closeFiles([]*os.File{b.network})
	b.startRelay()
	return nil
}

// hold gives the program a descriptor by its name. It stays the caller's to close.
func (b *birth) hold(name string, f *os.File) {
	if b.held == nil {
		b.held = make(map[string]*os.File)
	}
	b.held[name] = f
}

// made takes the sign away that says that the container is being made.
func (b *birth) made() error {
	if b.wait {
		return os.NewSyscallError("rename", unix.Renameat(b.dir.fd, "creating", b.dir.fd, "start"))
	}
	return b.dir.unlink("creating")
}

func (b *birth) makeDirectory() (*directory, error) {
	d, err := b.store.makeDirectory(b.id)
	if err == nil && b.plan.Root.Make {
		if err = unix.Mkdirat(d.fd, "rootfs", 0o755); err != nil {
			err = &os.PathError{Op: "mkdir", Path: d.path + "/rootfs", Err: err}
		}
	}
	return d, err
}

// undo takes the directory away after an error. The processes are gone already.
func (b *birth) undo(err error) error {
	if b.relay != nil {
		b.relay.Finish()
	}
	err = b.returnDevices(err)
	if b.dir != nil {
		err = errors.Join(err, b.endHooks(), b.dir.clearCgroup(context.Background()), b.dir.remove())
		b.dir.close()
	}
	return err
}

// fork starts the program with the descriptors that the process is to have, and those that it needs on the way.
func (b *birth) fork(program *launch.Program, at layout, joins []*os.File) (*launch.Child, error) {
	files, opened, err := inheritedFiles(b.options.Stdio, b.options.Activation.files(b.options.ExtraFiles))
	defer func() { closeFiles(opened) }()
	if err != nil {
		return nil, err
	}
	for i, f := range joins {
		if f != nil {
			files = append(files, launch.File{File: f, To: at.join(i)})
		}
	}
	for _, name := range b.plan.idMapNames() {
		files = append(files, launch.File{File: files[0].File, To: at.number(name)})
	}
	for name, f := range b.held {
		if n := at.number(name); n >= 0 {
			files = append(files, launch.File{File: f, To: n})
		}
	}
	if b.wait {
		fifos, err := b.dir.makeFIFOs()
		opened = append(opened, fifos[:]...)
		if err != nil {
			return nil, err
		}
		files = append(files, launch.File{File: fifos[0], To: at.start()}, launch.File{File: fifos[1], To: at.result()})
	}
	options := launch.Options{Files: files, StopAt: b.options.stopAt}
	if b.cgroup != nil {
		options.Cgroup = b.cgroup.Dir()
	}
	child, err := launch.Start(program, options)
	if err != nil && b.cgroup != nil {
		err = birthError(err, b.cgroup.Path())
	}
	if err != nil {
		return nil, userns.CloneError(err)
	}
	return child, nil
}

// inheritedFiles are the standard streams, with /dev/null for those that are not given, and what the process keeps besides.
// The opened ones are the caller's to close.
func inheritedFiles(s Stdio, extra []*os.File) (files []launch.File, opened []*os.File, err error) {
	for i, f := range append([]*os.File{s.In, s.Out, s.Err}, extra...) {
		if f == nil {
			if len(opened) == 0 {
				null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
				if err != nil {
					return nil, nil, err
				}
				opened = append(opened, null)
			}
			f = opened[0]
		}
		files = append(files, launch.File{File: f, To: i, Inherit: true})
	}
	return files, opened, nil
}

// makeFIFOs makes the two FIFOs and opens them for reading and writing: so the process that inherits them never sees an end.
func (d *directory) makeFIFOs() (files [2]*os.File, err error) {
	for i, name := range []string{"creating", "result"} {
		if err := unix.Mkfifoat(d.fd, name, 0o600); err != nil {
			return files, &os.PathError{Op: "mkfifo", Path: d.path + "/" + name, Err: err}
		}
		fd, err := unix.Openat(d.fd, name, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		if err != nil {
			return files, &os.PathError{Op: "open", Path: d.path + "/" + name, Err: err}
		}
		files[i] = os.NewFile(uintptr(fd), name)
	}
	return files, nil
}
