package runtime

import (
	"context"
	"errors"
	"os"

	"github.com/roost-run/roost/internal/launch"
)

// What the program has for hooks, by name: see layout. A state is there before its content, which needs the pid.
const (
	creatingState = "state while creating"
	createdState  = "state when created"
	outputOfHooks = "output of hooks"
)

// descriptors are the names of what is needed up to start, and after it.
func (h *Hooks) descriptors() (early, late []string) {
	if len(h.CreateContainer) > 0 {
		early = []string{creatingState, outputOfHooks}
	}
	if len(h.StartContainer) > 0 {
		late = []string{createdState}
	}
	return early, late
}

// openHooks opens those.
func (b *birth) openHooks() (err error) {
	early, late := b.plan.Hooks.descriptors()
	for _, name := range append(early, late...) {
		if b.held == nil {
			b.held = make(map[string]*os.File)
		}
		if name == outputOfHooks {
			if b.output, err = newHookOutput(); err == nil {
				b.held[name] = b.output.w
			}
		} else {
			b.held[name], err = newStateFile()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readHooks listens to the hooks in the container, once its process is there.
func (b *birth) readHooks() {
	if b.output != nil {
		delete(b.held, outputOfHooks)
		b.output.read()
	}
}

// closeHooks lets go of all that, and adds to an error what a hook said.
func (b *birth) closeHooks(err error) error {
	said := ""
	if b.output != nil {
		said = b.output.stop()
	}
	for _, name := range []string{creatingState, createdState} {
		if f := b.held[name]; f != nil {
			f.Close()
		}
	}
	if step := (*launch.Error)(nil); errors.As(err, &step) && step.About != 0 {
		return b.plan.Hooks.explain(step, said)
	}
	return err
}

// beforeRoot is the parent's part when everything is mounted and the host can still be seen: hooks on the host.
func (b *birth) beforeRoot(ctx context.Context, child *launch.Child) error {
	if b.failed != nil {
		return b.failed
	}
	// From here on there may be something to be undone by others, also if we die.
	b.rec.poststop = len(b.plan.Hooks.Poststop) > 0
	if err := b.recordVisible(child); err != nil {
		return err
	}
	if err := b.fillState(creatingState, Creating, child.Pid()); err != nil {
		return err
	}
	h := &b.plan.Hooks
	run := hookRun{store: b.store, rec: &b.rec, state: b.rec.hookState(Creating, child.Pid()), pidfd: child.Pidfd()}
	err := run.runAll(ctx, h.Prestart)
	if err == nil {
		err = run.runAll(ctx, h.CreateRuntime)
	}
	b.hookFailed = err
	return err
}

// fillState writes a state for hooks in the container, if there are some that get it.
func (b *birth) fillState(name string, status Status, pid int) error {
	f := b.held[name]
	if f == nil {
		return nil
	}
	pid, err := b.plan.pidInside(pid)
	if err != nil {
		return err
	}
	return fillState(f, b.rec.hookState(status, pid))
}

// endHooks ends what hooks in the container left there when the container was not made: where it has no pid namespace of its
// own, that does not end with its first process.
func (b *birth) endHooks() error {
	if len(b.plan.Hooks.CreateContainer)+len(b.plan.Hooks.StartContainer) == 0 || b.rec.ownPids || b.rec.process.pid == 0 {
		return nil
	}
	return (&Container{store: b.store, id: b.id, rec: b.rec}).killAll(context.Background())
}

// due are the hooks to be run when making the container has failed: as the runtime-spec has it (runtime.md, "Lifecycle") when
// its environment was there, so that other hooks have been run.
func (b *birth) due() []Hook {
	if !b.rec.poststop {
		return nil
	}
	return b.plan.Hooks.Poststop
}
