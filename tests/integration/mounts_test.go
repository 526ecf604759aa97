package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestBind(t *testing.T) {
	dir := tempDir(t)
	for name, text := range map[string]string{"file": "from the host\n", "other": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root := ownRootfs(t)
	for _, c := range []struct {
		name   string
		change func(*specs.Spec)
		script string
		want   string
	}{
		{"directory", bind(dir, "/mnt"), "cat /mnt/file; echo w >/mnt/written && echo writable", "from the host\nwritable"},
		{"file over file", bind(dir+"/file", "/mnt/file"), "cat /mnt/file", "from the host"},
		{"file to be made", bind(dir+"/file", "/new/place/file"), "cat /new/place/file", "from the host"},
		{"directory to be made", bind(dir, "/new/dir/deep"), "cat /new/dir/deep/file", "from the host"},
		{"read-only", bind(dir, "/mnt", "ro"), "cat /mnt/file; touch /mnt/new 2>&1 || true", "from the host\ntouch: /mnt/new: Read-only file system"},
		{"read-only file", bind(dir+"/file", "/mnt/file", "ro"), "echo w >/mnt/file 2>/dev/null || cat /mnt/file", "from the host"},
		{"through a link in the root", with(bind(dir, "/link/sub"), func(*specs.Spec) {
			os.Symlink("/data", root+"/link") // absolute: means the container's /data
		}), "cat /data/sub/file", "from the host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := output(t, c.script, rootfs(root, false), c.change); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if exists("/data/sub") {
		t.Errorf("a link inside the root file system made a directory on the host")
	}
	refuse(t, []string{dir + "/missing"}, "run", "--bundle", newBundle(t, bind(dir+"/missing", "/mnt")), newID(t))
}

func TestMountOptions(t *testing.T) {
	dir := tempDir(t)
	for _, c := range []struct {
		options []string
		want    []string
		not     []string
	}{
		{[]string{"ro", "nosuid", "nodev", "noexec"}, []string{"ro", "nosuid", "nodev", "noexec"}, nil},
		{[]string{"rw"}, []string{"rw"}, []string{"ro"}},
		{[]string{"ro", "rw"}, []string{"rw"}, []string{"ro"}},
		{[]string{"noatime"}, []string{"noatime"}, []string{"relatime"}},
	} {
		t.Run(strings.Join(c.options, " "), func(t *testing.T) {
			if c.options[0] == "noatime" && !isRoot() {
				t.Skip("root: how the host's mounts keep access times is locked in a user namespace")
			}
			m := mountsOf(output(t, "cat /proc/self/mountinfo", bind(dir, "/mnt", c.options...)))["/mnt"]
			for _, o := range c.want {
				if !has(m.options, o) {
					t.Errorf("no %s in %s", o, m.options)
				}
			}
			for _, o := range c.not {
				if has(m.options, o) {
					t.Errorf("%s in %s", o, m.options)
				}
			}
		})
	}
	refuse(t, []string{"/mnt"}, "run", "--bundle", newBundle(t, mounted(specs.Mount{Destination: "/mnt", Type: "nosuchfs", Source: "none"})), newID(t))
}

func TestTmpfs(t *testing.T) {
	m := specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=64k", "mode=1700", "nosuid", "noexec"}}
	got := output(t, "grep ' /mnt ' /proc/self/mountinfo; stat -c %a /mnt; ls -A /mnt; dd if=/dev/zero of=/mnt/f bs=1k count=100 2>&1 | grep -c 'No space'", mounted(m))
	l := lines(got)
	point := parseMount(l[0])
	if point.fstype != "tmpfs" || !has(point.options, "nosuid") || !has(point.options, "noexec") || !has(point.super, "size=64k") {
		t.Errorf("mounted: %+v", point)
	}
	if !isThisRoost() {
		l[1] = "1700" // others take the mode of the directory below
	}
	if strings.Join(l[1:], " ") != "1700 1" {
		t.Errorf("mode, content, limit: %q", l[1:])
	}
}

func TestRbind(t *testing.T) {
	dir := tempDir(t)
	// A sub-mount that an ordinary user has: /dev/pts below /dev.
	got := output(t, "test -e /hostdev/pts/ptmx && echo submount", mounted(specs.Mount{Destination: "/mnt", Type: "bind", Source: dir, Options: []string{"bind"}}),
		rootfs(ownRootfs(t), false), bind("/dev", "/hostdev", "rbind", "ro"))
	if got != "submount" {
		t.Errorf("rbind does not show what is mounted below: %q", got)
	}
}

func TestPropagation(t *testing.T) {
	dir := tempDir(t)
	for _, c := range []struct{ option, want string }{
		{"rprivate", ""}, {"private", ""}, {"rslave", "master:"}, {"slave", "master:"}, {"rshared", "shared:"}, {"unbindable", "unbindable"},
	} {
		t.Run(c.option, func(t *testing.T) {
			if strings.HasSuffix(c.option, "slave") && !sharedRoot() {
				c.want = "" // nothing to be the slave of
			}
			m := mountsOf(output(t, "cat /proc/self/mountinfo", bind(dir, "/mnt", "bind", c.option)))["/mnt"]
			if c.want == "" && m.fields != "" || !strings.Contains(m.fields, c.want) {
				t.Errorf("propagation is %q, want %q", m.fields, c.want)
			}
		})
	}
}

func TestRootfsPropagation(t *testing.T) {
	for _, c := range []struct{ option, want string }{{"", ""}, {"private", ""}, {"shared", "shared:"}} {
		if c.option == "shared" && !isThisRoost() {
			continue
		}
		m := mountsOf(output(t, "cat /proc/self/mountinfo", func(s *specs.Spec) { s.Linux.RootfsPropagation = c.option }))["/"]
		if c.want == "" && strings.Contains(m.fields, "shared:") || !strings.Contains(m.fields, c.want) {
			t.Errorf("rootfsPropagation %q: %q", c.option, m.fields)
		}
	}
}

// sharedRoot says whether the mounts of our scratch directory are shared on the host.
func sharedRoot() bool {
	best := mount{}
	for _, m := range mountinfo("self") {
		if (m.point == "/" || strings.HasPrefix(home.dir, m.point+"/")) && len(m.point) >= len(best.point) {
			best = m
		}
	}
	return strings.Contains(best.fields, "shared:")
}

func TestReadonlyRoot(t *testing.T) {
	root := ownRootfs(t)
	for _, readonly := range []bool{true, false} {
		want := "written"
		if readonly {
			want = "refused"
		}
		if got := output(t, "touch /x 2>/dev/null && echo written || echo refused", rootfs(root, readonly)); got != want {
			t.Errorf("readonly %v: %s", readonly, got)
		}
		if exists(root+"/x") == readonly {
			t.Errorf("readonly %v: the host sees %v", readonly, exists(root+"/x"))
		}
	}
}

func TestMaskedAndReadonlyPaths(t *testing.T) {
	root := ownRootfs(t)
	os.MkdirAll(root+"/secret/dir", 0o755)
	os.WriteFile(root+"/secret/file", []byte("secret\n"), 0o644)
	os.WriteFile(root+"/secret/dir/file", []byte("secret\n"), 0o644)
	got := output(t, "cat /secret/file; ls -A /secret/dir; touch /secret/dir/x 2>/dev/null && echo writable; touch /fixed/x 2>/dev/null || echo fixed; cat /fixed/file; touch /etc/loose && echo loose",
		rootfs(root, false), func(s *specs.Spec) {
			os.MkdirAll(root+"/fixed", 0o755)
			os.WriteFile(root+"/fixed/file", []byte("to read\n"), 0o644)
			s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/secret/file", "/secret/dir", "/not/there")
			s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/fixed", "/not/there/either")
		})
	if got != "fixed\nto read\nloose" {
		t.Errorf("%q", got)
	}
	if raw, _ := os.ReadFile(root + "/secret/file"); string(raw) != "secret\n" {
		t.Errorf("masking changed the file: %q", raw)
	}
}

// The masks of a default configuration hold in /proc and /sys.
func TestDefaultMasks(t *testing.T) {
	got := output(t, "for f in /proc/kcore /proc/keys /proc/timer_list; do [ -e $f ] && head -c 1 $f | wc -c; done; ls -A /sys/firmware 2>/dev/null; echo 1 2>/dev/null >/proc/sys/kernel/hostname && echo writable; true")
	for _, l := range lines(got) {
		if l != "0" && l != "" {
			t.Errorf("masked paths show something: %q", got)
		}
	}
}

func TestDevices(t *testing.T) {
	script := `for d in null zero full random urandom tty; do stat -c '%n %t:%T %a %F' /dev/$d; done
for l in fd stdin stdout stderr ptmx; do echo $l $(readlink /dev/$l); done
echo x >/dev/null; head -c 2 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; echo full >/dev/full 2>/dev/null || echo enospc`
	want := `/dev/null 1:3 666 character special file
/dev/zero 1:5 666 character special file
/dev/full 1:7 666 character special file
/dev/random 1:8 666 character special file
/dev/urandom 1:9 666 character special file
/dev/tty 5:0 666 character special file
fd /proc/self/fd
stdin /proc/self/fd/0
stdout /proc/self/fd/1
stderr /proc/self/fd/2
ptmx pts/ptmx
2
3
enospc`
	if got := output(t, script); got != want {
		t.Errorf("devices:\n%s", got)
	}
	got := output(t, "ls -A /dev | sort | tr '\\n' ' '")
	if got != "core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" && got != "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero" {
		t.Errorf("/dev holds %q", got)
	}
}

// What a hostile root file system does with links must stay inside it. Each canary is a place of the host that must not
// be touched; the run may fail or not.
func TestHostileRootfs(t *testing.T) {
	needRoost(t)
	for _, c := range []struct {
		name  string
		build func(root, canary string)
		spec  func(*specs.Spec)
	}{
		{"/dev is a link to the host (CVE-2026-41579, CVE-2026-47766)", func(root, canary string) {
			os.Remove(root + "/dev")
			os.Symlink(canary, root+"/dev")
		}, with(dropMount("/dev"), dropMount("/dev/pts"), dropMount("/dev/shm"), dropMount("/dev/mqueue"))},
		{"/dev/null is a link (CVE-2025-31133)", func(root, canary string) {
			os.Symlink(canary+"/file", root+"/dev/null")
		}, with(dropMount("/dev"), dropMount("/dev/pts"), dropMount("/dev/shm"), dropMount("/dev/mqueue"))},
		{"/dev/console is a link (CVE-2025-52565)", func(root, canary string) {
			os.Symlink(canary+"/new", root+"/dev/console")
		}, with(dropMount("/dev"), dropMount("/dev/shm"), dropMount("/dev/mqueue"))},
		{"/proc is a link", func(root, canary string) {
			os.Remove(root + "/proc")
			os.Symlink(canary, root+"/proc")
		}, nil},
		{"/proc is a file", func(root, canary string) {
			os.Remove(root + "/proc")
			os.WriteFile(root+"/proc", nil, 0o644)
		}, nil},
		{"/sys is a link", func(root, canary string) {
			os.Remove(root + "/sys")
			os.Symlink(canary, root+"/sys")
		}, nil},
		{"a mount's destination is a dangling link (CVE-2024-45310)", func(root, canary string) {
			os.Symlink(canary+"/made", root+"/mnt/link")
		}, mounted(specs.Mount{Destination: "/mnt/link", Type: "tmpfs", Source: "tmpfs"})},
		{"a mount's destination goes up", func(root, canary string) {
			os.Symlink("../../../../../../../../../../.."+canary, root+"/mnt/up")
		}, mounted(specs.Mount{Destination: "/mnt/up/made", Type: "tmpfs", Source: "tmpfs"})},
		{"the working directory is a link", func(root, canary string) {
			os.Symlink(canary+"/cwd", root+"/mnt/cwd")
		}, func(s *specs.Spec) { s.Process.Cwd = "/mnt/cwd" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, canary := ownRootfs(t), tempDir(t)
			os.WriteFile(canary+"/file", []byte("untouched"), 0o600)
			c.build(root, canary)
			before := listing(t, canary)
			r := runOnce(t, with(rootfs(root, false), sh("echo inside"), func(s *specs.Spec) {
				if c.spec != nil {
					c.spec(s)
				}
			}))
			t.Logf("exit %d %s", r.Code, r.Stderr)
			if after := listing(t, canary); after != before {
				t.Errorf("the host was touched:\n%s\nbefore:\n%s", after, before)
			}
		})
	}
}

// listing is everything about a directory that a runtime could change.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintf(&b, "%s %v %d:%d %d\n", path, info.Mode(), st.Uid, st.Gid, st.Rdev)
		if info.Mode().IsRegular() {
			raw, _ := os.ReadFile(path)
			fmt.Fprintf(&b, "%q\n", raw)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Without a cgroup namespace the host's cgroups must not be writable (CVE-2023-25809).
func TestCgroupIsNotWritable(t *testing.T) {
	got := output(t, "mkdir /sys/fs/cgroup/roost-test 2>/dev/null && rmdir /sys/fs/cgroup/roost-test && echo writable || echo fixed", dropNamespace(specs.CgroupNamespace))
	if got != "fixed" {
		t.Errorf("a container may write below /sys/fs/cgroup")
	}
}

func mustFifo(t testing.TB, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
}
