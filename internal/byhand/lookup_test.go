package byhand

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	testPasswd = "root:x:0:0:root:/root:/bin/sh\n# c:x:1:1::/:\nbroken:x\nhuge:x:4294967296:1::/:\n\nalice:x:1000:1000:A:/home/alice:/bin/sh\nwww:x:33:33::/srv:\nalice:x:5:5::/:\n4294967296:x:0:0::/:\n"
	testGroup  = "root:x:0:\nwheel:x:10:root,alice\nalice:x:1000:\naudio:x:44:bob,alice,www\nvideo:x:45:malice\naudio2:x:44:alice\n"
)

func TestResolveUser(t *testing.T) {
	for _, c := range []struct {
		in   string
		want User
		bad  string
	}{
		{"0", User{}, ""},
		{"root", User{}, ""},
		{"1000", User{UID: 1000, GID: 1000, Groups: []uint32{10, 44}}, ""},
		{"01000", User{UID: 1000, GID: 1000, Groups: []uint32{10, 44}}, ""},
		{"alice", User{UID: 1000, GID: 1000, Groups: []uint32{10, 44}}, ""},
		{"alice:audio", User{UID: 1000, GID: 44}, ""},
		{"alice:7", User{UID: 1000, GID: 7}, ""},
		{"12:34", User{UID: 12, GID: 34}, ""},
		{"12", User{UID: 12}, ""},
		{"12:audio", User{UID: 12, GID: 44}, ""},
		{"4294967294", User{UID: 4294967294}, ""},
		{"4294967295", User{}, "too large"},
		{"4294967296", User{}, "too large"},
		{"99999999999999999999999", User{}, "too large"},
		{"1:4294967295", User{}, "too large"},
		{"-1", User{}, "neither an id nor a name"},
		{"+1", User{}, "neither an id nor a name"},
		{"", User{}, "is empty"},
		{":5", User{}, "is empty"},
		{"5:", User{}, "is empty"},
		{"1:2:3", User{}, "neither an id nor a name"},
		{"1x", User{}, "no user"},
		{"bob", User{}, "no user"},
		{"alice:nogroup", User{}, "no group"},
		{"huge", User{}, "no user"},
		{"broken", User{}, "no user"},
	} {
		u, err := resolveUser(c.in, testPasswd, testGroup)
		if c.bad != "" {
			if err == nil || !strings.Contains(err.Error(), c.bad) {
				t.Errorf("%q: %v %v, want %q", c.in, u, err, c.bad)
			}
		} else if err != nil || !reflect.DeepEqual(*u, c.want) {
			t.Errorf("%q: %+v %v, want %+v", c.in, u, err, c.want)
		}
	}
}

// TestReadInRoot: the files are the container's, and what it may have made of them must not hurt.
func TestReadInRoot(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	os.WriteFile(secret, []byte("secret"), 0o600)
	for _, c := range []struct {
		name string
		make func(root, file string) error
		want string
		bad  string
	}{
		{"a file", func(_, f string) error { return os.WriteFile(f, []byte("x"), 0o600) }, "x", ""},
		{"none", func(_, _ string) error { return nil }, "", ""},
		{"a link out", func(_, f string) error { return os.Symlink(secret, f) }, "", ""},
		{"a relative link out", func(_, f string) error { return os.Symlink("../../../../../../../.."+secret, f) }, "", ""},
		{"a link inside", func(r, f string) error {
			os.WriteFile(filepath.Join(r, "real"), []byte("y"), 0o600)
			return os.Symlink("/real", f)
		}, "y", ""},
		{"a FIFO", func(_, f string) error { return unix.Mkfifo(f, 0o600) }, "", "not a regular file"},
		{"a directory", func(_, f string) error { return os.Mkdir(f, 0o700) }, "", "not a regular file"},
		{"too large", func(_, f string) error { return os.WriteFile(f, make([]byte, maxFile+1), 0o600) }, "", "larger"},
		{"a loop", func(_, f string) error { return os.Symlink("passwd", f) }, "", "symbolic links"},
	} {
		root := t.TempDir()
		os.Mkdir(filepath.Join(root, "etc"), 0o700)
		if err := c.make(root, filepath.Join(root, "etc/passwd")); err != nil {
			t.Fatal(err)
		}
		got, err := readInRoot(root, "etc/passwd")
		if got != c.want || (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), c.bad) {
			t.Errorf("%s: %q %v", c.name, got, err)
		}
	}
	root := t.TempDir()
	os.Symlink("/proc/self/root/etc", filepath.Join(root, "etc"))
	if got, _ := readInRoot(root, "etc/passwd"); got != "" {
		t.Errorf("through a link to /proc: %q", got)
	}
}

func TestParseMountinfo(t *testing.T) {
	got := parseMountinfo("27 1 254:1 / / rw,relatime - ext4 /dev/vda rw\n" +
		"30 27 0:25 /a\\040b /mnt/x\\011y\\134z ro shared:1 master:2 - tmpfs none ro,size=4k\nrubbish\n1 2 3 - x\n")
	want := []MountPoint{{"/", "254:1", "/", "ext4"}, {"/mnt/x\ty\\z", "0:25", "/a b", "tmpfs"}}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestAliases(t *testing.T) {
	for _, c := range []struct {
		name   string
		mounts []MountPoint
		want   []string
	}{
		{"alone", []MountPoint{{"/", "1:1", "/", "ext4"}}, nil},
		{"home on its own file system, mounted twice", []MountPoint{{"/", "1:1", "/", ""}, {"/home", "1:2", "/", ""}, {"/var/nfs", "1:2", "/", ""}}, []string{"/var/nfs/alice"}},
		{"the directory itself bound", []MountPoint{{"/", "1:1", "/", ""}, {"/opt/a", "1:1", "/home/alice", ""}}, []string{"/opt/a"}},
		{"a part of it bound", []MountPoint{{"/", "1:1", "/", ""}, {"/opt/p", "1:1", "/home/alice/p", ""}}, []string{"/opt/p"}},
		{"its parent bound", []MountPoint{{"/", "1:1", "/", ""}, {"/opt/h", "1:1", "/home", ""}}, []string{"/opt/h/alice"}},
		{"a sub-volume", []MountPoint{{"/", "1:1", "/@", ""}, {"/home", "1:1", "/@home", ""}, {"/var/btrfs", "1:1", "/", ""}}, []string{"/var/btrfs/@home/alice"}},
		{"something else", []MountPoint{{"/", "1:1", "/", ""}, {"/opt/b", "1:1", "/home/bob", ""}, {"/x", "1:3", "/", ""}, {"/y", "1:1", "/home/alice2", ""}}, nil},
	} {
		if got := aliases(c.mounts, "/home/alice"); !slices.Equal(got[1:], c.want) {
			t.Errorf("%s: %q, want %q", c.name, got[1:], c.want)
		}
	}
}

func TestCanBeLower(t *testing.T) {
	mounts := []MountPoint{{"/", "", "/", "ext4"}, {"/opt", "", "/", "vfat"}, {"/usr", "", "/", "autofs"}, {"/usr", "", "/", "nfs4"}}
	for p, want := range map[string]bool{"/etc": true, "/opt": false, "/opt/x": false, "/optical": true, "/usr/bin": true} {
		if canBeLower(mounts, p) != want {
			t.Errorf("%s: %v", p, !want)
		}
	}
}
