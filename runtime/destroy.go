package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
)

// Destroy removes a stopped container: its record and directory, and whatever of its processes outlived the first one.
// ErrRunning when it is not stopped, unless force is given: then it is killed first. A container that is being created is
// waited for.
func (c *Container) Destroy(ctx context.Context, force bool) error {
	if c.first != nil {
		defer c.first.unlock()
		if c.first.child.Ended() && c.rec.ownPids {
			if done, err := c.removeEnded(ctx); done || err != nil {
				return err
			}
		}
	}
	if force || c.first != nil && c.first.child.Ended() {
		c.waitForStarted()
	}
	return c.store.delete(ctx, c.id, force, c.rec.process)
}

// removeEnded removes the directory of a container whose first process was our child and took all others with it: there is
// nothing to be found out any more but whether the directory is still this container's.
func (c *Container) removeEnded(ctx context.Context) (done bool, err error) {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return false, err
	}
	defer d.close()
	if err := d.lock(context.Background()); err != nil {
		return false, err
	}
	if id, ok := d.readIdentity(); !ok || id != c.rec.process {
		return false, nil
	}
	if err := d.clearCgroup(context.Background()); err != nil {
		return false, err
	}
	return true, c.store.remove(ctx, d, &c.rec)
}

// Delete is [Container.Destroy] by id. With force it also clears what is too damaged to be loaded, and half-made containers.
// ErrNotExist when there is nothing.
func (s *Store) Delete(ctx context.Context, id string, force bool) error {
	return s.delete(ctx, id, force, identity{})
}

// delete leaves a container alone whose first process is not the one given: it has our id by now, and is somebody else's.
func (s *Store) delete(ctx context.Context, id string, force bool, only identity) error {
	if err := checkID(id); err != nil {
		return err
	}
	d, err := s.openDirectory(id)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.take(ctx, force); err != nil {
		return err
	}
	if first, ok := d.readIdentity(); ok && only.pid != 0 && first != only {
		return fmt.Errorf("container %s: %w: another one has that id now", id, ErrNotExist)
	}
	if !force {
		c, err := s.load(d)
		if err != nil {
			return err
		}
		status, err := c.status(d)
		if err != nil {
			return fmt.Errorf("container %s: %w", id, err)
		}
		if status != Stopped {
			return fault.New("", "cannot delete container %s that is not stopped: %s: %w", id, status, ErrRunning).Remedy("kill it first, or use --force")
		}
	}
	return s.clear(ctx, d)
}

// courtesy is how long a forced delete waits for others to get done before it ends what they wait for.
const courtesy = 2 * time.Second

// take gets the lock. With force, the first process is killed if that takes long: whoever sets it up or waits for its start then
// finds it dead, and lets go.
func (d *directory) take(ctx context.Context, force bool) error {
	if !force {
		return d.lock(ctx)
	}
	err := d.flock(ctx, unix.LOCK_EX, courtesy)
	if !errors.Is(err, errBusy) {
		return err
	}
	if first, ok := d.readIdentity(); ok {
		if fd, err := first.open(); err == nil {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
			unix.Close(fd)
		}
	}
	return d.flock(ctx, unix.LOCK_EX, patience)
}

// clear kills what there is and removes the directory. The caller holds the lock.
func (s *Store) clear(ctx context.Context, d *directory) error {
	rec, err := d.readRecord()
	switch {
	case err == nil:
		c := &Container{store: s, id: d.id, rec: *rec}
		if err := c.killAll(ctx); err != nil {
			return fmt.Errorf("container %s: %w", d.id, err)
		}
	default:
		// Without a record there may be a process all the same: the record was damaged, or we come between it and the link.
		// Where there is no link either, the process never got past its setting up, and ends when it finds its maker gone.
		id, ok := d.readIdentity()
		if !ok {
			break
		}
		c := &Container{store: s, id: d.id, rec: record{process: id}}
		if err := c.killAll(ctx); err != nil {
			return fmt.Errorf("container %s: %w", d.id, err)
		}
	}
	if err := d.clearCgroup(ctx); err != nil {
		return fmt.Errorf("container %s: %w", d.id, err)
	}
	return s.remove(ctx, d, rec)
}

// patience is how long a killed process may take to end. Beyond it sits in the kernel, usually on a file system that does not
// answer.
const patience = 10 * time.Second

// killAll ends all processes. With a pid namespace the kernel does it when the first one ends; without one we go on until
// nobody is found, since processes may be made as fast as they are killed.
func (c *Container) killAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := c.signalCgroup(ctx, unix.SIGKILL); err != nil && !errors.Is(err, os.ErrPermission) {
		return err
	}
	fd, err := c.rec.process.open()
	switch {
	case err == nil:
		defer unix.Close(fd)
		if !c.rec.ownPids {
			if err := c.killMembers(ctx); err != nil {
				return err
			}
		}
		if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("kill process %d: %w", c.rec.process.pid, err)
		}
		return awaitEnd(ctx, fd, c.rec.process.pid)
	case !errors.Is(err, ErrNotRunning):
		return err
	case !c.rec.ownPids:
		return c.killMembers(ctx)
	}
	return nil
}

func (c *Container) killMembers(ctx context.Context) error {
	for {
		list, err := c.relatives() // those in its cgroup are killed with it
		if err != nil || len(list) == 0 {
			return err
		}
		for _, m := range list {
			if err := m.signal(unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill process %d: %w", m.pid, err)
			}
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Stuck, "%d processes do not end (the first is %d)", len(list), list[0].pid).Remedy("they may be stuck in the kernel")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// awaitEnd waits for a process by its pidfd.
func awaitEnd(ctx context.Context, fd, pid int) error {
	for {
		wait := int64(-1)
		if at, ok := ctx.Deadline(); ok {
			wait = max(0, time.Until(at).Milliseconds())
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(min(wait, 1<<30)))
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n > 0:
			return nil
		default:
			return fault.New(fault.Stuck, "process %d does not end: a process that was started in its container by exec may not have been waited for, or it is stuck in the kernel (/proc/%d/stack tells root where)", pid, pid)
		}
	}
}
