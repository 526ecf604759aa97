package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/userns"
)

// Create sets a container up and leaves its process waiting for [Container.Start]. The process is a child of this one; who
// ends before it does need not care.
func (s *Store) Create(ctx context.Context, id string, o CreateOptions) (*Container, *Process, error) {
	return s.launch(ctx, id, o, true)
}

// Run is Create and Start in one launch.
func (s *Store) Run(ctx context.Context, id string, o CreateOptions) (*Container, *Process, error) {
	return s.launch(ctx, id, o, false)
}

func (s *Store) launch(ctx context.Context, id string, o CreateOptions, wait bool) (*Container, *Process, error) {
	j, err := s.prepare(ctx, id, o)
	if err != nil {
		return nil, nil, err
	}
	joins, err := j.plan.joinFiles()
	if err != nil {
		return nil, nil, err
	}
	defer closeFiles(joins)
	b := &birth{job: j, wait: wait, maps: make(chan error, 1)}
	at := layout{extra: len(o.ExtraFiles), wait: wait, joins: len(joins)}
	program, notes, err := compile(j.plan, at, actions{mapIDs: b.mapIDs, ready: b.ready}, true)
	if err != nil {
		return nil, nil, err
	}
	b.notes = notes
	if o.Replace {
		if err := s.clearPredecessor(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	if err := b.launch(ctx, program, at, joins); err != nil {
		err = inWords(err, func() (*launch.Program, error) {
			p, _, err := compile(j.plan, at, actions{}, false)
			return p, err
		})
		var step *launch.Error
		if (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) && !errors.As(err, &step) {
			err = fmt.Errorf("%w; make room there, or choose another --root", err)
		}
		return nil, nil, fmt.Errorf("container %s: %w", id, err)
	}
	return &Container{store: s, id: id, rec: b.rec, first: b.process}, b.process, nil
}

// clearPredecessor makes room for a container of the same id.
func (s *Store) clearPredecessor(ctx context.Context, id string) error {
	d, err := s.openDirectory(id)
	if err != nil {
		return ignoreGone(err)
	}
	defer d.close()
	if err := d.lock(ctx); err != nil {
		return ignoreGone(err)
	}
	if c, err := s.load(d); err == nil {
		status, err := c.status(d)
		if err != nil {
			return err
		}
		if status != Stopped && !c.abandoned(d) {
			return fmt.Errorf("container %s: %w and is %s; stop it first", id, ErrExist, status)
		}
	}
	return s.clear(ctx, d)
}

// birth is a container while it is made: what the parent does meanwhile.
type birth struct {
	*job
	wait    bool
	dir     *directory
	rec     record
	notes   []Problem
	maps    chan error
	mapping bool
	process *Process
	others  func() // what Forked returned
	failed  error  // what went wrong on this side: no sync point may be passed any more
}

// launch forks as early as it can: what is to be done on this side is done while the child sets up. So the container's
// directory is only made before if the child needs something in it. A child whose parent dies, or finds that the id is
// taken, ends at its next sync point.
func (b *birth) launch(ctx context.Context, program *launch.Program, at layout, joins []*os.File) (err error) {
	if b.wait || b.plan.Root.Make {
		if b.dir, err = b.makeDirectory(); err != nil {
			return b.undo(err)
		}
	}
	child, err := b.fork(program, at, joins)
	if err != nil {
		return b.undo(err)
	}
	if b.plan.User.Kind == userns.Create && b.plan.User.Writer != userns.BySelf && !staged(b.plan) {
		b.writeMaps(ctx, child.Pid())
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
		b.process.close()
		return b.undo(err)
	}
	if err := b.made(); err != nil {
		child.Kill()
		_, _ = child.Wait()
		return b.undo(err)
	}
	b.dir.close()
	return nil
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
	if b.dir != nil {
		err = errors.Join(err, b.dir.remove())
		b.dir.close()
	}
	return err
}

// fork starts the program with the descriptors that the process is to have, and those that it needs on the way.
func (b *birth) fork(program *launch.Program, at layout, joins []*os.File) (*launch.Child, error) {
	files, opened, err := inheritedFiles(b.options.Stdio, b.options.ExtraFiles)
	defer func() { closeFiles(opened) }()
	if err != nil {
		return nil, err
	}
	for i, f := range joins {
		if f != nil {
			files = append(files, launch.File{File: f, To: at.join(i)})
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
	child, err := launch.Start(program, launch.Options{Files: files, StopAt: b.options.stopAt})
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

// writeMaps has the maps written while the child makes the other namespaces.
func (b *birth) writeMaps(ctx context.Context, pid int) {
	b.mapping = true
	go func() { b.maps <- userns.WriteMaps(ctx, pid, b.plan.User) }()
}

func (b *birth) mapIDs(pid int) error {
	if b.failed != nil {
		return b.failed
	}
	if !b.mapping {
		b.writeMaps(context.Background(), pid)
	}
	return <-b.maps
}

// recordEarly writes all down that is known right after the fork. A maker that dies after it leaves a record; one that
// dies before it leaves a child that ends at its next sync point.
func (b *birth) recordEarly(child *launch.Child) error {
	b.rec = record{
		id: b.id, bundle: b.plan.Bundle, rootfs: b.plan.Root.Path, created: time.Now().UTC(),
		ownPids: b.plan.has(unix.CLONE_NEWPID) && b.plan.New&unix.CLONE_NEWPID != 0, ownUsers: b.plan.User.Kind == userns.Create,
		hasInit: b.plan.Init, annotations: b.spec.Annotations,
	}
	if !b.wait { // else it is the FIFO
		creating, err := b.dir.writeOnce("creating", nil)
		if err != nil {
			return err
		}
		unix.Close(creating)
	}
	b.rec.attended = b.options.Attended
	config, err := b.dir.writeOnce("config.json", b.raw)
	if err != nil {
		return err
	}
	if !b.options.Attended {
		unix.Close(config)
	} else {
		b.process.lock = os.NewFile(uintptr(config), "config.json")
		if err := unix.Flock(config, unix.LOCK_EX|unix.LOCK_NB); err != nil {
			return os.NewSyscallError("flock", err)
		}
	}
	if forks(b.plan) {
		return nil // the pid is not known
	}
	return b.record(child)
}

func (b *birth) record(child *launch.Child) (err error) {
	if b.rec.process, err = identify(child.Pid()); err != nil {
		if gone(err) {
			return nil // it has ended, and Drive will say why
		}
		return err
	}
	b.rec.process.inode = pidfdInode(child.Pidfd())
	b.rec.givenUp = givenUp(b.plan.GivenUp)
	if err := b.dir.writeIdentity(b.rec.process); err != nil {
		return err
	}
	return b.dir.write("state.json", b.rec.encode())
}

// ready is the parent's part when all is set up: from here on the process may run.
func (b *birth) ready(child *launch.Child, root, console *os.File) (home string, err error) {
	b.process.console = console
	if b.failed != nil {
		return "", b.failed
	}
	for _, n := range child.Notes() {
		if n < len(b.notes) {
			b.plan.GivenUp = append(b.plan.GivenUp, b.notes[n])
		}
	}
	if b.rec.process.pid == 0 || len(child.Notes()) > 0 {
		if err := b.record(child); err != nil {
			return "", err
		}
	}
	if b.rec.process.pid == 0 {
		return "", fmt.Errorf("process %d cannot be seen in /proc: it was ended, or /proc hides processes (hidepid) and is to be mounted without that", child.Pid())
	}
	for _, p := range b.plan.GivenUp {
		b.store.log.Debug("given up", "id", b.id, "path", p.Path, "reason", p.Text)
	}
	if s := b.options.ConsoleSize; console != nil && s != nil && b.plan.Process.Rows == 0 {
		_ = unix.IoctlSetWinsize(int(console.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(s.Height), Col: uint16(s.Width)})
	}
	if console != nil && b.options.ConsoleSocket != "" {
		if err := terminal.SendConsole(b.options.ConsoleSocket, console); err != nil {
			return "", err
		}
		console.Close()
		b.process.console = nil
	}
	if b.options.PidFile != "" {
		if err := writePidFile(b.options.PidFile, child.Pid()); err != nil {
			return "", err
		}
	}
	if b.others != nil {
		b.others()
	}
	if root != nil {
		home = homeIn(int(root.Fd()), b.plan.Process.UID)
	}
	return home, nil
}

func givenUp(list []Problem) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, "\n")
}

// writePidFile puts the file there as a whole: engines read it as soon as it is there.
func writePidFile(path string, pid int) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("pid file: %w", &os.PathError{Op: "open", Path: dir, Err: err})
	}
	d := &directory{path: strings.TrimRight(dir, "/"), fd: fd}
	defer d.close()
	if err := d.writeNew(name, strconv.AppendInt(nil, int64(pid), 10), 0o644); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}
