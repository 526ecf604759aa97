package userns

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/roost-run/roost/idmap"
)

// root, user and their variants, as Self would describe them.
func allIDs() idmap.Map { return idmap.Map{{ContainerID: 0, HostID: 0, Size: 4294967295}} }

func root() Caller {
	return Caller{Privileged: true, SetsIDs: true, Setfcap: true, UIDs: allIDs(), GIDs: allIDs(), SetgroupsAllowed: true}
}

func user() Caller {
	return Caller{EUID: 1000, EGID: 100, UIDs: allIDs(), GIDs: allIDs(), SetgroupsAllowed: true}
}

func with(c Caller, change func(*Caller)) Caller {
	change(&c)
	return c
}

// sources is files in a temporary root; a name with a slash is a directory.
func sources(t *testing.T, files map[string]string) idmap.Sources {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if strings.HasSuffix(name, "/") {
			if err := os.Mkdir(filepath.Join(dir, "etc", name), 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return idmap.Sources{Root: dir, Dirs: []string{}}
}

// text is the part of a choice that the table compares.
func text(c Choice) string {
	if c.Kind != Create {
		return fmt.Sprintf("%s %s setgroups=%v", c.Kind, c.Mapping, c.Setgroups)
	}
	return fmt.Sprintf("create by %s %s setgroups=%v", c.Writer, c.Mapping, c.Setgroups)
}

func TestChoose(t *testing.T) {
	const passwd = "root:x:0:0::/:/bin/sh\nalice:x:1000:100::/:/bin/sh\n"
	granted := map[string]string{"passwd": passwd, "subuid": "alice:100000:65536\nroot:500000:10\n", "subgid": "alice:200000:65536\nroot:600000:10\n"}
	ungranted := map[string]string{"passwd": passwd}
	nameless := map[string]string{"passwd": "", "subuid": "1000:100000:65536\n", "subgid": "1000:200000:65536\n"}
	parse := func(s string) idmap.Map {
		m, err := idmap.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	pod := func(c *Caller) { c.UIDs, c.GIDs = parse("0:100000:65536"), parse("0:100000:65536") }
	const alone = "create by self 0:1000:1;0:100:1 setgroups=false"
	tests := []struct {
		name    string
		caller  Caller
		request Request
		files   map[string]string
		helpers bool // needs helpers that work
		want    string
		note    string // part of the notes; "" is no note
		wrong   string // part of the error
	}{
		{name: "root", caller: root(), want: "none 0:0:4294967295;0:0:4294967295 setgroups=true"},
		{name: "root, auto", caller: root(), request: Request{IDMap: "auto"}, want: "none 0:0:4294967295;0:0:4294967295 setgroups=true"},
		{name: "root in a pod", caller: with(root(), pod), want: "none 0:0:65536;0:0:65536 setgroups=true"},
		{name: "root asks for one", caller: root(), request: Request{New: true}, files: granted, want: "create by parent 0:0:1,1:500000:10;0:0:1,1:600000:10 setgroups=true"},
		{name: "root, single", caller: root(), request: Request{IDMap: "single"}, want: "create by parent 0:0:1;0:0:1 setgroups=true"},
		{name: "root, map", caller: root(), request: Request{IDMap: "0:100000:65536"}, want: "create by parent 0:100000:65536;0:100000:65536 setgroups=true"},
		{name: "root in podman, configured", caller: with(root(), pod), request: Request{New: true, UIDs: parse("0:1:1000"), GIDs: parse("0:1:1000")},
			want: "create by parent 0:1:1000;0:1:1000 setgroups=true"},
		{name: "root in podman, too much", caller: with(root(), pod), request: Request{New: true, UIDs: parse("0:1:65536"), GIDs: parse("0:1:1000")},
			wrong: "config.json: uids 65536 do not exist in the caller's own user namespace, which has 0-65535"},
		{name: "uid 0 without SYS_ADMIN", caller: with(root(), func(c *Caller) { c.Privileged = false }), files: ungranted,
			want: "create by parent 0:0:1;0:0:1 setgroups=true", note: "root has no range in /etc/subuid and /etc/subgid"},
		{name: "uid 0 without capabilities but SETFCAP", caller: Caller{Setfcap: true, UIDs: allIDs(), GIDs: allIDs(), SetgroupsAllowed: true}, request: Request{IDMap: "single"},
			want: "create by self 0:0:1;0:0:1 setgroups=false"},
		{name: "uid 0 without any", caller: Caller{UIDs: allIDs(), GIDs: allIDs()}, request: Request{IDMap: "single"}, wrong: "uid 0 cannot be mapped by a caller without CAP_SETFCAP"},

		{name: "user", caller: user(), files: granted, helpers: true, want: "create by helpers 0:1000:1,1:100000:65536;0:100:1,1:200000:65536 setgroups=true"},
		{name: "user, keep-id", caller: user(), request: Request{IDMap: "keep-id"}, files: granted, helpers: true,
			want: "create by helpers 1000:1000:1,0:100000:1000,1001:101000:64536;100:100:1,0:200000:100,101:200100:65436 setgroups=true"},
		{name: "user, keep-id, no grant", caller: user(), request: Request{IDMap: "keep-id"}, files: ungranted,
			want: "create by self 1000:1000:1;100:100:1 setgroups=false", note: `usermod --add-subuids 100000-165535 alice`},
		{name: "user, single", caller: user(), request: Request{IDMap: "single"}, files: granted, want: alone},
		{name: "user, no grant", caller: user(), files: ungranted, want: alone, note: "only uid 1000 and gid 100 are mapped: alice has no range"},
		{name: "user, no helpers", caller: user(), files: granted, want: alone, note: "newuidmap: not found in"},
		{name: "user who sets ids", caller: with(user(), func(c *Caller) { c.SetsIDs = true }), files: granted,
			want: "create by parent 0:1000:1,1:100000:65536;0:100:1,1:200000:65536 setgroups=true"},
		{name: "user, users granted alone", caller: user(), files: map[string]string{"passwd": passwd, "subuid": "alice:100000:10\n"}, helpers: true,
			want: "create by helpers 0:1000:1,1:100000:10;0:100:1 setgroups=false", note: "setgroups is denied"},
		{name: "user without a name", caller: user(), files: nameless, helpers: true, want: alone, note: "uid 1000 has no passwd entry"},
		{name: "pod's arbitrary uid", caller: with(user(), func(c *Caller) { c.EUID, c.EGID = 1000650000, 0 }), files: ungranted,
			want: "create by self 0:1000650000:1;0:0:1 setgroups=false", note: "uid 1000650000 has no range in"},
		{name: "user in another group", caller: with(user(), func(c *Caller) { c.EGID = 7 }), files: granted, helpers: true,
			want: "create by self 0:1000:1;0:7:1 setgroups=false", note: "gid 7 is not the own group of alice, 100"},
		{name: "user in a pod, grant outside", caller: with(user(), pod), files: granted, helpers: true, want: alone, note: "do not exist in the caller's own user namespace"},
		{name: "user in a pod, grant partly outside", caller: with(user(), pod), files: map[string]string{"passwd": passwd, "subuid": "alice:65000:1000\n", "subgid": "alice:2000:10\n"}, helpers: true,
			want: "create by helpers 0:1000:1,1:65000:536;0:100:1,1:2000:10 setgroups=true", note: "464 of the sub-uids of alice do not exist"},
		{name: "setgroups denied outside", caller: with(user(), func(c *Caller) { c.SetgroupsAllowed = false }), files: granted, helpers: true,
			want: "create by helpers 0:1000:1,1:100000:65536;0:100:1,1:200000:65536 setgroups=false"},
		{name: "unmapped user", caller: with(user(), func(c *Caller) { c.EUID, c.UIDs = 65534, nil }), wrong: "uid 65534, the caller's, is not mapped"},
		{name: "unmapped group", caller: with(user(), func(c *Caller) { c.GIDs = nil }), wrong: "gid 100, the caller's, is not mapped"},

		{name: "configured, own ids", caller: user(), request: Request{New: true, UIDs: parse("0:1000:1"), GIDs: parse("0:100:1")}, want: alone},
		{name: "configured, own ids elsewhere", caller: user(), request: Request{New: true, UIDs: parse("33:1000:1"), GIDs: parse("33:100:1")},
			want: "create by self 33:1000:1;33:100:1 setgroups=false"},
		{name: "configured, granted ids", caller: user(), request: Request{New: true, UIDs: parse("0:1000:1,1:100000:10"), GIDs: parse("0:100:1")}, files: granted, helpers: true,
			want: "create by helpers 0:1000:1,1:100000:10;0:100:1 setgroups=false"},
		{name: "configured, somebody else's", caller: user(), request: Request{New: true, UIDs: parse("0:1001:1"), GIDs: parse("0:100:1")}, files: granted, helpers: true,
			wrong: "config.json: uids 1001 are not granted to alice"},
		{name: "configured, no helpers", caller: user(), request: Request{New: true, UIDs: parse("0:1000:1,1:100000:10"), GIDs: parse("0:100:1")}, files: granted,
			wrong: "config.json: newuidmap: not found in"},
		{name: "configured, overlap", caller: user(), request: Request{New: true, UIDs: append(parse("0:1000:1"), parse("0:100000:10")...), GIDs: make(idmap.Map, 1)},
			wrong: "config.json: uid map: lines 0:1000:1 and 0:100000:10 of the id map overlap: both have container id 0\ngid map: line 1 of the id map, 0:0:0: size is 0"},
		{name: "configured, users alone", caller: user(), request: Request{New: true, UIDs: parse("0:1000:1")}, wrong: "linux.gidMappings: missing"},
		{name: "configured, groups alone", caller: user(), request: Request{New: true, GIDs: parse("0:1000:1")}, wrong: "linux.uidMappings: missing"},
		{name: "configured, no namespace", caller: root(), request: Request{UIDs: parse("0:0:1"), GIDs: parse("0:0:1")}, wrong: "linux.namespaces has no user namespace"},
		{name: "configured and --idmap", caller: user(), request: Request{New: true, UIDs: parse("0:1000:1"), GIDs: parse("0:100:1"), IDMap: "keep-id"}, want: alone, note: "--idmap=keep-id is not used"},

		{name: "SPEC", caller: user(), request: Request{IDMap: "5:1000:1;6:100:1"}, want: "create by self 5:1000:1;6:100:1 setgroups=false"},
		{name: "SPEC, wrong", caller: user(), request: Request{IDMap: "keepid"}, wrong: `--idmap=keepid: neither auto, single, keep-id nor a map`},
		{name: "SPEC, long", caller: user(), request: Request{IDMap: strings.Repeat("x", 1<<20)}, wrong: "…: neither"},
		{name: "unreadable source", caller: user(), files: map[string]string{"passwd": passwd, "nsswitch.conf": "subid: files\n", "subuid/": ""}, wrong: "map ids: sub-ids of alice: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := host{helpers: idmap.Helpers{Dirs: []string{t.TempDir()}}}
			h.sources = sources(t, test.files)
			if test.helpers {
				h.helpers = idmap.Helpers{}
				if err := h.helpers.Check(); err != nil {
					t.Skipf("no working id helpers: %v", err)
				}
			}
			h.helpers.Sources = h.sources
			got, err := h.choose(context.Background(), test.caller, test.request)
			compare(t, got, err, test.want, test.note, test.wrong)
		})
	}
}

func compare(t *testing.T, got Choice, err error, want, note, wrong string) {
	t.Helper()
	if wrong != "" {
		if err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("got error %v, want %q", err, wrong)
		}
		return
	}
	notes := strings.Join(got.Notes, "\n")
	if err != nil || text(got) != want || (note == "") != (notes == "") || !strings.Contains(notes, note) {
		t.Errorf("got  %s, notes %q, %v\nwant %s, note %q", text(got), notes, err, want, note)
	}
	if got.Source == "" {
		t.Error("no source")
	}
}
