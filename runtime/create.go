package runtime

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
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
	defer j.release()
	joins, err := j.plan.joinFiles()
	if err != nil {
		return nil, nil, err
	}
	defer closeFiles(joins)
	if j.plan.Hooks.any() {
		var stop context.CancelFunc
		ctx, stop = s.hookContext(ctx)
		defer stop()
	}
	b := &birth{job: j, wait: wait, maps: make(chan error, 1)}
	listens, err := j.plan.Process.dialListener()
	if err != nil {
		return nil, nil, err
	}
	if listens != nil {
		defer listens.Close()
		b.hold(listener, listens)
	}
	at := j.plan.layout(len(o.Activation.files(o.ExtraFiles)), wait)
	act := actions{unit: func(c *launch.Child) error { return b.enterUnit(ctx, c) }, mapIDs: b.mapIDs, mapMount: b.mapMount, ready: b.ready, listener: b.listener, netDevices: b.moveDevices, hooks: func(c *launch.Child) error { return b.beforeRoot(ctx, c) }}
	program, notes, err := compile(j.plan, at, act, true)
	if err != nil {
		return nil, nil, err
	}
	b.notes = notes
	if o.Replace {
		if err := s.clearPredecessor(ctx, id); err != nil {
			return nil, nil, err
		}
	}
	if err = b.openHooks(); err == nil {
		err = b.launch(ctx, program, at, joins)
	}
	if err = b.closeHooks(err); err != nil {
		s.poststop(ctx, &b.rec, b.due())
		err = inWords(err, func() (*launch.Program, error) {
			p, _, err := compile(j.plan, at, actions{}, false)
			return p, err
		})
		err = aboutUserNamespace(err, j.plan.User)
		err = aboutSeccomp(err, j.plan.Process.Filter != nil)
		var step *launch.Error
		if (errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)) && !errors.As(err, &step) {
			err = fault.Remedy(err, "make room there, or choose another --root")
		}
		return nil, nil, fmt.Errorf("container %s: %w", id, err)
	}
	c := &Container{store: s, id: id, rec: b.rec, first: b.process}
	if !wait && b.rec.poststart {
		if err := c.running(ctx, j.plan.Hooks.Poststart); err != nil {
			return nil, nil, fmt.Errorf("container %s: %w", id, err)
		}
	}
	return c, b.process, nil
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
			return fault.New("", "container %s: %w and is %s", id, ErrExist, status).Remedy("stop it first")
		}
	}
	return s.clear(ctx, d)
}
