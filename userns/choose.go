package userns

import (
	"context"
	"fmt"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
)

// Request is what the configuration and the command line say about the user
// namespace.
type Request struct {
	New        bool      // the configuration asks for a new one
	Path       string    // or for this one
	UIDs, GIDs idmap.Map // its mappings, in the caller's id space

	// IDMap says what to map where the configuration does not: "auto" (the
	// caller is 0, their sub-ids follow from 1 on), "single" (the caller is 0,
	// nobody else is mapped, no helper runs), "keep-id" (the caller keeps their
	// ids, sub-ids lie around them), or a map as idmap.ParseMapping reads it:
	// "UID-MAP[;GID-MAP]", lines CONTAINER:HOST:SIZE separated by commas. ""
	// stands for "auto".
	IDMap string
}

// Kind is what is done about the user namespace.
type Kind uint8

// The kinds.
const (
	None   Kind = iota // run in the caller's
	Join               // join the one at Choice.Path
	Create             // make one
)

func (k Kind) String() string { return [...]string{"none", "join", "create"}[k] }

// Writer is who writes the maps of a namespace that is made.
type Writer uint8

// The writers.
const (
	BySelf    Writer = iota // the child, after denying setgroups: one line each
	ByParent                // the caller, who may (WriteMaps)
	ByHelpers               // newuidmap and newgidmap (WriteMaps)
)

func (w Writer) String() string { return [...]string{"self", "parent", "helpers"}[w] }

// Choice is the decision.
type Choice struct {
	Kind Kind
	Path string // for Join

	// Mapping is what the namespace maps, in the caller's id space. For None,
	// the ids that the caller has, as they are; for Join, empty when nobody can tell.
	Mapping idmap.Mapping
	Writer  Writer // for Create

	// Setgroups: setgroups(2) works inside (with CAP_SETGID there).
	Setgroups bool
	// Source tells where the ids come from, for explain.
	Source string
	// Notes says what was given up, a sentence each.
	Notes []string
}

// host is where Choose looks things up.
type host struct {
	sources idmap.Sources
	helpers idmap.Helpers
}

// Choose decides where the container's user namespace comes from, in this order:
// the one that the configuration names; a new one, where the configuration asks
// for it; none, when the caller is privileged over their own and no map was asked
// for by name; a new one. Nothing was made when it returns an error. It looks up
// accounts and sub-ids only for auto, keep-id, and maps that the helpers
// will have to grant.
func Choose(ctx context.Context, c Caller, r Request) (Choice, error) {
	return host{}.choose(ctx, c, r)
}

func (h host) choose(ctx context.Context, c Caller, r Request) (Choice, error) {
	switch {
	case r.Path != "":
		return join(c, r)
	case len(r.UIDs) > 0 || len(r.GIDs) > 0:
		return h.configured(ctx, c, r)
	case !r.New && c.Privileged && (r.IDMap == "" || r.IDMap == "auto"):
		return none(c, "the caller's own user namespace, where they are privileged"), nil
	}
	if err := c.mayCreate(); err != nil {
		return Choice{}, err
	}
	switch r.IDMap {
	case "single":
		return h.create(ctx, c, single(c))
	case "", "auto":
		return h.shaped(ctx, c, idmap.Auto)
	case "keep-id":
		return h.shaped(ctx, c, idmap.KeepID)
	}
	mapping, err := idmap.ParseMapping(r.IDMap)
	if err != nil {
		return Choice{}, fmt.Errorf("--idmap=%s: neither auto, single, keep-id nor a map: %w", clip(r.IDMap), err)
	}
	return h.create(ctx, c, Choice{Mapping: mapping, Source: "--idmap"})
}

// configured takes the mappings of config.json.
func (h host) configured(ctx context.Context, c Caller, r Request) (Choice, error) {
	switch {
	case !r.New:
		return Choice{}, fault.New(fault.IDMap, "linux.uidMappings, linux.gidMappings: set, but linux.namespaces has no user namespace to map").
			Remedy("add one, or remove them")
	case len(r.UIDs) == 0:
		return Choice{}, fault.New(fault.IDMap, "linux.uidMappings: missing, while linux.gidMappings is set").Remedy("add it")
	case len(r.GIDs) == 0:
		return Choice{}, fault.New(fault.IDMap, "linux.gidMappings: missing, while linux.uidMappings is set").Remedy("add it")
	}
	if err := c.mayCreate(); err != nil {
		return Choice{}, err
	}
	choice := Choice{Mapping: idmap.Mapping{UIDs: r.UIDs, GIDs: r.GIDs}, Source: "config.json"}
	if r.IDMap != "" && r.IDMap != "auto" {
		choice.Notes = append(choice.Notes, fmt.Sprintf("--idmap=%s is not used: config.json has mappings of its own", clip(r.IDMap)))
	}
	return h.create(ctx, c, choice)
}

// none is the caller's own namespace: every id that it has is itself.
func none(c Caller, source string) Choice {
	identity := func(own idmap.Map) idmap.Map {
		m := make(idmap.Map, len(own))
		for i, r := range own {
			m[i] = idmap.Range{ContainerID: r.ContainerID, HostID: r.ContainerID, Size: r.Size}
		}
		return m
	}
	return Choice{
		Kind:      None,
		Mapping:   idmap.Mapping{UIDs: identity(c.UIDs), GIDs: identity(c.GIDs)},
		Setgroups: c.SetgroupsAllowed,
		Source:    source,
	}
}

// mayCreate: the kernel makes no user namespace for an id that its own namespace
// does not map (EPERM, clone(2)).
func (c Caller) mayCreate() error {
	if _, ok := c.UIDs.ToHost(c.EUID); !ok {
		return fault.New(fault.IDMap, "uid %d, the caller's, is not mapped in its own user namespace, and the kernel makes none for such a caller", c.EUID).
			Remedy("run as a mapped user")
	}
	if _, ok := c.GIDs.ToHost(c.EGID); !ok {
		return fault.New(fault.IDMap, "gid %d, the caller's, is not mapped in its own user namespace, and the kernel makes none for such a caller", c.EGID).
			Remedy("run with a mapped group")
	}
	return nil
}

// clip keeps what a user typed from flooding the message about it.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
