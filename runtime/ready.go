package runtime

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/userns"
)

// writeMaps has the maps written while the child makes the other namespaces.
func (b *birth) writeMaps(ctx context.Context, pid int) {
	b.mapping = true
	go func() { b.maps <- fault.Default(fault.IDMap, userns.WriteMaps(ctx, pid, b.plan.User)) }()
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
		hasInit: b.plan.Init, callersKeys: b.plan.Keyring == "", annotations: keptAnnotations(b.spec.Annotations, b.options.KeepGroups),
		startContainer: len(b.plan.Hooks.StartContainer) > 0, poststart: len(b.plan.Hooks.Poststart) > 0,
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
	if f := b.plan.Process.Filter; f != nil {
		b.rec.filtered = true
		if err := b.dir.keepFilter(f); err != nil {
			return err
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
	if c := b.plan.Cgroup; c != nil {
		b.rec.cgroupMode, b.rec.cgroupWhy = c.Mode, c.Why
	}
	b.rec.process.inode = pidfdInode(child.Pidfd())
	b.rec.givenUp = givenUp(b.plan.GivenUp)
	if err := b.dir.writeIdentity(b.rec.process); err != nil {
		return err
	}
	return b.dir.write("state.json", b.rec.encode())
}

// recordVisible is record for a process that must be there.
func (b *birth) recordVisible(child *launch.Child) error {
	if err := b.record(child); err != nil {
		return err
	}
	if b.rec.process.pid == 0 {
		return fault.New(fault.System, "process %d cannot be seen in /proc: it was ended, or /proc hides processes (hidepid) and is to be mounted without that", child.Pid())
	}
	return nil
}

// ready is the parent's part when all is set up: from here on the process may run.
func (b *birth) ready(child *launch.Child, root, console *os.File) (home string, err error) {
	b.process.console = console
	if b.failed != nil {
		return "", b.failed
	}
	refused, err := b.plan.Process.fromOutside(child.Pid(), b.plan.Policies)
	if err != nil {
		return "", err
	}
	b.plan.GivenUp = slices.Concat(b.plan.GivenUp, noted(b.notes, child.Notes()), refused, b.mapNotes)
	b.rec.poststop = len(b.plan.Hooks.Poststop) > 0
	if b.rec.process.pid == 0 || b.rec.givenUp != givenUp(b.plan.GivenUp) || b.rec.poststop {
		if err := b.recordVisible(child); err != nil {
			return "", err
		}
	}
	if b.cgroup != nil && slices.Contains(b.plan.Cgroup.Settings.Controllers(), "memory") {
		b.process.memory = watchMemory(b.cgroup) // it may be over a moment after it was let go
	}
	if err := b.fillState(createdState, Created, child.Pid()); err != nil {
		return "", err
	}
	b.store.tell(b.id, b.plan.GivenUp)
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
	if b.options.PidfdSocket != "" {
		if err := terminal.SendPidfd(b.options.PidfdSocket, "standard", child.Pidfd()); err != nil {
			return "", err
		}
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

// listener is what the one who is notified is told.
func (b *birth) listener(child *launch.Child) ([]byte, error) {
	return listenerState(&b.rec, b.plan.Process.Filter, Creating, child.Pid())
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
		return fault.New(fault.PidFile, "pid file: %w", &os.PathError{Op: "open", Path: dir, Err: err})
	}
	d := &directory{path: strings.TrimRight(dir, "/"), fd: fd}
	defer d.close()
	if err := d.writeNew(name, strconv.AppendInt(nil, int64(pid), 10), 0o644); err != nil {
		return fault.New(fault.PidFile, "pid file: %w", err)
	}
	return nil
}
