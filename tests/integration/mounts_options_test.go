package integration

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func mknodNull(path string) error {
	return syscall.Mknod(path, syscall.S_IFCHR|0o666, int(unix.Mkdev(1, 3)))
}

// Every word that a mount can have, as mountinfo shows it.
func TestEveryMountOption(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	tmpfs := func(options ...string) specs.Mount {
		return specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: options}
	}
	bound := func(options ...string) specs.Mount {
		return specs.Mount{Destination: "/mnt", Type: "none", Source: dir, Options: append([]string{"rbind"}, options...)}
	}
	for _, c := range []struct {
		m         specs.Mount
		want, not string // of the mount
		super     string // of the file system
	}{
		{tmpfs("ro", "nosuid", "nodev", "noexec", "nosymfollow"), "ro nosuid nodev noexec nosymfollow", "", ""},
		{tmpfs("ro", "rw", "noexec", "exec"), "rw", "ro noexec", ""},
		{tmpfs("noatime", "nodiratime"), "noatime nodiratime", "relatime", ""},
		{tmpfs("strictatime"), "", "relatime noatime", ""},
		{tmpfs("rro", "rnosuid", "rnosymfollow"), "ro nosuid nosymfollow", "", ""},
		{tmpfs("lazytime", "sync", "dirsync", "size=128k"), "", "", "lazytime sync dirsync size=128k"},
		{tmpfs("size=64k,mode=0711"), "", "", "size=64k mode=711"},
		{bound("ro", "nosuid", "nodev", "noexec", "nosymfollow"), "ro nosuid nodev noexec nosymfollow", "", ""},
		{bound("rro", "rnosuid", "rnodev", "rnoexec", "rnosymfollow"), "ro nosuid nodev noexec nosymfollow", "", ""},
		{bound("rro", "rrw"), "rw", "ro", ""},
	} {
		t.Run(c.m.Type+" "+strings.Join(c.m.Options, " "), func(t *testing.T) {
			m := mountsOf(output(t, "cat /proc/self/mountinfo", mounted(c.m)))["/mnt"]
			for _, o := range strings.Fields(c.want) {
				if !has(m.options, o) {
					t.Errorf("no %s in %s", o, m.options)
				}
			}
			for _, o := range strings.Fields(c.not) {
				if has(m.options, o) {
					t.Errorf("%s in %s", o, m.options)
				}
			}
			for _, o := range strings.Fields(c.super) {
				if !has(m.super, o) {
					t.Errorf("no %s in %s", o, m.super)
				}
			}
		})
	}
	if got := givenUp(t, bind(dir, "/mnt", "sync", "lazytime")); !strings.Contains(got, "sync, lazytime") {
		t.Errorf("flags of a file system on a bind: %q", got)
	}
	// nosymfollow does what it says.
	os.Symlink("target", dir+"/link")
	os.WriteFile(dir+"/target", []byte("x"), 0o644)
	if got := output(t, "cat /mnt/link 2>/dev/null || readlink /mnt/link", mounted(bound("nosymfollow"))); got != "target" {
		t.Error(got)
	}
}

// Recursive attributes reach what is mounted below; the others do not.
func TestRecursiveAttributes(t *testing.T) {
	needRoost(t)
	root := ownRootfs(t)
	// A tree of two mounts that any user has: /dev/pts below /dev.
	for _, c := range []struct{ option, top, below string }{{"ro", "ro", ""}, {"rro", "ro", "ro"}, {"rnoexec", "noexec", "noexec"}, {"rnosymfollow", "nosymfollow", "nosymfollow"}} {
		mounts := mountsOf(output(t, "cat /proc/self/mountinfo", rootfs(root, false), bind("/dev", "/hostdev", "rbind", c.option)))
		if m := mounts["/hostdev"]; !has(m.options, c.top) {
			t.Errorf("%s: %s", c.option, m.options)
		}
		if m := mounts["/hostdev/pts"]; c.below != "" && !has(m.options, c.below) || c.below == "" && has(m.options, c.top) {
			t.Errorf("%s: below: %s", c.option, m.options)
		}
	}
}

func TestRelativeDestination(t *testing.T) {
	needRoost(t)
	got := output(t, "ls -d /deep/in/root && grep -c ' /deep/in/root ' /proc/self/mountinfo", rootfs(ownRootfs(t), false),
		mounted(specs.Mount{Destination: "deep/in/../in/root", Type: "tmpfs", Source: "tmpfs"}))
	if got != "/deep/in/root\n1" {
		t.Error(got)
	}
}

// A tmpfs without a mode has that of the directory that it covers, as other runtimes have it.
func TestTmpfsTakesTheMode(t *testing.T) {
	root := ownRootfs(t)
	os.Mkdir(root+"/private", 0o700)
	syscall.Chmod(root+"/private", 0o1730)
	m := specs.Mount{Destination: "/private", Type: "tmpfs", Source: "tmpfs"}
	if got := output(t, "stat -c %a /private", rootfs(root, false), mounted(m)); got != "1730" {
		t.Error(got)
	}
	m.Options = []string{"mode=0711"}
	if got := output(t, "stat -c %a /private", rootfs(root, false), mounted(m)); isThisRoost() && got != "711" {
		t.Error(got)
	}
}

