package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// rootOf is a descriptor of a root file system with what is made below it.
func rootOf(t *testing.T, prepare func(dir string)) int {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	prepare(dir)
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUserIn(t *testing.T) {
	root := rootOf(t, func(dir string) {
		put(t, dir+"/etc/passwd", "root:x:0:0::/root:/bin/sh\n# a comment\n\nbad\nalice:x:1000:100::/home/alice:/bin/sh\r\n"+
			"4294967296:x:0:0::/:/bin/sh\n1x:x:0:0::/:/bin/sh\n:x:0:0::/:/bin/sh\nhuge:x:4294967296:0::/:\nminus:x:-1:0::/:\nlead:x:007:0::/:\n"+
			"nogid:x:5::/:/\nlast:x:4294967294:4294967294::/l:/bin/sh")
		put(t, dir+"/etc/group", "root:x:0:root\nusers:x:100:alice\nwheel:x:10:bob,alice,alice\naudio:x:29:alicia,alice\nhuge:x:4294967296:alice\nshort:x:5\nempty:x::alice\n4294967296:x:0:\n")
	})
	for _, test := range []struct {
		who  string
		want string // "uid:gid groups", or what is in the error after "!"
	}{
		{"root", "0:0 []"}, {"alice", "1000:100 [10 29]"}, {"1000", "1000:100 [10 29]"}, {"alice:wheel", "1000:10 []"}, {"alice:7", "1000:7 []"},
		{"1", "1:0 []"}, {"1:2", "1:2 []"}, {"0:0", "0:0 []"}, {"4294967294", "4294967294:4294967294 []"}, {"last", "4294967294:4294967294 []"},
		{"01", "!is no id"}, {"00", "!is no id"}, {":5", "!it is empty"}, {"", "!it is empty"}, {"+1", "!is no id"}, {"-1", "!is no id"}, {"1x", "!is no id"},
		{"4294967296", "!is no id"}, {"4294967295", "!is no id"}, {"18446744073709551616", "!is no id"}, {"0x10", "!is no id"}, {"1e3", "!is no id"}, {"1 ", "!is no id"},
		{"1:", "!it is empty"}, {"1:+1", "!is no id"}, {"1:4294967296", "!is no id"}, {"1:2:3", "!is no id"}, {"1:-1", "!is no id"},
		{"bob", "!no such user"}, {"alice:none", "!no such group"}, {"huge", "!is no id"}, {"minus", "!is no id"}, {"lead", "!is no id"}, {"nogid", "!it is empty"},
		{"alice:huge", "!is no id"}, {" root", "!no such user"}, {"Root", "!no such user"}, {"# a comment", "!no such user"}, {"bad", "!no such user"},
	} {
		u, err := userIn(root, test.who)
		got := fmt.Sprintf("%d:%d %v", u.uid, u.gid, u.groups)
		if words, refused := strings.CutPrefix(test.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%q: %s, %v; not the error %q", test.who, got, err, words)
			}
		} else if err != nil || got != test.want {
			t.Errorf("%q: %s, %v; not %s", test.who, got, err, test.want)
		}
	}
}

