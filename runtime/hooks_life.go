package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/spec"
)

// hooks reads a container's hooks from the configuration that is kept with it: only when its record says that there are some.
func (d *directory) hooks() (Hooks, error) {
	raw, err := d.read("config.json")
	if err != nil {
		return Hooks{}, fmt.Errorf("hooks: %w", err)
	}
	loaded, err := spec.Load(raw)
	if err != nil {
		return Hooks{}, fmt.Errorf("hooks: %w", err)
	}
	return planHooks(loaded.Spec.Hooks), nil
}

// hookContext is the context for a call that runs hooks.
func (s *Store) hookContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.HookContext == nil {
		return ctx, func() {}
	}
	return s.HookContext(ctx)
}

// startHooked is start for a container that has hooks around it. It gives the lock up before those that run after: they may be
// long, and may want to use the container.
func (c *Container) startHooked(ctx context.Context, d *directory) error {
	hooks, err := d.hooks()
	if err != nil {
		return err
	}
	ctx, stop := c.store.hookContext(ctx)
	defer stop()
	if err := c.start(ctx, d, &hooks); err != nil {
		return err
	}
	if len(hooks.Poststart) == 0 {
		return nil
	}
	if err := unix.Flock(d.fd, unix.LOCK_UN); err != nil {
		return err
	}
	if err := c.poststart(ctx, d, hooks.Poststart); err != nil {
		return errors.Join(err, c.killAll(context.WithoutCancel(ctx)))
	}
	return nil
}

// poststart runs the hooks that come when the process executes.
func (c *Container) poststart(ctx context.Context, d *directory, list []Hook) error {
	status, err := c.status(d)
	if err != nil {
		return err
	}
	pid := c.rec.process.pid
	if status == Stopped { // it was quick
		pid = 0
	}
	return hookRun{store: c.store, rec: &c.rec, state: c.rec.hookState(status, pid), pidfd: -1}.runAll(ctx, list)
}

// running runs those hooks for a container that was made and started in one. If one fails, nothing of the container stays.
func (c *Container) running(ctx context.Context, list []Hook) error {
	d, err := c.store.openDirectory(c.id)
	if err == nil {
		err = c.poststart(ctx, d, list)
		d.close()
	}
	if err == nil {
		return nil
	}
	c.first.child.Kill()
	_, _ = c.first.wait()
	if c.first.console != nil {
		c.first.console.Close()
	}
	ctx, cancel := undoing(ctx)
	defer cancel()
	return errors.Join(err, c.Destroy(ctx, true))
}

// lastCall is what may be undone once the context has ended.
const lastCall = 10 * time.Second

// undoing is a context for what has to be done also when the given one has ended: for a little while then.
func undoing(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), lastCall)
}

// outcome is what became of a process that was told to start. With hooks in between the end of the context ends it: without
// them it is done before anybody could want that.
func (c *Container) outcome(ctx context.Context, result, pidfd int, hooks *Hooks) error {
	if hooks == nil || len(hooks.StartContainer) == 0 {
		return launch.Outcome(result, pidfd, startPatience)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Signal(context.Background(), unix.SIGKILL, false) })
	err := launch.Outcome(result, pidfd, waitsFor(hooks.StartContainer, startPatience))
	stop()
	if err == nil {
		return nil
	}
	if step := (*launch.Error)(nil); errors.As(err, &step) {
		err = hooks.explain(step, "")
	} else if ctx.Err() != nil {
		err = fmt.Errorf("hooks.startContainer: %w", context.Cause(ctx))
	}
	return errors.Join(err, c.killAll(context.WithoutCancel(ctx))) // and what the hooks left
}

// remove takes a container's directory away and does what comes after that. The record is nil where it could not be read.
func (s *Store) remove(ctx context.Context, d *directory, rec *record) error {
	if rec == nil {
		return d.remove()
	}
	hooks := s.due(d, rec)
	err := d.remove()
	if err == nil || unix.Faccessat(d.fd, "state.json", unix.F_OK, 0) != nil { // else the next one who removes it runs them
		s.poststop(ctx, rec, hooks)
	}
	return err
}

// due are the hooks that are to be run when the container is gone. What they are is read before its directory goes.
func (s *Store) due(d *directory, rec *record) []Hook {
	if !rec.poststop {
		return nil
	}
	hooks, err := d.hooks()
	if err != nil {
		s.log.Warn("poststop hooks cannot be run", "id", rec.id, "error", err)
	}
	return hooks.Poststop
}

// poststop runs the hooks that come when the container is gone, all of them: also when one fails, and when the context has ended,
// then for a little while.
func (s *Store) poststop(ctx context.Context, rec *record, list []Hook) {
	run := hookRun{store: s, rec: rec, state: rec.hookState(Stopped, 0), pidfd: -1}
	for i := range list {
		limited, cancel := undoing(ctx)
		own, stop := s.hookContext(limited)
		if err := run.run(own, &list[i]); err != nil {
			s.log.Warn("hook failed; the container is gone all the same", "id", rec.id, "error", err)
		}
		if own.Err() != nil {
			ctx = own
		}
		stop()
		cancel()
	}
}