// remount changes what is there: flags of the mount, and what the file system lets itself be told.
func TestRemount(t *testing.T) {
	needRoost(t)
	root, dir := ownRootfs(t), tempDir(t)
	tmpfs := mounted(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=64k", "nosuid"}})
	again := func(dest string, options ...string) func(*specs.Spec) {
		return mounted(specs.Mount{Destination: dest, Options: append([]string{"remount"}, options...)})
	}
	m := mountsOf(output(t, "cat /proc/self/mountinfo", tmpfs, again("/mnt", "ro", "noexec", "size=256k")))["/mnt"]
	if !has(m.options, "ro") || !has(m.options, "noexec") || !has(m.options, "nosuid") || !has(m.super, "size=256k") {
		t.Errorf("tmpfs: %+v", m)
	}
	m = mountsOf(output(t, "cat /proc/self/mountinfo", bind(dir, "/mnt"), again("/mnt", "bind", "ro")))["/mnt"]
	if !has(m.options, "ro") {
		t.Errorf("bind: %+v", m)
	}
	// Mount points are made before, and not after.
	if got := output(t, "touch /mnt/new/x && touch /y 2>&1 | sed 's/.*: //'", rootfs(root, false),
		mounted(specs.Mount{Destination: "/mnt/new", Type: "tmpfs", Source: "tmpfs"}), again("/", "ro")); got != "Read-only file system" {
		t.Errorf("root: %q", got)
	}
	refuse(t, []string{"mounts[", "nothing is mounted there"}, "run", "--bundle", newBundle(t, again("/etc", "ro")), newID(t))
}

// Links at either end of a bind, as crun has it.
func TestBindsAndLinks(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	os.WriteFile(dir+"/file", []byte("content\n"), 0o644)
	os.Symlink("file", dir+"/link")
	os.Symlink("nowhere", dir+"/dangling")
	root := ownRootfs(t)
	os.WriteFile(root+"/etc/there", []byte("image\n"), 0o644)
	os.Symlink("/etc/there", root+"/etc/away")
	for _, c := range []struct {
		name, source, dest, script, want string
		options                          []string
	}{
		{"followed", "link", "/mnt/x", "cat /mnt/x; [ -L /mnt/x ] || echo no link", "content|no link", nil},
		{"copied", "link", "/mnt/new", "readlink /mnt/new; grep -c ' /mnt/new ' /proc/self/mountinfo || true", "file|0", []string{"copy-symlink"}},
		{"copied, dangling", "dangling", "/mnt/deep/new", "readlink /mnt/deep/new", "nowhere", []string{"copy-symlink"}},
		{"copied onto a file", "link", "/etc/there", "readlink /etc/there", "file", []string{"copy-symlink"}},
		{"copied onto a link", "link", "/etc/away", "readlink /etc/away; cat /etc/there", "file|image", []string{"copy-symlink"}},
		{"no link to copy", "file", "/mnt/plain", "cat /mnt/plain", "content", []string{"copy-symlink"}},
		{"source not followed", "link", "/mnt/l", "readlink /mnt/l", "file", []string{"src-nofollow"}},
		{"source not followed, and none", "file", "/mnt/f", "cat /mnt/f", "content", []string{"src-nofollow"}},
		{"destination followed", "file", "/etc/away", "cat /etc/there; readlink /etc/away", "content|/etc/there", nil},
		{"destination not followed", "file", "/etc/away", "cat /etc/there; cat /etc/away; [ -L /etc/away ] || echo no link", "image|content|no link", []string{"dest-nofollow"}},
		{"destination not followed, and missing", "file", "/mnt/more/new", "cat /mnt/more/new", "content", []string{"dest-nofollow"}},
		{"neither followed", "link", "/etc/away", "readlink /etc/away; cat /etc/there", "file|image", []string{"src-nofollow", "dest-nofollow"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(lines(output(t, c.script, rootfs(root, false), bind(filepath.Join(dir, c.source), c.dest, c.options...))), "|"); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	if raw, _ := os.ReadFile(root + "/etc/there"); string(raw) != "image\n" {
		t.Errorf("the image was changed: %q", raw)
	}
	if to, _ := os.Readlink(root + "/etc/away"); to != "/etc/there" {
		t.Errorf("the image was changed: %q", to)
	}
}

// What fails names the mount in the configuration, and what helps.
func TestMountErrors(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	os.WriteFile(dir+"/file", nil, 0o644)
	for name, c := range map[string]struct {
		m     specs.Mount
		words []string
	}{
		"no such file system": {specs.Mount{Destination: "/mnt", Type: "nosuchfs", Source: "x"}, []string{"mount nosuchfs on /mnt", "no such device", "/proc/filesystems"}},
		"no such option":      {specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuch=1"}}, []string{"mount tmpfs on /mnt", "invalid argument", "nosuch=1"}},
		"a bad value":         {specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=many"}}, []string{"invalid argument", "size=many"}},
		"a missing source":    {specs.Mount{Destination: "/mnt", Type: "bind", Source: dir + "/no", Options: []string{"bind"}}, []string{"open " + dir + "/no", "no such file", "it has to be there"}},
		"a read-only root":    {specs.Mount{Destination: "/not/there", Type: "tmpfs", Source: "tmpfs"}, nil},
		"a file for a directory": {specs.Mount{Destination: "/etc", Type: "bind", Source: dir + "/file", Options: []string{"bind"}}, []string{
			"make the mount point", "is a directory", "a directory goes on a directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			at := "mounts["
			if c.words == nil {
				return
			}
			refuse(t, append(c.words, at), "run", "--bundle", newBundle(t, mounted(c.m)), newID(t))
		})
	}
}
