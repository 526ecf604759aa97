package check

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/probe"
	"github.com/roost-run/roost/userns"
)

// idFacts is which ids containers can have.
type idFacts struct {
	caller     callerFacts
	account    idmap.Account
	accountErr error
	uids, gids []idmap.SubRange
	source     string
	sourceErr  error
	others     []grantLine // of other accounts
	helpers    error       // why they cannot work
	serves     error       // why they refuse this account
	choice     userns.Choice
	choiceErr  error
	tried      bool // the map was written
	triedErr   error
}

// grantLine is a line of /etc/subuid or /etc/subgid.
type grantLine struct {
	file, text, owner string
	r                 idmap.SubRange
}

func (h host) idFacts(ctx context.Context, c callerFacts) idFacts {
	f := idFacts{caller: c, account: c.account}
	if c.err != nil || c.privileged() {
		return f
	}
	var sources idmap.Sources
	f.account, f.accountErr = sources.Account(ctx, c.caller.EUID, c.caller.EGID)
	f.uids, f.gids, f.source, f.sourceErr = sources.SubIDs(ctx, f.account)
	for _, file := range [...]string{"/etc/subuid", "/etc/subgid"} {
		text, _ := h.file(file)
		f.others = append(f.others, others(file, text, f.account)...)
	}
	helpers := idmap.Helpers{}
	f.helpers, f.serves = helpers.Check(), helpers.Serves(f.account, c.caller.EGID)
	if f.choice, f.choiceErr = userns.Choose(ctx, c.caller, userns.Request{IDMap: "auto"}); f.choiceErr == nil && f.choice.Kind == userns.Create {
		f.tried = true
		f.triedErr = probe.Try(ctx, probe.Place{User: true, Map: func(pid int) error { return userns.WriteMaps(ctx, pid, f.choice) }}, nil)
	}
	return f
}

// others are the lines of a file that are not the account's.
func others(file, text string, a idmap.Account) (list []grantLine) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		owner, numbers, _ := strings.Cut(line, ":")
		var r idmap.SubRange
		if n, err := fmt.Sscanf(numbers, "%d:%d", &r.Start, &r.Size); n != 2 || err != nil || owner == a.Name || owner == fmt.Sprint(a.UID) {
			continue
		}
		list = append(list, grantLine{file, line, owner, r})
	}
	return list
}

func idItems(f idFacts) []Item {
	if f.caller.err != nil {
		return nil
	}
	if f.caller.privileged() {
		return []Item{ok("ids.map", "containers have the ids that you have; no sub-ids and no helpers are needed").
			says("/proc/self/uid_map", f.caller.caller.UIDs.String())}
	}
	list := []Item{subIDItem(f)}
	if i, found := overlapItem(f); found {
		list = append(list, i)
	}
	return append(list, helperItem(f), mapItem(f))
}

func granted(ranges []idmap.SubRange) (n uint64) {
	for _, r := range ranges {
		n += uint64(r.Size)
	}
	return n
}

func rangesText(ranges []idmap.SubRange) string {
	if len(ranges) == 0 {
		return "none"
	}
	var words []string
	for _, r := range ranges {
		words = append(words, r.String())
	}
	return strings.Join(words, ", ")
}

// enough is what images expect: 0 to 65535, nobody included.
const enough = 65535

func subIDItem(f idFacts) Item {
	uids, gids := granted(f.uids), granted(f.gids)
	source := orElse(f.source, idmap.FileSource)
	evidence := func(i Item) Item {
		return i.says(source, fmt.Sprintf("uids %s; gids %s, for %s", rangesText(f.uids), rangesText(f.gids), f.account))
	}
	switch {
	case f.accountErr != nil:
		return warning("ids.subids", "your account cannot be looked up, so sub-ids cannot be found").because("passwd", f.accountErr)
	case f.sourceErr != nil:
		return warning("ids.subids", "the source of sub-ids cannot be asked").because(source, f.sourceErr)
	case uids == 0 && gids == 0:
		return f.grant(evidence(warning("ids.subids", "no sub-ids: containers have one user and one group, 0, and cannot set groups")))
	case uids < enough || gids < enough:
		return f.grant(evidence(note("ids.subids", fmt.Sprintf("%d sub-uids and %d sub-gids: images expect 65536 ids", uids, gids))))
	}
	return evidence(ok("ids.subids", fmt.Sprintf("%d sub-uids and %d sub-gids, from %s", uids, gids, source)))
}

