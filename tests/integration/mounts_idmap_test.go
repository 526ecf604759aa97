package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func ids(containerID, hostID, size uint32) []specs.LinuxIDMapping {
	return []specs.LinuxIDMapping{{ContainerID: containerID, HostID: hostID, Size: size}}
}

// owned is a directory with a file of each of these owners, whose names are the owners.
func owned(t testing.TB, owners ...string) string {
	t.Helper()
	dir := tempDir(t)
	for _, o := range owners {
		var uid, gid int
		if _, err := fmt.Sscanf(o, "%d:%d", &uid, &gid); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, o)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Lchown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// wholeMap gives the container a user namespace of root's, where 0 is 100000 and so on.
func wholeMap(s *specs.Spec) { mapped(ids(0, 100000, 65536), ids(0, 100000, 65536))(s) }

const owners = "for f in *; do stat -c '%n %u:%g' $f; done; touch new; stat -c '%n %u:%g' new"

// Root maps what it binds: by the mount's own mapping or the container's, with and without a user namespace.
func TestIDMappedBind(t *testing.T) {
	needRoost(t)
	needRoot(t)
	m := func(dir string, uids, gids []specs.LinuxIDMapping, options ...string) func(*specs.Spec) {
		return mounted(specs.Mount{Destination: "/mnt", Type: "bind", Source: dir, Options: append([]string{"rbind"}, options...), UIDMappings: uids, GIDMappings: gids})
	}
	for _, c := range []struct {
		name   string
		change func(dir string) func(*specs.Spec)
		inside string
		newIs  string // on the host
	}{
		{"by the container's user namespace", func(dir string) func(*specs.Spec) { return with(wholeMap, m(dir, nil, nil, "idmap")) },
			"0:0 0:0|1000:50 1000:50|new 0:0", "0:0"},
		{"with all below", func(dir string) func(*specs.Spec) { return with(wholeMap, m(dir, nil, nil, "ridmap")) },
			"0:0 0:0|1000:50 1000:50|new 0:0", "0:0"},
		{"not at all", func(dir string) func(*specs.Spec) {
			return with(wholeMap, func(*specs.Spec) { os.Chmod(dir, 0o777) }, m(dir, nil, nil))
		},
			"0:0 65534:65534|1000:50 65534:65534|new 0:0", "100000:100000"},
		{"by the mount, without a user namespace", func(dir string) func(*specs.Spec) {
			return m(dir, ids(1000, 0, 1), ids(50, 0, 1), "idmap")
		}, "0:0 65534:65534|1000:50 0:0|new 0:0", "1000:50"},
		{"by the mount, with a user namespace", func(dir string) func(*specs.Spec) {
			return with(wholeMap, m(dir, ids(1000, 100000, 1), ids(50, 100000, 1), "idmap"))
		}, "0:0 65534:65534|1000:50 0:0|new 0:0", "1000:50"},
		{"by the mount, and the option is not there", func(dir string) func(*specs.Spec) {
			return m(dir, ids(1000, 0, 1), ids(50, 0, 1))
		}, "0:0 65534:65534|1000:50 0:0|new 0:0", "1000:50"},
		{"by the option itself", func(dir string) func(*specs.Spec) {
			return m(dir, nil, nil, "idmap=uids=1000-0-1;gids=50-0-1")
		}, "0:0 65534:65534|1000:50 0:0|new 0:0", "1000:50"},
		{"by ids of the container", func(dir string) func(*specs.Spec) {
			return with(wholeMap, m(dir, nil, nil, "idmap=uids=@1000-0-1;gids=@50-0-1"))
		}, "0:0 65534:65534|1000:50 0:0|new 0:0", "1000:50"},
		{"read-only", func(dir string) func(*specs.Spec) {
			return with(wholeMap, m(dir, nil, nil, "idmap", "ro"))
		}, "0:0 0:0|1000:50 1000:50", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := owned(t, "0:0", "1000:50")
			if err := os.Chown(dir, 1000, 50); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(c.name, "container") || c.name == "with all below" || c.name == "read-only" {
				os.Chown(dir, 0, 0)
			}
			if strings.Contains(c.name, "by ids") {
				os.Chown(dir, 1000, 50)
			}
			got := output(t, "cd /mnt; "+owners+" 2>/dev/null; true", c.change(dir))
			if got = strings.Join(lines(got), "|"); got != c.inside {
				t.Errorf("inside: %s, want %s", got, c.inside)
			}
			if c.newIs != "" {
				var st unix.Stat_t
				if err := unix.Stat(dir+"/new", &st); err != nil {
					t.Fatal(err)
				}
				if on := fmt.Sprintf("%d:%d", st.Uid, st.Gid); on != c.newIs {
					t.Errorf("what was made inside is %s's on the host, not %s's", on, c.newIs)
				}
			}
		})
	}
}

