package byhand

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "write the golden files")

// testBase is as much of `roost spec` as Build looks at, so that a change there does not touch these golden files.
func testBase() *specs.Spec {
	return &specs.Spec{
		Version: "1.3.0", Hostname: "roost", Root: &specs.Root{Path: "rootfs", Readonly: true},
		Process: &specs.Process{Args: []string{"sh"}, NoNewPrivileges: true, Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 1024}}},
		Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc", Source: "proc"},
			{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "mode=755"}},
			{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"newinstance", "gid=5"}},
			{Destination: "/dev/shm", Type: "tmpfs", Source: "shm"},
			{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue"},
			{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"ro"}},
			{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"ro"}},
		},
		Linux: &specs.Linux{
			UIDMappings: []specs.LinuxIDMapping{{HostID: 1, Size: 1}},
			Namespaces:  []specs.LinuxNamespace{{Type: specs.PIDNamespace}},
			MaskedPaths: []string{"/proc/kcore"}, ReadonlyPaths: []string{"/proc/sys"},
		},
	}
}

// laptop is an ordinary user of a machine with merged /usr.
func laptop() Facts {
	return Facts{
		UID: 1000, GID: 1000, Cwd: "/home/alice/work", Home: "/home/alice",
		Environ: []string{"HOME=/home/alice", "PATH=/home/alice/bin:/usr/games:/usr/bin:/opt/go/bin", "TERM=foot", "LANG=de_DE.UTF-8", "LC_TIME=C", "TOKEN=secret", "SSH_AUTH_SOCK=/tmp/agent"},
		Private: []Dir{{"/home/alice", true}, {"/run/user/1000", true}},
		Top:     []Top{{Path: "/usr"}, {Path: "/bin", Link: "usr/bin"}, {Path: "/lib64", Link: "usr/lib64"}, {Path: "/etc"}, {Path: "/opt"}, {Path: "/var"}},
		Masks:   []string{"/var/tmp", "/var/log", "/var/spool"},
		Mounts:  []MountPoint{{"/", "8:1", "/", "ext4"}, {"/proc", "0:20", "/", "proc"}, {"/home", "8:2", "/", "ext4"}},
		Sources: map[string]Source{"/home/alice": Directory, "/home/alice/work": Directory, "/data": Directory, "/etc/hosts": File, "/dev/shm": Directory, "/dev/mqueue": Directory},
		EnvFiles: map[string][]string{
			"vars": {"A=1", "TOKEN"},
		},
		Containers: map[string]Container{"db": {Pid: 77, OwnUser: true}, "flat": {Pid: 88}},
	}
}

// withMounts is a laptop with something mounted below /var and /etc.
func withMounts() Facts {
	f := laptop()
	f.Mounts = append(f.Mounts,
		MountPoint{"/etc/resolv.conf", "8:1", "/var/lib/x/resolv.conf", "ext4"},
		MountPoint{"/var/lib/data", "8:3", "/", "xfs"},
		MountPoint{"/var/lib/stick", "8:4", "/", "vfat"})
	var many []string
	for c := range 30 {
		many = append(many, "d"+string(rune('a'+c)))
	}
	f.Children = map[string][]string{"/etc": many, "/var": {"cache", "lib", "log"}, "/var/lib": {"data", "dpkg", "stick"}}
	return f
}

func TestBuildGolden(t *testing.T) {
	rooted := laptop()
	rooted.Rootfs = "/home/alice/work/rootfs"
	root := withMounts()
	root.UID, root.GID, root.Unlocked, root.Home, root.Cwd = 0, 0, true, "/root", "/srv"
	root.Private = []Dir{{"/root", true}}
	odd := laptop()
	odd.Home, odd.Cwd = "/opt/people/alice", "/opt/people/alice/src"
	odd.Private = []Dir{{"/opt/people/alice", true}, {"/var/mirror/alice", true}, {"/usr/share", false}, {"/var/tmp/alice", true}}
	withUser := rooted
	withUser.User = &User{UID: 33, GID: 33, Groups: []uint32{44}}
	network := laptop()
	network.ResolvConf = "/run/systemd/resolve/stub-resolv.conf"

	for _, c := range []struct {
		name string
		o    Options
		f    Facts
	}{
		{"host-copy", Options{Name: "c1", Args: []string{"make"}}, laptop()},
		{"host-copy-mounts-below", Options{Args: []string{"id"}}, withMounts()},
		{"host-copy-root", Options{Args: []string{"id"}}, root},
		{"host-copy-odd-home", Options{Args: []string{"id"}}, odd},
		{"host-copy-home-cwd", Options{Args: []string{"make"}, Volumes: []string{".", "/data:/home/alice/work/data:ro"}, TTY: true, Env: []string{"CC=clang", "TOKEN"}}, laptop()},
		{"host-copy-keep-id", Options{Args: []string{"id"}, UserNS: "keep-id", Home: true, ReadOnly: true}, laptop()},
		{"host-copy-shared", Options{Args: []string{"id"}, Net: "host", PID: "host", IPC: "host", UTS: "host"}, network},
		{"rootfs", Options{Args: []string{"/bin/sh"}, Rootfs: "rootfs", EnvFiles: []string{"vars"}, Hostname: "box"}, rooted},
		{"rootfs-user-read-only", Options{Args: []string{"httpd"}, Rootfs: "rootfs", User: "www", ReadOnly: true, Workdir: "/srv/", Tmpfs: []string{"/tmp:size=10m"}, CapAdd: []string{"net_bind_service"}}, withUser},
		{"rootfs-join", Options{Args: []string{"psql"}, Rootfs: "rootfs", Net: "container:db", Volumes: []string{"."}}, rooted},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := testBase()
			s, err := Build(c.o, c.f, base)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(base, testBase()) {
				t.Error("the base was changed")
			}
			got, _ := json.MarshalIndent(s, "", "  ")
			golden(t, c.name+".json", append(got, '\n'))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what was built (run with -update and look at the difference):\n%s", file, got)
	}
}

