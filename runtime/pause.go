package runtime

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/fault"
)

// Pause stops all processes of the container, those that it makes meanwhile included, and returns when they have stopped. It takes a cgroup
// of the container's own. ErrNotRunning, or ErrPaused if it is paused already. If the context ends first the container runs on.
func (c *Container) Pause(ctx context.Context) error {
	return c.frozen(ctx, func(ctx context.Context, d *directory, g *cgroupv2.Group) error {
		switch status, err := c.status(d); {
		case err != nil:
			return err
		case status == Paused:
			return ErrPaused
		case status != Running && status != Created:
			return ErrNotRunning
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return fault.Default(fault.Stuck, g.Freeze(ctx))
	})
}

// Resume lets a paused container go on. ErrNotPaused if it is not paused.
func (c *Container) Resume(ctx context.Context) error {
	return c.frozen(ctx, func(ctx context.Context, d *directory, g *cgroupv2.Group) error {
		switch status, err := c.status(d); {
		case err != nil:
			return err
		case status != Paused:
			return ErrNotPaused
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err := g.Thaw(ctx)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) { // a signal had waited for it, and it has ended
			return nil
		}
		return err
	})
}

// frozen does something with the container's cgroup. It takes no lock: who has it may be waiting for what is paused.
func (c *Container) frozen(ctx context.Context, act func(context.Context, *directory, *cgroupv2.Group) error) error {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return err
	}
	defer d.close()
	g, err := d.openGroup()
	if err == nil {
		defer g.Close()
		err = act(ctx, d, g)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", c.id, err)
	}
	return nil
}