// grant says how to get more. Ids that this user namespace does not have can be granted, and not mapped; and newuidmap serves no account without
// a name.
func (f idFacts) grant(i Item) Item {
	r := freeRange(f.others)
	if first := (idmap.Map{{HostID: r.Start, Size: r.Size}}); idmap.NotOutside("uid", first, f.caller.caller.UIDs) != nil {
		return i.remedy(Admin, "whoever runs the container around this one gives it more ids, and grants you some of those that it has in its /etc/subuid and /etc/subgid")
	}
	if f.account.Name == "" {
		return i.remedy(Admin, "an administrator gives you an entry in /etc/passwd, and a range of ids that nobody else has in /etc/subuid and /etc/subgid, by that name")
	}
	return i.remedy(Admin, "an administrator grants a range that nobody else has:", idmap.Grant("uid", f.account, r), idmap.Grant("gid", f.account, r))
}

// freeRange is the first of the usual size that no line has.
func freeRange(lines []grantLine) idmap.SubRange {
	r := idmap.SubRange{Start: 100000, Size: 65536}
	for again := true; again; {
		again = false
		for _, l := range lines {
			if overlaps(l.r, r) && uint64(l.r.Start)+uint64(l.r.Size) < 1<<31 {
				r.Start, again = l.r.Start+l.r.Size, true
			}
		}
	}
	return r
}

func overlaps(a, b idmap.SubRange) bool {
	return uint64(a.Start) < uint64(b.Start)+uint64(b.Size) && uint64(b.Start) < uint64(a.Start)+uint64(a.Size)
}

// overlapItem: two accounts with the same sub-ids can read and signal what is the other's.
func overlapItem(f idFacts) (Item, bool) {
	if f.source != idmap.FileSource {
		return Item{}, false
	}
	i := warning("ids.overlap", "others were granted the same ids: each can get at files and processes of the other's containers")
	found := false
	for _, l := range f.others {
		mine := f.uids
		if strings.HasSuffix(l.file, "gid") {
			mine = f.gids
		}
		for _, r := range mine {
			if overlaps(l.r, r) {
				i, found = i.says(l.file, l.text+" (yours: "+r.String()+")"), true
			}
		}
	}
	return i.remedy(Admin, "an administrator gives one of you another range, and chowns what is there"), found
}

func helperItem(f idFacts) Item {
	const id = "ids.helpers"
	none := granted(f.uids)+granted(f.gids) == 0
	switch {
	case f.caller.caller.SetsIDs:
		return ok(id, "not needed: you may write any map")
	case f.helpers != nil && none:
		return note(id, "newuidmap and newgidmap do not work, and there are no sub-ids that they could map").because("newuidmap, newgidmap", f.helpers)
	case f.helpers != nil:
		return warning(id, "newuidmap and newgidmap do not work: containers have one user and one group").because("newuidmap, newgidmap", f.helpers)
	case f.serves != nil:
		return warning(id, "newuidmap and newgidmap refuse your account: containers have one user and one group").because("newuidmap, newgidmap", f.serves)
	}
	return ok(id, "newuidmap and newgidmap are there, with the privilege that they need")
}

func mapItem(f idFacts) Item {
	const id = "ids.map"
	switch {
	case f.choiceErr != nil:
		return wrong(id, "no map of ids can be made").because("--idmap=auto", f.choiceErr)
	case !f.tried:
		return ok(id, "no map is needed")
	case probe.Errno(f.triedErr) == unix.EPERM && f.choice.Writer == userns.BySelf, isClone(f.triedErr):
		return note(id, "could not be tried: no user namespace can be made").says("clone3", f.triedErr.Error())
	case f.triedErr != nil:
		return wrong(id, "the map of ids was refused; --idmap=single may work").because("--idmap=auto", f.triedErr)
	}
	uids, gids := size(f.choice.Mapping.UIDs), size(f.choice.Mapping.GIDs)
	what := fmt.Sprintf("a map of %d uids and %d gids", uids, gids)
	if uids == 1 && gids == 1 {
		what = "a map of your own uid and gid, to 0,"
	}
	i := ok(id, what+" was written, by "+writer(f.choice))
	return i.says("uid_map", f.choice.Mapping.UIDs.String()).says("gid_map", f.choice.Mapping.GIDs.String())
}

func size(m idmap.Map) (n uint64) {
	for _, r := range m {
		n += uint64(r.Size)
	}
	return n
}

func writer(c userns.Choice) string {
	switch c.Writer {
	case userns.ByHelpers:
		return "newuidmap and newgidmap"
	case userns.ByParent:
		return "roost itself"
	}
	return "the container itself"
}