// What is mounted below is mapped with ridmap alone.
func TestIDMapBelow(t *testing.T) {
	needRoost(t)
	needRoot(t)
	for _, c := range []struct{ option, want string }{{"idmap", "0:0 65534:65534"}, {"ridmap", "0:0 0:0"}} {
		top := owned(t, "0:0")
		below := owned(t, "0:0")
		if err := os.Mkdir(top+"/below", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(below, top+"/below", "", unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		got := output(t, "stat -c %u:%g /mnt/0:0 /mnt/below/0:0 | tr '\\n' ' '", wholeMap,
			mounted(specs.Mount{Destination: "/mnt", Type: "bind", Source: top, Options: []string{"rbind", c.option}}))
		if err := unix.Unmount(top+"/below", 0); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.option, got, c.want)
		}
	}
}

// needIDMappedTmpfs is for Linux 6.3.
func needIDMappedTmpfs(t testing.TB) {
	t.Helper()
	var u unix.Utsname
	var major, minor int
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	if major < 6 || major == 6 && minor < 3 {
		t.Skipf("id-mapped tmpfs: Linux %d.%d has none", major, minor)
	}
}

// A new file system is mapped, too: root's with and without a user namespace of the container's, a user's in the one that
// the container has.
func TestIDMappedTmpfs(t *testing.T) {
	needRoost(t)
	needIDMappedTmpfs(t)
	tmpfs := func(uids, gids []specs.LinuxIDMapping, options ...string) func(*specs.Spec) {
		return mounted(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", Options: append([]string{"mode=0777"}, options...), UIDMappings: uids, GIDMappings: gids})
	}
	var cases []struct {
		name   string
		change func(*specs.Spec)
		want   string
	}
	add := func(name, want string, change ...func(*specs.Spec)) {
		cases = append(cases, struct {
			name   string
			change func(*specs.Spec)
			want   string
		}{name, with(change...), want})
	}
	// The root of a tmpfs is 0's of the file system; what is made by 0 of the container is of the id that becomes it.
	if isRoot() {
		add("root, no user namespace", "1000:50 0:0", tmpfs(ids(0, 1000, 2), ids(0, 50, 2), "idmap"), writable(1000, 50))
		add("root, a user namespace", "5:6 5:6", wholeMap, tmpfs(ids(0, 100005, 1), ids(0, 100006, 1), "idmap"), writable(5, 6))
		add("root, the container's mapping", "0:0 0:0", wholeMap, tmpfs(nil, nil, "idmap"), writable(0, 0))
	} else {
		needSubIDs(t)
		uid, gid, _ := subIDs()
		own := func(s *specs.Spec) {
			mapped(append(ids(0, uint32(os.Getuid()), 1), ids(1, uid, 1000)...), append(ids(0, uint32(os.Getgid()), 1), ids(1, gid, 1000)...))(s)
		}
		add("a user, by ids that the container has", "5:6 5:6", own, tmpfs(ids(0, uid+4, 1), ids(0, gid+5, 1), "idmap"), writable(5, 6))
		add("a user, two mounts and two mappings", "7:8 7:8", own, mounted(specs.Mount{Destination: "/other", Type: "tmpfs", Source: "tmpfs",
			UIDMappings: ids(0, uid, 5), GIDMappings: ids(0, gid, 5)}), tmpfs(ids(0, uid+6, 1), ids(0, gid+7, 1), "idmap"), writable(7, 8), rootfs(ownRootfs(t), false))
		add("a user, the container's mapping", "0:0 0:0", own, tmpfs(nil, nil, "idmap"), writable(0, 0))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := output(t, "stat -c %u:%g /mnt; touch /mnt/new && stat -c %u:%g /mnt/new", c.change)
			if got = strings.Join(lines(got), " "); got != c.want && !strings.HasPrefix(c.want, "1000") || strings.HasPrefix(c.want, "1000") && got != "1000:50 1000:50" {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// writable runs the process as this user of the container.
func writable(uid, gid uint32) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.User = specs.User{UID: uid, GID: gid} }
}

// What cannot be mapped is refused, with the reason; or, if it may be given up, listed.
func TestIDMapRefused(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	bind := with(mounted(specs.Mount{Destination: "/mnt", Type: "bind", Source: dir, Options: []string{"bind", "idmap"}}))
	if isRoot() {
		refuse(t, []string{"mounts[", "has no user namespace that says how to map", "uidMappings"}, "run", "--bundle", newBundle(t, bind), newID(t))
		// proc has no id-mapped mounts.
		bind = mounted(specs.Mount{Destination: "/mnt", Type: "bind", Source: "/proc", Options: []string{"rbind", "ridmap"}, UIDMappings: ids(0, 1, 1), GIDMappings: ids(0, 1, 1)})
		refuse(t, []string{"mounts[", "map the ids of /mnt", "invalid argument", "--degrade idmap=warn"}, "run", "--bundle", newBundle(t, bind), newID(t))
	} else {
		refuse(t, []string{"mounts[", "id-mapped", "only root", dir, "--degrade idmap=warn"}, "run", "--bundle", newBundle(t, bind), newID(t))
		refuse(t, []string{"mounts[", "id-mapped", "12345"}, "run", "--bundle",
			newBundle(t, mounted(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "tmpfs", UIDMappings: ids(0, 12345, 1), GIDMappings: ids(0, 12345, 1)})), newID(t))
	}
	if got := givenUp(t, bind, "--degrade", "idmap=ignore"); !strings.Contains(got, "id-mapped") {
		t.Errorf("state: %q", got)
	}
}

// Who is root of a user namespace maps what belongs to it: a tmpfs that was mounted there, bound into a container.
func TestIDMapInOwnUserNamespace(t *testing.T) {
	needIDMappedTmpfs(t)
	needRoost(t)
	needSubIDs(t)
	if isRoot() {
		t.Skip("user: root maps anything")
	}
	bundle := newBundle(t, func(s *specs.Spec) {
		dropNamespace(specs.UserNamespace)(s)
		s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "bind", Source: home.dir + "/mapped", Options: []string{"bind", "idmap"},
			UIDMappings: ids(0, 7, 1), GIDMappings: ids(0, 8, 1)})
		s.Process.Args = []string{"/bin/stat", "-c", "%u:%g", "/mnt/file"}
	})
	if err := os.Mkdir(home.dir+"/mapped", 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(home.dir + "/mapped")
	cmd := command(t, "run", "--bundle", bundle, newID(t))
	outer := command(t, "unshare", "sh", "-c", `mount -t tmpfs tmpfs `+home.dir+`/mapped && touch `+home.dir+`/mapped/file && exec "$@"`, "sh", cmd.Path)
	outer.Args = append(outer.Args, cmd.Args[1:]...)
	if _, err := exec.LookPath("mount"); err != nil {
		t.Skip("mount: install it")
	}
	if r := finish(t, outer); r.Code != 0 || strings.TrimSpace(r.Stdout) != "7:8" {
		t.Error(r)
	}
}
