package idmap

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// etc makes a root with these files below /etc.
func etc(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// script puts an executable double in a directory of its own.
func script(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSubIDsFromFiles(t *testing.T) {
	alice := Account{UID: 1000, GID: 1000, Name: "alice"}
	tests := []struct {
		name       string
		account    Account
		subuid     string
		subgid     string
		uids, gids string
	}{
		{"by name", alice, "bob:1:1\nalice:100000:65536\n", "alice:200000:65536\n", "100000-165535", "200000-265535"},
		{"by number", alice, "1000:100000:10\n", "1000:200000:10", "100000-100009", "200000-200009"},
		{"several, both ways, in order", alice, "alice:300000:10\n1000:100000:10\nalice:200000:1\n", "", "300000-300009, 100000-100009, 200000", "none"},
		{"no passwd entry", Account{UID: 1000, GID: 0}, "alice:100000:10\n1000:200000:10\n", "1000:5:1\n:7:7\n", "200000-200009", "5"},
		{"the name begins the same", alice, "alicea:100000:10\nalic:1:1\n", "10001:1:1\n100:1:1\n", "none", "none"},
		{"lines without sense", alice, "alice\nalice:\nalice:x:1\nalice:1:\nalice:1:0\nalice:4294967295:1\nalice:-1:5\nalice:9:1:1\n\n# alice:1:1\nalice:7:2", "", "7-8", "none"},
		{"empty", alice, "", "", "none", "none"},
		{"spaces and CR", alice, "  alice:100000:10\r\n", "", "100000-100009", "none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Sources{Root: etc(t, map[string]string{"subuid": test.subuid, "subgid": test.subgid}), Dirs: []string{}}
			uids, gids, source, err := s.SubIDs(context.Background(), test.account)
			if err != nil || source != FileSource || describe(uids) != test.uids || describe(gids) != test.gids {
				t.Errorf("got %s; %s; %q, %v", describe(uids), describe(gids), source, err)
			}
		})
	}
}

func TestSubIDsFromHostileFiles(t *testing.T) {
	root := etc(t, nil)
	s := Sources{Root: root, Dirs: []string{}}
	alice := Account{UID: 1000, Name: "alice"}
	if uids, _, _, err := s.SubIDs(context.Background(), alice); err != nil || uids != nil {
		t.Errorf("no files: got %v, %v", uids, err)
	}
	path := filepath.Join(root, "etc/subuid")
	check := func(want string) {
		t.Helper()
		if _, _, _, err := s.SubIDs(context.Background(), alice); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		os.RemoveAll(path)
	}
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	check("not a regular file")
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	check("not a regular file")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	check("at most")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	check("too many levels")
}

func TestServices(t *testing.T) {
	tests := []struct{ conf, want string }{
		{"", ""},
		{"passwd: files\n", ""},
		{"subid: sss\n", "sss"},
		{"  subid :\tsss files # and more\n", "sss files"},
		{"#subid: sss\n", ""},
		{"subid: files [NOTFOUND=return] sss\n", "files sss"},
		{"subid: files [ NOTFOUND=return SUCCESS=continue ] sss\n", "files sss"},
		{"subid:\n", ""},
		{"subids: sss\nsubid: ldap", "ldap"},
	}
	for _, test := range tests {
		if got := strings.Join(services([]byte(test.conf), "subid"), " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.conf, got, test.want)
		}
	}
}

func TestAccount(t *testing.T) {
	const passwd = "# a comment:x:1000:1:\n+:x:1000:1\nroot:x:0:0::/root:/bin/sh\nalice:x:1000:100:Alice,,,:/home/alice:/bin/sh\nalso:x:1000:7::/:\nbad:x:1001:x::/:\n"
	getent := script(t, "getent", `[ "$1 $2" = "passwd 5000" ] && echo "ldapuser:*:5000:500::/:/bin/sh" || exit 2`)
	tests := []struct {
		name, nsswitch string
		uid            uint32
		dirs           []string
		subuid         string
		want           Account
	}{
		{"first of two", "", 1000, nil, "", Account{1000, 100, "alice"}},
		{"no group", "", 1001, nil, "", Account{1001, 9, ""}},
		{"none, files alone", "passwd: files\n", 5000, []string{getent}, "x:1:1\n", Account{5000, 9, ""}},
		{"none, no nsswitch.conf", "", 5000, []string{getent}, "x:1:1\n", Account{5000, 9, ""}},
		{"elsewhere", "passwd: files sss\n", 5000, []string{getent}, "x:1:1\n", Account{5000, 500, "ldapuser"}},
		{"elsewhere, not found", "passwd: files sss\n", 5001, []string{getent}, "x:1:1\n", Account{5001, 9, ""}},
		{"elsewhere, no getent", "passwd: files sss\n", 5000, []string{}, "x:1:1\n", Account{5000, 9, ""}},
		{"elsewhere, nothing to grant", "passwd: files sss\n", 5000, []string{getent}, "", Account{5000, 9, ""}},
		{"elsewhere, sub-ids too", "passwd: files sss\nsubid: sss\n", 5000, []string{getent}, "", Account{5000, 500, "ldapuser"}},
		{"in the file first", "passwd: sss files\n", 0, []string{getent}, "x:1:1\n", Account{0, 0, "root"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Sources{Root: etc(t, map[string]string{"passwd": passwd, "nsswitch.conf": test.nsswitch, "subuid": test.subuid}), Dirs: test.dirs}
			if got, err := s.Account(context.Background(), test.uid, 9); err != nil || got != test.want {
				t.Errorf("got %+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

// The real getent, and an account that no source has.
func TestAccountRealGetent(t *testing.T) {
	if _, err := exec.LookPath("getent"); err != nil {
		t.Skip("getent is not installed (libc-bin)")
	}
	s := Sources{Root: etc(t, map[string]string{"passwd": "", "nsswitch.conf": "passwd: files sss\n", "subgid": "x:1:1\n"})}
	if a, err := s.Account(context.Background(), 0, 0); err != nil || a.Name != "root" {
		t.Errorf("got %+v, %v", a, err)
	}
	if a, err := s.Account(context.Background(), 3_999_999_999, 5); err != nil || a.Name != "" || a.GID != 5 {
		t.Errorf("got %+v, %v", a, err)
	}
}

// A double of getsubids says what the real one cannot be brought to say; the
// real one, with a module of its own, is in TestNameService.
func TestGetsubidsAnswers(t *testing.T) {
	alice := Account{UID: 1000, Name: "alice"}
	tests := []struct {
		name, script string
		account      Account
		uids, gids   string
		wrong        string
	}{
		{"two ranges", `[ $1 = -g ] && { echo "0: alice 5 6"; exit; }; echo "0: $1 100000 10"; echo "1: $1 200000 10"`, alice, "100000-100009, 200000-200009", "5-10", ""},
		{"number of a nameless account", `[ "$1" = 1000 ] && echo "0: 1000 7 1"; exit 0`, Account{UID: 1000}, "7", "none", ""},
		{"none", `echo "Error fetching ranges" >&2; exit 1`, alice, "none", "none", ""},
		{"warning beside", `echo "module is old" >&2; echo "0: alice 7 1"`, alice, "7", "7", ""},
		{"says nothing", `exit 0`, alice, "none", "none", ""},
		{"garbage", `echo hello`, alice, "", "", `no list of ranges: "hello"`},
		{"library missing", `echo "error while loading shared libraries" >&2; exit 127`, alice, "", "", "error while loading"},
		{"killed", `kill -9 $$`, alice, "", "", "killed by signal 9"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Sources{Root: etc(t, map[string]string{"nsswitch.conf": "subid: sss\n", "subuid": "alice:1:1\n"}), Dirs: []string{script(t, "getsubids", test.script)}}
			uids, gids, source, err := s.SubIDs(context.Background(), test.account)
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("got %v, want %q", err, test.wrong)
				}
				return
			}
			if err != nil || describe(uids) != test.uids || describe(gids) != test.gids || !strings.Contains(source, "sss") {
				t.Errorf("got %s; %s; %q, %v", describe(uids), describe(gids), source, err)
			}
		})
	}
}

func TestGetsubidsMissing(t *testing.T) {
	s := Sources{Root: etc(t, map[string]string{"nsswitch.conf": "subid: sss\n"}), Dirs: []string{t.TempDir()}}
	if _, _, _, err := s.SubIDs(context.Background(), Account{UID: 1}); !errors.Is(err, ErrNoProgram) {
		t.Errorf("got %v", err)
	}
}

func TestOwnGroupOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                 true,
		"GRANT_AUX_GROUP_SUBIDS yes\n":     false,
		"GRANT_AUX_GROUP_SUBIDS\tno\n":     true,
		"#GRANT_AUX_GROUP_SUBIDS yes\n":    true,
		"X 1\n GRANT_AUX_GROUP_SUBIDS YES": false,
	} {
		if got := (Sources{Root: etc(t, map[string]string{"login.defs": text})}).OwnGroupOnly(); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
