package check

import (
	"errors"
	"testing"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/userns"
	"golang.org/x/sys/unix"
)

func aliceIDs() idFacts {
	c := alice()
	r := []idmap.SubRange{{Start: 100000, Size: 65536}}
	return idFacts{caller: c, account: c.account, uids: r, gids: r, source: idmap.FileSource, tried: true,
		choice: userns.Choice{Kind: userns.Create, Writer: userns.ByHelpers, Mapping: idmap.Mapping{UIDs: idmap.Map{{Size: 1}}}}}
}

func TestIDs(t *testing.T) {
	expect(t, idItems(aliceIDs()), want{"ids.subids", OK, "100000-165535"}, want{id: "ids.overlap", words: absent}, want{"ids.helpers", OK, ""}, want{"ids.map", OK, "newuidmap"})
	broken := fault.New(fault.IDMap, "newuidmap: not setuid").Remedy("ask an administrator for \"chmod u+s\"")
	for _, c := range []struct {
		change func(*idFacts)
		want   want
	}{
		{func(f *idFacts) { f.uids, f.gids = nil, nil }, want{"ids.subids", Warning, "usermod --add-subuids 100000-165535 alice"}},
		{func(f *idFacts) {
			f.uids, f.gids, f.others = nil, nil, others("/etc/subuid", "bob:100000:65536\ncarol:165536:65536\n", f.account)
		}, want{"ids.subids", Warning, "usermod --add-subuids 231072-296607 alice"}},
		{func(f *idFacts) { f.uids, f.gids, f.account.Name = nil, nil, "" }, want{"ids.subids", Warning, "an entry in /etc/passwd"}},
		{func(f *idFacts) { f.uids, f.gids, f.caller.caller.UIDs = nil, nil, idmap.Map{{Size: 65536}} }, want{"ids.subids", Warning, "whoever runs the container"}},
		{func(f *idFacts) { f.uids = []idmap.SubRange{{Start: 100000, Size: 1000}} }, want{"ids.subids", Note, "1000 sub-uids"}},
		{func(f *idFacts) { f.sourceErr, f.source = errors.New("no answer"), "sss" }, want{"ids.subids", Warning, "sss: no answer"}},
		{func(f *idFacts) { f.accountErr = errors.New("no answer") }, want{"ids.subids", Warning, "account"}},
		{func(f *idFacts) { f.helpers = broken }, want{"ids.helpers", Warning, "administrator ask"}},
		{func(f *idFacts) { f.helpers, f.uids, f.gids = broken, nil, nil }, want{"ids.helpers", Note, "no sub-ids"}},
		{func(f *idFacts) { f.serves = broken }, want{"ids.helpers", Warning, "refuse your account"}},
		{func(f *idFacts) { f.triedErr = broken }, want{"ids.map", Error, "not setuid"}},
		{func(f *idFacts) { f.triedErr = unix.EPERM }, want{"ids.map", Note, "could not be tried"}},
		{func(f *idFacts) { f.choiceErr = broken }, want{"ids.map", Error, "not setuid"}},
		{func(f *idFacts) { f.caller = root() }, want{"ids.map", OK, "no sub-ids"}},
	} {
		f := aliceIDs()
		c.change(&f)
		expect(t, idItems(f), c.want)
	}
}

// Lines that make no sense are passed over, and one's own, by name or by number, do not overlap with themselves.
func TestOverlap(t *testing.T) {
	f := aliceIDs()
	f.others = others("/etc/subuid", "alice:100000:65536\n1000:100000:65536\n\nnonsense\nbob:165535:1\ncarol:165536:1\n", f.account)
	if len(f.others) != 2 {
		t.Fatal(f.others)
	}
	expect(t, idItems(f), want{"ids.overlap", Warning, "bob:165535:1 (yours: 100000-165535)"})
	f.source = "sss"
	expect(t, idItems(f), want{id: "ids.overlap", words: absent})
}
