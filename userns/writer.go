package userns

import (
	"context"
	"errors"
	"fmt"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
)

// create settles a mapping that somebody wrote, and foresees what the helpers
// refuse of it while nothing is made yet.
func (h host) create(ctx context.Context, c Caller, choice Choice) (Choice, error) {
	choice, err := c.settle(choice)
	if err == nil && choice.Writer == ByHelpers {
		err = h.grants(ctx, c, choice.Mapping)
	}
	if err != nil {
		return Choice{}, fmt.Errorf("%s: %w", choice.Source, err)
	}
	return choice, nil
}

// settle checks a mapping, every problem at once, and decides who writes it.
func (c Caller) settle(choice Choice) (Choice, error) {
	m := choice.Mapping
	if err := errors.Join(problem("uid", m.UIDs), problem("gid", m.GIDs)); err != nil {
		return choice, err
	}
	if err := errors.Join(idmap.NotOutside("uid", m.UIDs, c.UIDs), idmap.NotOutside("gid", m.GIDs, c.GIDs)); err != nil {
		return choice, err
	}
	choice.Kind = Create
	choice.Writer = c.writer(m)
	// newgidmap, too, denies setgroups where the own group is all it maps.
	ownGroup := choice.Writer == BySelf || choice.Writer == ByHelpers && m.GIDs.Only(c.EGID)
	choice.Setgroups = c.SetgroupsAllowed && !ownGroup
	if _, mapped := m.UIDs.ToContainer(0); mapped && choice.Writer != ByHelpers && !c.Setfcap {
		return choice, fault.New(fault.IDMap, "uid 0 cannot be mapped by a caller without CAP_SETFCAP (user_namespaces(7), since Linux 5.12)").
			Remedy("give the outer container that capability, or run as another user than root")
	}
	return choice, nil
}

func problem(kind string, m idmap.Map) error {
	if err := m.Validate(); err != nil {
		return fmt.Errorf("%s map: %w", kind, err)
	}
	return nil
}

// writer goes by new_idmap_permitted in the kernel's user_namespace.c. Whoever may
// write any map does so even where one line for the own id would do, since
// that one costs setgroups(2) inside.
func (c Caller) writer(m idmap.Mapping) Writer {
	switch {
	case c.SetsIDs:
		return ByParent
	case m.UIDs.Only(c.EUID) && m.GIDs.Only(c.EGID):
		return BySelf
	default:
		return ByHelpers
	}
}

// grants compares a mapping with what is granted. Only files are asked: a name
// service may grant more than it lists, and is far.
func (h host) grants(ctx context.Context, c Caller, m idmap.Mapping) error {
	if err := h.helpers.Check(); err != nil {
		return err
	}
	a, err := h.sources.Account(ctx, c.EUID, c.EGID)
	if err != nil {
		return err
	}
	if err := h.helpers.Serves(a, c.EGID); err != nil {
		return err
	}
	if files, err := h.sources.Files(); err != nil || !files {
		return err
	}
	uids, gids, source, err := h.sources.SubIDs(ctx, a)
	if err != nil {
		return err
	}
	return errors.Join(
		idmap.NotGranted("uid", m.UIDs, a, c.EUID, uids, source),
		idmap.NotGranted("gid", m.GIDs, a, c.EGID, gids, source),
	)
}

// WriteMaps writes the maps of a child that waits for them in its new user
// namespace, as idmap.WriteByHelpers requires it to be. For a choice of BySelf it
// writes from outside what the child would write, setgroups included.
func WriteMaps(ctx context.Context, pid int, c Choice) error {
	if c.Kind != Create {
		return fmt.Errorf("write id maps: a user namespace that is not made has none to write (%s)", c.Kind)
	}
	if c.Writer == ByHelpers {
		return idmap.WriteByHelpers(ctx, pid, c.Mapping)
	}
	if err := idmap.WriteDirectly(pid, c.Mapping, c.Writer == BySelf); err != nil {
		return fmt.Errorf("write id maps: %w", StrippedError(err))
	}
	return nil
}
