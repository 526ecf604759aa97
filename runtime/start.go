package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// startPatience is how long the execve may take after the byte that starts: long on a machine that swaps, and on a network
// file system.
const startPatience = time.Minute

// Start lets the process of a created container run, and returns when it has: the error is that of its execve.
func (c *Container) Start(ctx context.Context) error {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return err
	}
	defer d.close()
	if err := d.lock(ctx); err != nil { // also waits for a create that is not done
		return err
	}
	if c.rec.startContainer || c.rec.poststart {
		err = c.startHooked(ctx, d)
	} else {
		err = c.start(ctx, d, nil)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", c.id, err)
	}
	return nil
}

func (c *Container) start(ctx context.Context, d *directory, hooks *Hooks) error {
	if d.paused() { // it would not hear of it, and we would wait
		return fmt.Errorf("cannot start a paused container: %w", ErrPaused)
	}
	pidfd, err := c.rec.process.open()
	if errors.Is(err, ErrNotRunning) {
		return fmt.Errorf("cannot start a container that has stopped: %w", err)
	}
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	result, err := unix.Openat(d.fd, "result", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENOENT) {
		return errAlreadyRunning
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: d.path + "/result", Err: err}
	}
	defer unix.Close(result)
	// ENXIO: nobody waits there.
	start, err := unix.Openat(d.fd, "start", unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENXIO) || errors.Is(err, unix.ENOENT) {
		return errAlreadyRunning
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: d.path + "/start", Err: err}
	}
	defer unix.Close(start)
	if err := ctx.Err(); err != nil {
		return err // from here on it cannot be taken back
	}
	if err := writeFull(start, []byte{1}); err != nil {
		return os.NewSyscallError("write", err)
	}
	err = c.outcome(ctx, result, pidfd, hooks)
	for _, name := range []string{"start", "result"} {
		_ = unix.Unlinkat(d.fd, name, 0)
	}
	var step *launch.Error
	var hook *HookError
	if errors.As(err, &step) && !errors.As(err, &hook) {
		if p, _ := c.DefaultProcess(); p != nil && len(p.Args) > 0 {
			return startWords(step, p.Args[0], c.rec.filtered)
		}
	}
	return err
}

var errAlreadyRunning error = &fault.Error{Code: fault.Running, Err: fault.Words("cannot start an already running container")}
