package byhand

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The tests here let the kernel judge: a configuration is built for a host that is laid out in a private mount namespace, and its
// mounts are made, in a user namespace below, in the plainest way. Whether the runtime makes them well is the
// runtime's test; whether these are mounts that the kernel grants to an ordinary user, and whether what is to be hidden is
// hidden, is this one's.

const stage = "BYHAND_TEST_STAGE"

func TestMain(m *testing.M) {
	switch os.Getenv(stage) {
	case "probe":
		os.Exit(0)
	case "host":
		os.Exit(report(stageHost()))
	case "container":
		os.Exit(report(stageContainer()))
	}
	os.Exit(m.Run())
}

func report(err error) int {
	if err == nil {
		return 0
	}
	os.Stderr.WriteString(err.Error() + "\n")
	return 1
}

// inNamespaces runs this binary again, as root of new user and mount namespaces, or of a mount namespace alone.
func inNamespaces(which string, newUser bool, stdin []byte) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	// A -race build sleeps for a second at exit otherwise.
	cmd.Env = append(os.Environ(), stage+"="+which, "GORACE=atexit_sleep_ms=0")
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if newUser {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	return cmd
}

// layout is a host's /opt: a home in an odd place, a tool, a mount below, a home's file system mounted twice.
type layout struct {
	Opt       bool // false: the host as it is
	Below     bool // something is mounted below /opt
	NewUser   bool // the container gets a user namespace
	Options   Options
	Home, Cwd string
	Shown     []string // paths that must be there
	Hidden    []string // paths that must not
	Writable  []string // files that can be made
	ReadOnly  []string // files that cannot
}

