package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Inside, mountinfo has what the configuration asked for, and nothing of the host's.
func TestMountinfoIsTheContainers(t *testing.T) {
	needRoost(t)
	for _, flags := range [][]string{nil, {"--no-pivot"}} {
		r := runOnce(t, with(sh("cat /proc/self/mountinfo"), func(s *specs.Spec) { s.Linux.RootfsPropagation = "" }), flags...)
		if r.Code != 0 {
			t.Fatal(r)
		}
		for point, m := range mountsOf(r.Stdout) {
			first := "/" + strings.Split(point, "/")[1]
			if !slices.Contains([]string{"/", "/proc", "/dev", "/sys"}, first) {
				t.Errorf("%v: %+v", flags, m)
			}
			// What comes from the host hears of it, where the host's mounts are shared; it never tells it anything.
			if m.fields != "" && !strings.HasPrefix(m.fields, "master:") {
				t.Errorf("%v: %s is %s", flags, point, m.fields)
			}
		}
	}
}

// Without pivot_root the container's root covers the host's. What else the host has mounted is gone, or covered.
func TestNoPivot(t *testing.T) {
	needRoost(t)
	root := ownRootfs(t)
	script := "ls / | tr '\\n' ' '; touch /written; cd /; cd ../../..; echo; pwd; ls -d /work /var/lib 2>/dev/null; cat /etc/canary; true"
	r := runOnce(t, with(rootfs(root, false), sh(script)), "--no-pivot")
	if r.Code != 0 || !exists(root+"/written") || exists("/written") {
		t.Error(r)
	}
	if got := strings.Join(lines(r.Stdout), "|"); !strings.HasPrefix(got, "bin dev etc home mnt proc root run sbin sys tmp usr var") || !strings.HasSuffix(got, "|/|untouched") {
		t.Error(got)
	}
	if got := givenUp(t, rootfs(root, false), "--no-pivot"); !strings.Contains(got, "the host's root stays below the container's") {
		t.Errorf("state: %q", got)
	}
	for _, word := range []string{"private", "rprivate"} {
		refuse(t, []string{"rootfsPropagation of [r]private is not safe without pivot_root"}, "run", "--no-pivot",
			"--bundle", newBundle(t, func(s *specs.Spec) { s.Linux.RootfsPropagation = word }), newID(t))
	}
	m := mountsOf(runOnce(t, with(rootfs(root, false), sh("cat /proc/self/mountinfo"), func(s *specs.Spec) { s.Linux.RootfsPropagation = "shared" }), "--no-pivot").Stdout)
	if !strings.Contains(m["/"].fields, "shared:") {
		t.Errorf("shared: %q", m["/"].fields)
	}
}

// playBelow takes the container's root away and looks at what it covered.
func playBelow() error {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	ns, err := os.Open("/proc/self/ns/mnt")
	if err != nil {
		return err
	}
	if err := unix.Unmount("/", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("umount /: %w", err)
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("setns: %w", err)
	}
	names, _ := filepath.Glob("/proc/*")
	fmt.Println("proc has", len(names))
	names, _ = filepath.Glob("/sys/*")
	fmt.Println("sys has", len(names))
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		fmt.Println("proc:", err)
		return nil
	}
	raw, err := os.ReadFile("/proc/self/mountinfo")
	fmt.Print(string(raw))
	return err
}

// Who may unmount in the container finds, below its root, what that lies on, and nothing else of root's host; a user's, where
// mounts are locked, finds proc and sysfs covered.
func TestNoPivotBelow(t *testing.T) {
	needRoost(t)
	r := runOnce(t, with(rootfs(ownRootfs(t), false), playing(t, "below"), allCaps("CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_DAC_OVERRIDE")), "--no-pivot")
	got := lines(r.Stdout)
	if r.Code != 0 || len(got) < 3 || got[0] != "proc has 0" || got[1] != "sys has 0" {
		t.Fatal(r)
	}
	if !isRoot() {
		return // what is locked stays, see docs/mounts.md
	}
	var points []string
	for _, l := range got[2:] {
		if m := parseMount(l); m.point != "/proc" && !strings.HasPrefix(home.dir+"/", strings.TrimSuffix(m.point, "/")+"/") {
			points = append(points, l)
		}
	}
	if points != nil {
		t.Errorf("left of the host:\n%s", strings.Join(points, "\n"))
	}
}

// Without a mount namespace there is a chroot alone: nothing is mounted, and nothing made.
func TestChroot(t *testing.T) {
	needRoost(t)
	root := ownRootfs(t)
	bare := func(s *specs.Spec) {
		dropNamespace(specs.MountNamespace)(s)
		s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil, nil
		rootfs(root, false)(s)
	}
	before := listing(t, root+"/dev")
	mounts := mountpoints()
	got := output(t, "ls -A /dev | wc -l; cat /etc/canary; ls /proc | wc -l; pwd; echo $$; (cd ../../../..; ls)", bare)
	if strings.Join(lines(got)[:4], "|") != "0|untouched|0|/" || strings.Contains(got, "work") {
		t.Error(got)
	}
	if listing(t, root+"/dev") != before || mountpoints() != mounts {
		t.Error("something was made in /dev, or mounted")
	}
	if got := givenUp(t, bare); !strings.Contains(got, "no mount namespace: /dev is as the root file system has it") {
		t.Errorf("state: %q", got)
	}
	id := start(t, with(bare, sh(sleeper)))
	if r := must(t, "exec", id, "cat", "/etc/canary"); r.Stdout != "untouched\n" {
		t.Error(r)
	}
	must(t, "delete", "--force", id)
	for name, c := range map[string]struct {
		change func(*specs.Spec)
		word   string
	}{
		"mounts":          {mounted(specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"}), "mounts"},
		"masks":           {func(s *specs.Spec) { s.Linux.MaskedPaths = []string{"/etc"} }, "linux.maskedPaths"},
		"read-only paths": {func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/etc"} }, "linux.readonlyPaths"},
		"read-only root":  {func(s *specs.Spec) { s.Root.Readonly = true }, "root.readonly"},
		"propagation":     {func(s *specs.Spec) { s.Linux.RootfsPropagation = "slave" }, "linux.rootfsPropagation"},
		"devices": {func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229}}
		}, "linux.devices"},
	} {
		t.Run(name, func(t *testing.T) {
			refuse(t, []string{c.word, `"mount"`, "mounts=warn"}, "run", "--degrade", "mounts=deny", "--bundle", newBundle(t, with(bare, c.change)), newID(t))
			// Else it runs without, says so, and the host has none of it.
			r := roost(t, "run", "--bundle", newBundle(t, with(bare, c.change, sh("cat /etc/canary"))), newID(t))
			if r.Code != 0 || r.Stdout != "untouched\n" || !strings.Contains(r.Stderr, c.word) || listing(t, root+"/dev") != before || mountpoints() != mounts {
				t.Error(r)
			}
			if got := givenUp(t, with(bare, c.change)); !strings.Contains(got, c.word) {
				t.Errorf("state: %q", got)
			}
		})
	}
}
