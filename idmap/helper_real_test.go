package idmap

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copies makes unprivileged copies of the helpers in $D/bin.
const copies = `cp /usr/bin/newuidmap /usr/bin/newgidmap "$D"/bin; chmod 755 "$D"/bin/*; `

// ownDir mounts a fresh file system on $D/bin, and helpers() is looked for there alone.
const ownDir = `mount -t tmpfs -o mode=755 tmpfs "$D"/bin; ` + copies

const capable = `setcap cap_setuid=ep "$D"/bin/newuidmap; setcap cap_setgid=ep "$D"/bin/newgidmap; `

const fullMap = "0:61234:1,1:200000:1000,1001:300000:1000;0:61234:1,1:400000:1000"

// Every reason for which a helper does not map, with real helpers.
func TestHelpers(t *testing.T) {
	needRoot(t)
	needPrograms(t, "newuidmap", "newgidmap")
	many := make(Map, 200)
	for i := range many {
		many[i] = Range{uint32(2 * i), 200000 + uint32(2*i), 1}
	}
	inBin := "ROOST_HELPERS=$D/bin"
	tests := []struct {
		name  string
		scene scene
		m     string
		want  string // "" is success
	}{
		{"sub-ids by name and by number", scene{}, fullMap, ""},
		{"200 lines", scene{}, many.String() + ";0:61234:1", ""},
		{"own group alone", scene{}, "0:61234:1,1:200000:1000;0:61234:1", ""},
		{"file capabilities", scene{setup: ownDir + capable, env: []string{inBin}}, fullMap, ""},
		{"granted to nobody", scene{}, "0:61234:1,1:500000:10;0:61234:1",
			`uids 500000-500009 are not granted to roosty by /etc/subuid and /etc/subgid, which has 200000-200999, 300000-300999; map granted ids, or ask an administrator for "usermod --add-subuids 500000-500009 roosty"`},
		{"root granted to nobody", scene{}, "0:0:1;0:61234:1", "uids 0 are not granted to roosty by /etc/subuid and /etc/subgid, which has 200000-200999, 300000-300999; map granted ids (newuidmap said"},
		{"groups granted to nobody", scene{}, "0:61234:1;0:61234:1,1:200000:10", "map gids: gids 200000-200009 are not granted"},
		{"own id in a longer line", scene{files: map[string]string{"subuid": "roosty:61235:10\n"}}, "0:61234:5;0:61234:1", "uid 61234, the caller's own, is part of a longer line"},
		{"no passwd entry", scene{files: map[string]string{"passwd": "root:x:0:0::/:/bin/sh\n"}}, fullMap, "uid 61234 has no passwd entry"},
		{"another group", scene{user: "--reuid=61234 --regid=61299 --clear-groups"}, "0:61234:1,1:200000:1;0:61299:1", "gid 61299 is not the own group of roosty, 61234"},
		{"another group, allowed", scene{files: map[string]string{"login.defs": "GRANT_AUX_GROUP_SUBIDS yes\n"}, user: "--reuid=61234 --regid=61299 --clear-groups"},
			"0:61234:1,1:200000:1;0:61299:1", ""},
		{"no_new_privs", scene{user: roosty + " --no-new-privs"}, fullMap, "no_new_privs is set"},
		{"bounding set", scene{user: roosty + " --bounding-set=-setuid"}, fullMap, "newuidmap: CAP_SETUID is not in the bounding set"},
		{"bounding set, groups", scene{user: roosty + " --bounding-set=-setgid"}, fullMap, "newgidmap: CAP_SETGID is not in the bounding set"},
		{"nosuid", scene{setup: `mount -t tmpfs -o mode=755,nosuid tmpfs "$D"/bin; ` + copies + `chmod u+s "$D"/bin/*`, env: []string{inBin}}, fullMap, "bin/newuidmap: on a file system that is mounted nosuid"},
		{"nosuid, file capabilities", scene{setup: ownDir + `setcap cap_setuid=ep "$D"/bin/newuidmap; mount -o remount,nosuid "$D"/bin`, env: []string{inBin}}, fullMap, "mounted nosuid"},
		{"neither", scene{setup: ownDir, env: []string{inBin}}, fullMap, "bin/newuidmap: neither setuid root nor with the file capability cap_setuid"},
		{"wrong capability", scene{setup: ownDir + `setcap cap_setgid=ep "$D"/bin/newuidmap`, env: []string{inBin}}, fullMap, "neither setuid root nor"},
		{"setuid to a user", scene{setup: ownDir + `chown 5:5 "$D"/bin/newuidmap; chmod u+s "$D"/bin/*`, env: []string{inBin}}, fullMap, "setuid, but owned by uid 5"},
		{"not executable", scene{setup: ownDir + `chmod 4700 "$D"/bin/newuidmap`, env: []string{inBin}}, fullMap, "not executable: permission denied"},
		{"groups' helper missing", scene{setup: ownDir + `chmod u+s "$D"/bin/newuidmap; rm "$D"/bin/newgidmap`, env: []string{inBin}}, fullMap, "newgidmap: not found in "},
		{"not dumpable", scene{setup: ownDir + capable + `cp /bin/cat "$D"/bin/cat; chmod 711 "$D"/bin/cat`, env: []string{inBin, "ROOST_SLEEPER=$D/bin/cat"}}, fullMap, "not dumpable any more"},
		{"gone", scene{env: []string{"ROOST_SLEEPER=/bin/true"}}, fullMap, "ended before its ids were mapped"},
		{"twice", scene{env: []string{"ROOST_TWICE=1"}}, fullMap, "already has a uid map"},
		{"status lost", scene{env: []string{"ROOST_SIGCHLD=1"}}, fullMap, ""},
		{"status lost, refused", scene{env: []string{"ROOST_SIGCHLD=1"}}, "0:61234:1,1:500000:10;0:61234:1", "uids 500000-500009 are not granted"},
		{"not in the outer map", scene{nested: true}, fullMap, "uids 200000-200999, 300000-300999 do not exist in the caller's own user namespace, which has 0-65535"},
		{"nested", scene{nested: true, files: map[string]string{"subuid": "roosty:1000:500\n"}}, "0:61234:1,1:1000:500;0:61234:1", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.scene.files = etcFiles(test.scene.files)
			if test.scene.user == "" {
				test.scene.user = roosty
			}
			if strings.Contains(test.scene.setup, "setcap") {
				needPrograms(t, "setcap")
			}
			test.scene.env = append(test.scene.env, "ROOST_MAP="+test.m)
			for i, e := range test.scene.env {
				if name, ok := strings.CutSuffix(e, "=$D/bin"); ok {
					test.scene.setup += "\nexport " + name + `="$D"/bin`
					test.scene.env[i] = "UNUSED=1"
				} else if name, ok := strings.CutSuffix(e, "=$D/bin/cat"); ok {
					test.scene.setup += "\nexport " + name + `="$D"/bin/cat`
					test.scene.env[i] = "UNUSED=1"
				}
			}
			got := test.scene.play(t, "write")
			want, err := ParseMapping(test.m)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case test.want != "" && !(strings.HasPrefix(got, "error: ") && strings.Contains(got, test.want)):
				t.Errorf("got  %s\nwant %s", got, test.want)
			case test.want == "" && !strings.HasPrefix(got, want.String()+" setgroups "):
				t.Errorf("got  %s\nwant %s", got, want)
			case test.want == "":
				if deny := want.GIDs.Only(61234) || want.GIDs.Only(61299); strings.HasSuffix(got, "deny") != deny {
					t.Errorf("got %s", got)
				}
			}
			t.Log(got)
		})
	}
}

