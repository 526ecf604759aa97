package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// sharedMount is a tmpfs of the host whose mounts are shared.
func sharedMount(t testing.TB) string {
	t.Helper()
	needRoot(t)
	dir := tempDir(t)
	mountOn(t, "tmpfs", dir)
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mountOn mounts a tmpfs or a directory; it is gone when the test ends, if it still is there.
func mountOn(t testing.TB, source, dir string) {
	t.Helper()
	fs, flags := "tmpfs", uintptr(0)
	if source != "tmpfs" {
		fs, flags = "", unix.MS_BIND
	}
	if err := unix.Mount(source, dir, fs, flags, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for unix.Unmount(dir, unix.MNT_DETACH) == nil {
		}
	})
}

// mounting lets a container mount.
func mounting(s *specs.Spec) {
	allCaps("CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_KILL")(s)
	sh(sleeper)(s)
}

// pointsIn are the mounts that a container has below a path.
func pointsIn(t testing.TB, id, path string) (points []string) {
	t.Helper()
	for _, l := range lines(must(t, "exec", id, "cat", "/proc/self/mountinfo").Stdout) {
		if m := parseMount(l); strings.HasPrefix(m.point+"/", strings.TrimSuffix(path, "/")+"/") {
			points = append(points, m.point)
		}
	}
	return points
}

// Who sees what the other mounts.
func TestWhoSeesMounts(t *testing.T) {
	needRoost(t)
	needRoot(t)
	for _, c := range []struct {
		root, bind          string
		toInside, toOutside bool
	}{
		{"", "", false, false},
		{"", "rprivate", false, false},
		{"", "rslave", true, false},
		{"", "rshared", true, false}, // a peer group of the container's own, which follows the host's
		{"", "runbindable", false, false},
		{"rprivate", "", false, false},
		{"rslave", "", true, false},
		{"rslave", "rprivate", false, false},
		{"rshared", "", true, true},
		{"rshared", "rshared", true, true},
		{"rshared", "rslave", true, false},
		{"rshared", "rprivate", false, false},
		{"unbindable", "slave", true, false},
	} {
		t.Run(fmt.Sprintf("root %q, bind %q", c.root, c.bind), func(t *testing.T) {
			volume := sharedMount(t)
			os.MkdirAll(volume+"/host", 0o755)
			os.MkdirAll(volume+"/container", 0o755)
			options := []string{"rbind"}
			if c.bind != "" {
				options = append(options, c.bind)
			}
			id := start(t, with(mounting, mounted(specs.Mount{Destination: "/mnt", Type: "bind", Source: volume, Options: options}),
				func(s *specs.Spec) { s.Linux.RootfsPropagation = c.root }))
			mountOn(t, "tmpfs", volume+"/host")
			if sees := contains(pointsIn(t, id, "/mnt"), "/mnt/host"); sees != c.toInside {
				t.Errorf("what the host mounts is seen inside: %v", sees)
			}
			must(t, "exec", id, "mount", "-t", "tmpfs", "tmpfs", "/mnt/container")
			outside := false
			for _, m := range mountinfo("self") {
				outside = outside || m.point == volume+"/container"
			}
			if outside != c.toOutside {
				t.Errorf("what the container mounts is seen outside: %v", outside)
			}
			if outside {
				unix.Unmount(volume+"/container", unix.MNT_DETACH)
			}
			must(t, "delete", "--force", id)
		})
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// The root file system on a shared mount: nothing of the container's mounts gets out, whatever rootfsPropagation says; what the
// host mounts gets in where it is slave, and nowhere else.
func TestRootfsOnSharedMount(t *testing.T) {
	needRoost(t)
	needRoot(t)
	for _, c := range []struct {
		word, fields string
		follows      bool
	}{
		{"", "", false}, {"private", "", false}, {"rprivate", "", false}, {"shared", "shared:", false}, {"rshared", "shared:", false},
		{"slave", "master:", true}, {"rslave", "master:", true}, {"unbindable", "unbindable", false}, {"runbindable", "unbindable", false},
	} {
		t.Run(c.word, func(t *testing.T) {
			volume := sharedMount(t)
			root := volume + "/rootfs"
			if err := makeRootfs(root); err != nil {
				t.Fatal(err)
			}
			id := start(t, with(mounting, rootfs(root, false), func(s *specs.Spec) { s.Linux.RootfsPropagation = c.word }))
			m := mountsOf(must(t, "exec", id, "cat", "/proc/self/mountinfo").Stdout)["/"]
			if c.fields == "" && m.fields != "" || !strings.Contains(m.fields, c.fields) || c.word != "slave" && c.word != "rslave" && strings.Contains(m.fields, "master:") {
				t.Errorf("the root is %q", m.fields)
			}
			must(t, "exec", id, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
			for _, m := range mountinfo("self") {
				if strings.HasPrefix(m.point, volume+"/") {
					t.Errorf("the host sees %s", m.point)
				}
			}
			mountOn(t, "tmpfs", root+"/home")
			if sees := contains(pointsIn(t, id, "/"), "/home"); sees != c.follows {
				t.Errorf("what the host mounts is seen inside: %v", sees)
			}
			must(t, "delete", "--force", id)
		})
	}
}

// A mount can be unbindable, and a tree can be made so as a whole.
func TestUnbindable(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	for _, word := range []string{"unbindable", "runbindable"} {
		m := mountsOf(output(t, "cat /proc/self/mountinfo", rootfs(ownRootfs(t), false), bind("/dev", "/hostdev", "rbind", word), bind(dir, "/mnt", "private")))
		if m["/hostdev"].fields != "unbindable" || (m["/hostdev/pts"].fields == "unbindable") != (word == "runbindable") {
			t.Errorf("%s: %q, below %q", word, m["/hostdev"].fields, m["/hostdev/pts"].fields)
		}
	}
}

// A container holds nothing of the host but what it was given: a mount of the host's can go while it runs, and its file system
// with it; in a created one, too, and without pivot_root.
func TestNothingOfTheHostIsPinned(t *testing.T) {
	needRoost(t)
	needRoot(t)
	for _, c := range []struct {
		name    string
		flags   []string
		created bool
	}{{"running", nil, false}, {"created", nil, true}, {"without pivot_root", []string{"--no-pivot"}, false}} {
		t.Run(c.name, func(t *testing.T) {
			dir, id := tempDir(t), newID(t)
			mountOn(t, "tmpfs", dir)
			var st unix.Stat_t
			if err := unix.Stat(dir, &st); err != nil {
				t.Fatal(err)
			}
			device := fmt.Sprintf(" %d:%d ", unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev))) //nolint:unconvert // it has 32 bits on mips
			command := []string{"run", "--detach"}
			if c.created {
				command = []string{"create"}
			}
			must(t, append(append(command, c.flags...), "--bundle", newBundle(t, sh(sleeper)), id)...)
			if err := unix.Unmount(dir, 0); err != nil {
				t.Errorf("the host's mount is busy: %v", err)
			}
			all, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
			for _, path := range all {
				if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), device) {
					t.Errorf("%s still has it", path)
				}
			}
			// And what the host mounts now is not to be seen inside.
			mountOn(t, "tmpfs", dir)
			for _, m := range mountinfo(fmt.Sprint(state(t, id).Pid)) {
				if strings.HasPrefix(m.point, dir) || m.point == "/home" {
					t.Errorf("the container has %s", m.point)
				}
			}
			must(t, "delete", "--force", id)
		})
	}
}