// TestHostileFiles: the container's passwd may be anything. Nothing waits, and nothing is read that is not in the container.
func TestHostileFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "passwd")
	put(t, outside, "evil:x:5:5::/evil:/\n")
	for name, prepare := range map[string]func(path string) error{
		"missing":            func(string) error { return nil },
		"FIFO":               func(path string) error { return unix.Mkfifo(path, 0o644) },
		"directory":          func(path string) error { return os.Mkdir(path, 0o755) },
		"endless":            func(path string) error { return os.Symlink("/dev/zero", path) },
		"link to the host's": func(path string) error { return os.Symlink(outside, path) },
		"link up":            func(path string) error { return os.Symlink(strings.Repeat("../", 40)+outside, path) },
		"magic link":         func(path string) error { return os.Symlink("/proc/self/root"+outside, path) },
		"link to itself":     func(path string) error { return os.Symlink("passwd", path) },
		"empty":              func(path string) error { return os.WriteFile(path, nil, 0o644) },
		"a hole":             func(path string) error { put(t, path, ""); return os.Truncate(path, 1<<40) },
		"behind the limit": func(path string) error {
			put(t, path, strings.Repeat("#\n", maxUsers/2)+"evil:x:5:5::/evil:/\n")
			return nil
		},
		"not UTF-8":          func(path string) error { put(t, path, "\xff:\xfe:5:5::/:\x00\n"); return nil },
		"no read permission": func(path string) error { put(t, path, "evil:x:6:6::/evil:/\n"); return os.Chmod(path, 0) },
	} {
		if name == "no read permission" && os.Geteuid() == 0 {
			continue
		}
		root := rootOf(t, func(dir string) {
			if err := prepare(dir + "/etc/passwd"); err != nil {
				t.Fatal(name, err)
			}
		})
		if u, err := userIn(root, "evil"); err == nil || !strings.Contains(err.Error(), "no such user") {
			t.Errorf("%s: by name: %+v, %v", name, u, err)
		}
		if u, err := userIn(root, "5"); err != nil || u.uid != 5 || name != "not UTF-8" && u.gid != 0 {
			t.Errorf("%s: by number: %+v, %v", name, u, err)
		}
		if home := homeIn(root, 5); home != "/" {
			t.Errorf("%s: home: %q", name, home)
		}
	}
	// A link that stays inside is followed as the container would.
	root := rootOf(t, func(dir string) {
		put(t, dir+"/real", "alice:x:5:6::/a:/\n")
		if err := os.Symlink("/real", dir+"/etc/passwd"); err != nil {
			t.Fatal(err)
		}
	})
	if u, err := userIn(root, "alice"); err != nil || u.uid != 5 || u.gid != 6 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestHomeIn(t *testing.T) {
	root := rootOf(t, func(dir string) {
		put(t, dir+"/etc/passwd", "none:x:1:1:::/bin/sh\nrelative:x:2:2::home:/bin/sh\nfew:x:3:3::/home/few\nnul:x:4:4::/a\x00b:/bin/sh\n"+
			"colon:x:5:5::/home/five:/bin/sh:more\nlead:x:06:6::/home/six:/bin/sh\ntwice:x:7:7::/first:/bin/sh\nagain:x:7:7::/second:/bin/sh\n")
	})
	for uid, want := range map[uint32]string{0: "/", 1: "/", 2: "/", 3: "/", 4: "/", 5: "/home/five", 6: "/", 7: "/first"} {
		if got := homeIn(root, uid); got != want {
			t.Errorf("%d: %q, not %q", uid, got, want)
		}
	}
}

// TestMemberships are no more than setgroups(2) takes.
func TestMemberships(t *testing.T) {
	var text strings.Builder
	for i := range maxGroups + 100 {
		fmt.Fprintf(&text, "g%d:x:%d:alice\n", i, i+1)
	}
	if got := memberships(text.String(), "alice", 3); len(got) != maxGroups || slices.Contains(got, 3) {
		t.Errorf("%d groups", len(got))
	}
}

func FuzzUserIn(f *testing.F) {
	f.Add("alice:x:5:6::/a:/\n", "w:x:7:alice\n", "alice:w")
	f.Add(":::::::", ":::", ":")
	f.Fuzz(func(t *testing.T, passwd, group, who string) {
		dir := t.TempDir()
		if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, dir+"/etc/passwd", passwd)
		put(t, dir+"/etc/group", group)
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		u, err := userIn(fd, who)
		if err == nil && (u.uid == 1<<32-1 || u.gid == 1<<32-1) {
			t.Errorf("%q: %+v is no id for setresuid(2)", who, u)
		}
		if home := homeIn(fd, u.uid); !strings.HasPrefix(home, "/") || strings.Contains(home, "\x00") {
			t.Errorf("home %q", home)
		}
	})
}