// What needs no root: the programs, where they are.
func TestHelpersCheck(t *testing.T) {
	empty := t.TempDir()
	err := Helpers{Dirs: []string{empty}}.Check()
	if err == nil || !strings.Contains(err.Error(), "newuidmap: not found in "+empty) {
		t.Errorf("missing: got %v", err)
	}
	copied := t.TempDir()
	copyFile(t, "/proc/self/exe", filepath.Join(copied, "newuidmap"))
	err = Helpers{Dirs: []string{copied}}.Check()
	if err == nil || !strings.Contains(err.Error(), "neither setuid root nor") {
		t.Errorf("copied: got %v", err)
	}
	// The first that works wins over the first that is there.
	if system := (Helpers{}).Check(); system == nil {
		if err := (Helpers{Dirs: []string{copied, "/usr/bin"}}).Check(); err != nil {
			t.Errorf("hidden by a copy: got %v", err)
		}
	}
	if err := os.Mkdir(filepath.Join(empty, "newuidmap"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (Helpers{Dirs: []string{empty}}).Check(); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("a directory of that name: got %v", err)
	}
}

func TestSearched(t *testing.T) {
	t.Setenv("PATH", ":relative:/opt/x/:/usr/bin")
	if got := strings.Join(searched(nil), " "); got != "/opt/x /usr/bin /bin /usr/local/bin /usr/sbin /sbin /usr/local/sbin /run/wrappers/bin" {
		t.Errorf("got %s", got)
	}
	t.Setenv("PATH", "")
	if got := searched(nil); got[0] != "/usr/bin" {
		t.Errorf("got %s", got)
	}
}

func TestHelpersRefuseInvalidMaps(t *testing.T) {
	overlap := Map{{0, 1000, 1}, {1, 1000, 1}}
	err := WriteByHelpers(context.Background(), 1, Mapping{UIDs: Map{{0, 1000, 1}}, GIDs: overlap})
	if err == nil || !strings.Contains(err.Error(), "gid map: lines 0:1000:1 and 1:1000:1 of the id map overlap") {
		t.Errorf("got %v", err)
	}
	if err := WriteByHelpers(context.Background(), 1, Mapping{}); err == nil || !strings.Contains(err.Error(), "uid map: id map is empty") {
		t.Errorf("got %v", err)
	}
}

// A caller maps their own ids without a helper, as whatever user the test runs.
func TestWriteDirectly(t *testing.T) {
	pid, stop, err := sleeper("")
	if err != nil {
		t.Skipf("no user namespaces here: %v", err)
	}
	defer stop()
	m := Mapping{UIDs: Single(uint32(os.Geteuid())), GIDs: Single(uint32(os.Getegid()))}
	if err := WriteDirectly(pid, m, true); err != nil {
		t.Fatal(err)
	}
	if err := WriteDirectly(pid, m, true); err == nil {
		t.Error("a second map was taken")
	}
	if err := WriteDirectly(pid, Mapping{}, true); err == nil {
		t.Error("an empty map was taken")
	}
}

func TestWriteDirectlyNotDumpable(t *testing.T) {
	s := scene{files: etcFiles(nil), user: roosty}
	if got := s.play(t, "direct"); got != "written" {
		t.Errorf("got %s", got)
	}
	s.setup = `cp /bin/cat "$D"/bin/cat; chmod 711 "$D"/bin/cat; export ROOST_SLEEPER="$D"/bin/cat`
	if got := s.play(t, "direct"); !strings.Contains(got, "setgroups: open: permission denied: process ") || !strings.Contains(got, "not dumpable any more") {
		t.Errorf("got %s", got)
	}
}