func TestRealMounts(t *testing.T) {
	if err := inNamespaces("probe", true, nil).Run(); err != nil {
		t.Skipf("needs user namespaces: %v", err)
	}
	here, err := os.MkdirTemp("/tmp", "byhand")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(here)
	os.WriteFile(filepath.Join(here, "file"), []byte("x"), 0o644)

	cases := map[string]layout{
		"the host as it is": {
			NewUser:  true,
			Shown:    []string{"/usr/bin/env", "/bin/sh", "/etc/passwd", "/tmp", "/run", "/root"},
			Hidden:   append(othersHomes(), here, "/run/user", "/srv", "/mnt", "/media", "/work", "/boot"),
			Writable: []string{"/usr/new", "/etc/new", "/tmp/new", "/root/new"}, ReadOnly: []string{"/usr/bin/new"},
		},
		"volumes": {
			NewUser: true, Cwd: here, Options: Options{Volumes: []string{".", ".:/ro:ro", ".:/copy:O"}, Tmpfs: []string{"/usr/scratch"}},
			Shown:    []string{here + "/file", "/ro/file", "/copy/file"},
			Writable: []string{here + "/new", "/copy/copied", "/usr/scratch/new"}, ReadOnly: []string{"/ro/new"},
			Hidden: []string{here + "/copied"},
		},
		"read-only": {
			NewUser: true, Options: Options{ReadOnly: true},
			Shown: []string{"/usr/bin/env"}, Writable: []string{"/tmp/new", "/run/new"}, ReadOnly: []string{"/usr/new", "/etc/new"},
		},
		"home in /opt": {
			Opt: true, NewUser: true, Home: "/opt/people/alice",
			Shown: []string{"/opt/tool/bin", "/opt/people/alice", "/opt/people/bob/pub"}, Hidden: []string{"/opt/people/alice/secret"},
			Writable: []string{"/opt/new", "/opt/people/alice/new", "/opt/tool/new"},
		},
		"home in /opt, asked for": {
			Opt: true, NewUser: true, Home: "/opt/people/alice", Options: Options{Home: true}, Shown: []string{"/opt/people/alice/secret"},
		},
		"a mount below /opt": {
			Opt: true, Below: true, NewUser: true, Home: "/opt/people/alice",
			Shown:    []string{"/opt/tool/bin", "/opt/data/mounted", "/opt/people/bob/pub", "/opt/again"},
			Hidden:   []string{"/opt/people/alice/secret", "/opt/data/beneath", "/opt/again/secret"},
			Writable: []string{"/opt/tool/new", "/opt/data/new", "/opt/people/alice/new"}, ReadOnly: []string{"/opt/new"},
		},
	}
	if os.Geteuid() == 0 {
		// What host-root owns is mapped then, so that nothing below the top is out of reach.
		l := cases["the host as it is"]
		l.Writable, l.ReadOnly = append(l.Writable, l.ReadOnly...), nil
		cases["the host as it is"] = l
		cases["root without a user namespace"] = layout{
			Opt: true, Below: true, Home: "/opt/people/alice",
			Shown:    []string{"/opt/tool/bin", "/opt/data/mounted", "/usr/bin/env"},
			Hidden:   []string{"/opt/people/alice/secret", "/opt/data/beneath", "/opt/again/secret"},
			Writable: []string{"/opt/new", "/opt/tool/new", "/usr/bin/new"}, ReadOnly: []string{"/opt/data/new"},
		}
	}
	for name, l := range cases {
		t.Run(name, func(t *testing.T) {
			in, _ := json.Marshal(l)
			// Root tests root's own case where no user namespace is asked for; mounts of the outer one are locked for the inner.
			out, err := inNamespaces("host", l.NewUser && os.Geteuid() != 0, in).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// othersHomes are what is in /home besides our own, which is there, and empty.
func othersHomes() []string {
	var homes []string
	entries, _ := os.ReadDir("/home")
	for _, e := range entries {
		if path := filepath.Join("/home", e.Name()); path != os.Getenv("HOME") {
			homes = append(homes, path)
		}
	}
	return homes
}

// stageHost lays the host out, builds the configuration there, and hands it on.
func stageHost() error {
	var l layout
	if err := json.NewDecoder(os.Stdin).Decode(&l); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if l.Opt {
		if err := layOut(l.Below); err != nil {
			return err
		}
	}
	if l.Home != "" {
		os.Setenv("HOME", l.Home)
	}
	if l.Cwd != "" {
		if err := os.Chdir(l.Cwd); err != nil {
			return err
		}
	}
	o := l.Options
	o.Args = []string{"true"}
	if l.NewUser {
		o.UserNS = "private"
	}
	f, err := Gather(o, nil)
	if err != nil {
		return err
	}
	s, err := Build(o, f, testBase())
	if err != nil {
		return err
	}
	in, _ := json.Marshal(struct {
		L layout
		S *specs.Spec
	}{l, s})
	cmd := inNamespaces("container", l.NewUser, in)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

func layOut(mountBelow bool) error {
	if err := unix.Mount("tmpfs", "/opt", "tmpfs", 0, "mode=0755"); err != nil {
		return err
	}
	for _, d := range []string{"tool/bin", "people/alice", "people/bob/pub", "data/beneath", "again"} {
		if err := os.MkdirAll("/opt/"+d, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile("/opt/people/alice/secret", []byte("s"), 0o600); err != nil || !mountBelow {
		return err
	}
	if err := unix.Mount("tmpfs", "/opt/data", "tmpfs", 0, "mode=0755"); err != nil {
		return err
	}
	if err := os.Mkdir("/opt/data/mounted", 0o755); err != nil {
		return err
	}
	return unix.Mount("/opt/people/alice", "/opt/again", "", unix.MS_BIND, "")
}

func stageContainer() error {
	var in struct {
		L layout
		S *specs.Spec
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil {
		return err
	}
	if err := makeMounts(in.S.Mounts); err != nil {
		return err
	}
	var ps problems
	for _, p := range in.L.Shown {
		if _, err := os.Stat(p); err != nil {
			ps.add("", "not shown: %v", err)
		}
	}
	for _, p := range in.L.Writable {
		if err := os.WriteFile(p, []byte("x"), 0o644); err != nil {
			ps.add("", "not writable: %v", err)
		}
	}
	for _, p := range in.L.Hidden {
		if _, err := os.Stat(p); err == nil {
			ps.add("", "not hidden: %s", p)
		}
	}
	for _, p := range in.L.ReadOnly {
		if err := os.WriteFile(p, []byte("x"), 0o644); err == nil {
			ps.add("", "writable: %s", p)
		}
	}
	return ps.err()
}

// makeMounts is the plainest runtime there is: no descriptors, no race to win, everything below /tmp/..., then chroot.
func makeMounts(mounts []specs.Mount) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	// Not below /tmp, which the tests bind from: a tmpfs over /mnt belongs to this mount namespace alone.
	work := "/mnt"
	if err := unix.Mount("tmpfs", work, "tmpfs", 0, ""); err != nil {
		return err
	}
	root, layers := work+"/root", work+"/layers"
	os.Mkdir(root, 0o755)
	os.Mkdir(layers, 0o755)
	for i, m := range mounts {
		if slices.Contains([]string{"proc", "sysfs", "devpts", "mqueue", "cgroup"}, m.Type) {
			continue // they need namespaces that are not made here
		}
		if err := makeMount(m, root, filepath.Join(layers, string(rune('A'+i)))); err != nil {
			return &os.PathError{Op: m.Type, Path: m.Destination, Err: err}
		}
	}
	if err := unix.Chroot(root); err != nil {
		return err
	}
	return os.Chdir("/")
}

func makeMount(m specs.Mount, root, layer string) error {
	dst := root + m.Destination
	if m.Type == "symlink" {
		return os.Symlink(m.Source, dst)
	}
	if st, err := os.Stat(m.Source); m.Type == "bind" && err == nil && !st.IsDir() {
		os.MkdirAll(filepath.Dir(dst), 0o755)
		if f, err := os.OpenFile(dst, os.O_CREATE, 0o644); err == nil {
			f.Close()
		}
	} else if err := os.MkdirAll(dst, 0o755); err != nil {
		return err
	}
	readOnly := slices.Contains(m.Options, "ro") || slices.Contains(m.Options, "rro")
	var err error
	switch m.Type {
	case "tmpfs":
		var data []string
		for _, o := range m.Options {
			if strings.Contains(o, "=") {
				data = append(data, o)
			}
		}
		err = unix.Mount("tmpfs", dst, "tmpfs", 0, strings.Join(data, ","))
	case "overlay":
		os.MkdirAll(layer+"/upper", 0o755)
		os.MkdirAll(layer+"/work", 0o755)
		err = unix.Mount("overlay", dst, "overlay", 0, m.Options[0]+",upperdir="+layer+"/upper,workdir="+layer+"/work,userxattr")
	case "bind":
		err = unix.Mount(m.Source, dst, "", unix.MS_BIND|unix.MS_REC, "")
	}
	if err != nil || !readOnly {
		return err
	}
	return unix.MountSetattr(unix.AT_FDCWD, dst, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}
