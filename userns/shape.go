package userns

import (
	"context"
	"errors"
	"fmt"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
)

// single maps the caller alone, to 0.
func single(c Caller) Choice {
	return Choice{
		Mapping: idmap.Mapping{UIDs: idmap.Single(c.EUID), GIDs: idmap.Single(c.EGID)},
		Source:  "the caller's own ids alone",
	}
}

// shape lays sub-ids out beside the caller's own id: idmap.Auto or idmap.KeepID.
type shape func(own uint32, sub []idmap.SubRange) (idmap.Map, uint64)

// grant is what the caller may use.
type grant struct {
	uids, gids []idmap.SubRange
	source     string
	notes      []string
}

// shaped maps the caller and whatever sub-ids can be had here. What is missing
// makes the map smaller, with a note; only a source that does not answer is an error,
// since the next start would then get other ids for the same files.
func (h host) shaped(ctx context.Context, c Caller, lay shape) (Choice, error) {
	g, err := h.grant(ctx, c)
	if err != nil {
		return Choice{}, fmt.Errorf("map ids: %w", err)
	}
	choice := Choice{Source: g.source, Notes: g.notes}
	var leftUIDs, leftGIDs uint64
	choice.Mapping.UIDs, leftUIDs = lay(c.EUID, g.uids)
	choice.Mapping.GIDs, leftGIDs = lay(c.EGID, g.gids)
	if leftUIDs+leftGIDs > 0 {
		choice.Notes = append(choice.Notes, fmt.Sprintf("%d sub-uids and %d sub-gids are not mapped: the kernel takes no more lines in a map; ask for fewer, larger ranges", leftUIDs, leftGIDs))
	}
	if choice, err = c.settle(choice); err != nil {
		return Choice{}, fmt.Errorf("map ids: %w", err)
	}
	return choice, nil
}

// grant finds the sub-ids that the caller can really map.
func (h host) grant(ctx context.Context, c Caller) (grant, error) {
	own := grant{source: "the caller's own ids alone"}
	give := func(why error) (grant, error) {
		own.notes = []string{fmt.Sprintf("only uid %d and gid %d are mapped: %v", c.EUID, c.EGID, why)}
		return own, nil
	}
	a, err := h.sources.Account(ctx, c.EUID, c.EGID)
	if err != nil {
		return own, err
	}
	uids, gids, source, err := h.sources.SubIDs(ctx, a)
	switch {
	case errors.Is(err, idmap.ErrNoProgram):
		return give(err)
	case err != nil:
		return own, err
	case len(uids) == 0 && len(gids) == 0:
		return give(noGrant(a, source))
	}
	if !c.SetsIDs {
		if err := h.helped(a, c); err != nil {
			return give(err)
		}
	}
	g := grant{uids: idmap.Within(uids, c.UIDs), gids: idmap.Within(gids, c.GIDs), source: source}
	if len(g.uids) == 0 && len(g.gids) == 0 {
		return give(fault.New(fault.IDMap, "the sub-ids that %s grants to %s do not exist in the caller's own user namespace", source, a).
			Remedy("grant ids that it has, or give the outer container more"))
	}
	g.notes = shortfall(c, a, source, g, count(uids), count(gids))
	return g, nil
}

// helped says what keeps the helpers from mapping anything for the account.
func (h host) helped(a idmap.Account, c Caller) error {
	if err := h.helpers.Check(); err != nil {
		return err
	}
	return h.helpers.Serves(a, c.EGID)
}

// usual is the first range that useradd(8) grants.
func usual() idmap.SubRange { return idmap.SubRange{Start: 100000, Size: 65536} }

func noGrant(a idmap.Account, source string) error {
	if a.Name == "" {
		return fault.New(fault.IDMap, "%s has no range in %s", a, source).
			Remedy("ask an administrator for one (and for a passwd entry, without which newuidmap refuses), if more ids are needed")
	}
	return fault.New(fault.IDMap, "%s has no range in %s", a, source).
		Remedy("ask an administrator for \"%s\" and \"%s\" (any free range), if more ids are needed", idmap.Grant("uid", a, usual()), idmap.Grant("gid", a, usual()))
}

// shortfall tells what of a grant is not there.
func shortfall(c Caller, a idmap.Account, source string, g grant, uids, gids uint64) []string {
	var notes []string
	if n := uids - count(g.uids); n > 0 {
		notes = append(notes, fmt.Sprintf("%d of the sub-uids of %s do not exist in the caller's own user namespace and are not mapped", n, a))
	}
	if n := gids - count(g.gids); n > 0 {
		notes = append(notes, fmt.Sprintf("%d of the sub-gids of %s do not exist in the caller's own user namespace and are not mapped", n, a))
	}
	if len(g.uids) == 0 {
		notes = append(notes, fmt.Sprintf("of the users, only %d is mapped: %s has no other range for %s", c.EUID, source, a))
	}
	if len(g.gids) == 0 {
		notes = append(notes, fmt.Sprintf("of the groups, only %d is mapped, and setgroups is denied: %s has no other range for %s", c.EGID, source, a))
	}
	return notes
}

func count(ranges []idmap.SubRange) uint64 {
	n := uint64(0)
	for _, r := range ranges {
		n += uint64(r.Size)
	}
	return n
}
