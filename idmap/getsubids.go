package idmap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/roost-run/roost/internal/fault"
)

// ErrNoProgram is a source that is configured and cannot be asked, since its
// program is not installed. Whoever can do with fewer ids goes on without.
var ErrNoProgram = errors.New("getsubids is not installed")

// getsubids asks shadow's program of that name, which loads the module that
// nsswitch.conf names. Users and groups at once: a directory server is far.
func (s Sources) getsubids(ctx context.Context, a Account, service string) (uids, gids []SubRange, source string, err error) {
	source = "getsubids (nsswitch.conf has subid: " + service + ")"
	path, ok := program(s.Dirs, "getsubids")
	if !ok {
		return nil, nil, source, fault.New(fault.IDMap, "sub-ids of %s come from %q, says /etc/nsswitch.conf, but %w", a, service, ErrNoProgram).
			Remedy("install it (Debian: uidmap, Fedora: shadow-utils-subid), or run with --idmap=single")
	}
	owner := a.Name
	if owner == "" {
		owner = strconv.FormatUint(uint64(a.UID), 10)
	}
	var errUsers, errGroups error
	var wait sync.WaitGroup
	wait.Go(func() { uids, errUsers = listSubIDs(ctx, path, owner) })
	wait.Go(func() { gids, errGroups = listSubIDs(ctx, path, "-g", owner) })
	wait.Wait()
	if err := errors.Join(errUsers, errGroups); err != nil {
		return nil, nil, source, fault.New(fault.IDMap, "sub-ids of %s from %q: %w", a, service, err).
			Remedy("ask an administrator, or run with --idmap=single")
	}
	return uids, gids, source, nil
}

// listSubIDs takes status 1 for "none": getsubids has no other word for it,
// and says "Error fetching ranges" for an account without ranges too. Where the
// status was lost the output decides.
func listSubIDs(ctx context.Context, path string, args ...string) ([]SubRange, error) {
	ended, err := run(ctx, path, args)
	switch {
	case err != nil:
		return nil, err
	case ended.code == 1:
		return nil, nil
	case ended.code > 1:
		return nil, fmt.Errorf("%s: %s", path, ended)
	}
	ranges, foreign := scanGetsubids(ended.output)
	if len(ranges) == 0 && foreign != "" {
		return nil, fmt.Errorf("%s: output is no list of ranges: %q", path, foreign)
	}
	return ranges, nil
}

// scanGetsubids reads lines "0: alice 100000 65536". Anything else, such as a
// warning of a module, is passed over; the first of it is handed back.
func scanGetsubids(output string) (ranges []SubRange, foreign string) {
	for line := range strings.Lines(output) {
		f := strings.Fields(line)
		if len(f) == 4 && strings.HasSuffix(f[0], ":") {
			if r, ok := parseSubRange(f[2], f[3]); ok {
				ranges = append(ranges, r)
				continue
			}
		}
		if foreign == "" {
			foreign = strings.TrimSpace(line)
		}
	}
	return ranges, foreign
}