// TestNothingPrivate looks at the result as a whole: no default mount may have a private place as its source.
func TestNothingPrivate(t *testing.T) {
	for _, f := range []Facts{laptop(), withMounts()} {
		s, err := Build(Options{Args: []string{"x"}}, f, testBase())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range s.Mounts {
			for _, p := range []string{"/home", "/root", "/run", "/tmp", "/srv", "/mnt"} {
				if within(m.Source, p) || slices.ContainsFunc(m.Options, func(o string) bool { return strings.HasPrefix(o, "lowerdir="+p) }) {
					t.Errorf("%s is shown at %s", p, m.Destination)
				}
			}
		}
		if slices.Contains(s.Process.Env, "TOKEN=secret") || strings.Contains(strings.Join(s.Process.Env, " "), "agent") {
			t.Errorf("environment leaks: %q", s.Process.Env)
		}
	}
}

// TestTopIsHome: a system directory that is itself somebody's home is not shown.
func TestTopIsHome(t *testing.T) {
	f := laptop()
	f.Home, f.Private = "/opt", []Dir{{"/opt", true}}
	s, err := Build(Options{Args: []string{"x"}}, f, testBase())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.Mounts {
		if m.Destination == "/opt" {
			t.Errorf("/opt is shown: %+v", m)
		}
	}
	if !slices.Contains(s.Process.Env, "HOME=/root") {
		t.Errorf("env %q", s.Process.Env)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	f := laptop()
	f.Problems = []Problem{{"--env-file", "x is not there"}}
	_, err := Build(Options{
		Volumes: []string{"data:/d", "/nope:/x", "/data:/d:U", "/data:rel", "/data:/y", "/data:/y", "a:b:c:d"},
		Mounts:  []string{"type=volume,dst=/v"}, Tmpfs: []string{"/"}, Net: "bridge", PID: "container:gone",
		Hostname: "a b", Workdir: "src", CapAdd: []string{"FLY"}, Env: []string{"=x", "A B=1"}, UTS: "private", Init: true,
	}, f, testBase())
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{"--env-file: x is not there", "no named volumes; for the directory write ./data", "/nope is not there", "U would change", "rel is not absolute",
		"/y already has a mount", "more than three parts", "type=volume", "--tmpfs /", "--net bridge", "container \"gone\"", "--hostname", "-w src",
		"--cap-add FLY", "a variable without a name", `"A B" has white space`, "there is no command", "--init"}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in:\n%s", w, err)
		}
	}
	if n := len(err.(*Error).Problems); n != len(want) {
		t.Errorf("%d problems, want %d:\n%s", n, len(want), err)
	}
}

func TestWorkdir(t *testing.T) {
	for _, c := range []struct {
		name, cwd, want string
		o               Options
	}{
		{"not shown", "/home/alice/work", "/home/alice", Options{}},
		{"a volume at the same path", "/home/alice/work", "/home/alice/work", Options{Volumes: []string{"."}}},
		{"below a volume at the same path", "/home/alice/work", "/home/alice/work", Options{Home: true}},
		{"a volume at another path", "/home/alice/work", "/home/alice", Options{Volumes: []string{"/data:/home/alice/work/sub"}}},
		{"shown", "/usr/share/doc", "/usr/share/doc", Options{}},
		{"masked", "/var/log/journal", "/home/alice", Options{}},
		{"a mask itself", "/var/log", "/var/log", Options{}},
		{"gone", "", "/home/alice", Options{}},
		{"said", "/usr", "/opt/x", Options{Workdir: "/opt/x/../x"}},
		{"another root", "/usr/share", "/", Options{Rootfs: "r"}},
		{"another root with a volume", "/home/alice/work", "/home/alice/work", Options{Rootfs: "r", Volumes: []string{"."}}},
		{"throw-away copy of it", "/home/alice/work", "/home/alice/work", Options{Volumes: []string{"/home/alice/work:/home/alice/work:O"}}},
	} {
		f := laptop()
		f.Cwd, f.Rootfs = c.cwd, "/r"
		c.o.Args = []string{"x"}
		s, err := Build(c.o, f, testBase())
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if s.Process.Cwd != c.want {
			t.Errorf("%s: cwd %s, want %s", c.name, s.Process.Cwd, c.want)
		}
	}
}
