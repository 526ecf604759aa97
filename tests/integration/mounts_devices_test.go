package integration

import (
	"os"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func device(path, kind string, major, minor int64, mode os.FileMode, uid, gid uint32) func(*specs.Spec) {
	return func(s *specs.Spec) {
		d := specs.LinuxDevice{Path: path, Type: kind, Major: major, Minor: minor}
		if mode != 0 {
			d.FileMode, d.UID, d.GID = &mode, &uid, &gid
		}
		s.Linux.Devices = append(s.Linux.Devices, d)
	}
}

// plainDev has what the root file system has in /dev, and no tmpfs over it.
var plainDev = with(dropMount("/dev"), dropMount("/dev/pts"), dropMount("/dev/shm"), dropMount("/dev/mqueue"))

// Root makes nodes of its own, with the owner and the mode that are asked for, wherever they are to be.
func TestDevicesAreMade(t *testing.T) {
	needRoost(t)
	needRoot(t)
	root := ownRootfs(t)
	got := output(t, "cd /dev; stat -c '%n %F %t:%T %a %u:%g' null sub/deep/zero block fifo /top 2>&1; head -c 1 sub/deep/zero | wc -c", rootfs(root, false),
		device("/dev/null", "c", 1, 3, 0o640, 0, 50), device("/dev/sub/deep/zero", "u", 1, 5, 0o604, 1000, 50), device("/dev/block", "b", 7, 200, 0o600, 0, 0),
		device("/dev/fifo", "p", 0, 0, 0o622, 7, 8), device("/top", "c", 1, 3, 0, 0, 0))
	want := `null character special file 1:3 640 0:50
sub/deep/zero character special file 1:5 604 1000:50
block block special file 7:c8 600 0:0
fifo fifo 0:0 622 7:8
/top character special file 1:3 666 0:0
1`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// In a user namespace the host's nodes are bound: by their number, wherever the host has them. FIFOs are made.
func TestDevicesAreBound(t *testing.T) {
	needRoost(t)
	sub := with(inUserNamespace, device("/dev/sub/deep/nothing", "c", 1, 3, 0o600, 0, 0), device("/dev/fifo", "p", 0, 0, 0o622, 0, 0), device("/dev/full", "c", 1, 7, 0, 0, 0))
	if got := strings.Join(lines(output(t, "cd /dev; stat -c '%F %t:%T' sub/deep/nothing fifo full; echo x >sub/deep/nothing && echo written; grep -c ' /dev/sub/deep/nothing ' /proc/self/mountinfo", sub)), "|"); got !=
		"character special file 1:3|fifo 0:0|character special file 1:7|written|1" {
		t.Error(got)
	}
	if got := givenUp(t, sub); !strings.Contains(got, "linux.devices[0]: bound from the host, whose owner and mode it keeps") || strings.Contains(got, "devices[1]") || strings.Contains(got, "devices[2]") {
		t.Errorf("state: %q", got)
	}
	refuse(t, []string{"linux.devices[0]", "--degrade devices=warn"}, "run", "--degrade", "devices=deny", "--bundle", newBundle(t, with(sub, func(s *specs.Spec) { s.Linux.Resources = nil })), newID(t))
	refuse(t, []string{"/dev/none", "it has to be there"}, "run", "--bundle", newBundle(t, with(inUserNamespace, device("/dev/none", "c", 240, 77, 0, 0, 0))), newID(t))
	refuse(t, []string{"/dev/none", "it has to be there"}, "run", "--bundle", newBundle(t, with(inUserNamespace, device("/dev/none", "b", 240, 77, 0, 0, 0))), newID(t))
	// A node of this name, and of another kind.
	refuse(t, []string{"/dev/null", "another number"}, "run", "--bundle", newBundle(t, with(inUserNamespace, device("/dev/null", "b", 240, 77, 0, 0, 0))), newID(t))
}

// What the root file system has already is taken if it is the right thing, and as it is.
func TestDevicesThatAreThere(t *testing.T) {
	needRoost(t)
	needRoot(t)
	mknod := func(path string, mode uint32, major, minor uint32) {
		t.Helper()
		os.Remove(path)
		if err := syscall.Mknod(path, mode, int(unix.Mkdev(major, minor))); err != nil {
			t.Skipf("mknod: %v", err)
		}
		syscall.Chmod(path, mode&0o7777)
	}
	root := ownRootfs(t)
	mknod(root+"/dev/mine", syscall.S_IFCHR|0o612, 1, 3)
	mknod(root+"/dev/block", syscall.S_IFBLK|0o600, 7, 200)
	mustFifo(t, root+"/dev/fifo")
	change := with(rootfs(root, false), plainDev, device("/dev/mine", "c", 1, 3, 0o666, 5, 5), device("/dev/block", "b", 7, 200, 0, 0, 0), device("/dev/fifo", "p", 0, 0, 0, 0, 0))
	if got := output(t, "stat -c '%t:%T %a %u' /dev/mine /dev/block /dev/fifo | tr '\\n' ' '", change); got != "1:3 612 0 7:c8 600 0 0:0 644 0" {
		t.Error(got)
	}
	if got := givenUp(t, change); !strings.Contains(got, "/dev/mine is in the root file system already") || strings.Contains(got, "/dev/block") {
		t.Errorf("state: %q", got)
	}
	for name, lay := range map[string]func(path string){
		"another number": func(p string) { mknod(p, syscall.S_IFCHR|0o666, 1, 5) },
		"another kind":   func(p string) { mknod(p, syscall.S_IFBLK|0o666, 1, 3) },
		"a FIFO":         func(p string) { os.Remove(p); mustFifo(t, p) },
		"a file":         func(p string) { os.Remove(p); os.WriteFile(p, nil, 0o666) },
		"a directory":    func(p string) { os.Remove(p); os.Mkdir(p, 0o755) },
		"a link":         func(p string) { os.Remove(p); os.Symlink("null", p) },
	} {
		t.Run(name, func(t *testing.T) {
			lay(root + "/dev/mine")
			refuse(t, []string{"/dev/mine", "something else"}, "run", "--bundle", newBundle(t, change), newID(t))
		})
	}
}

// Directories on the way to a device may be links; what is made stays in the root file system.
func TestDevicesBehindLinks(t *testing.T) {
	needRoost(t)
	root, canary := ownRootfs(t), tempDir(t)
	os.Symlink(canary, root+"/dev/away")
	os.Symlink("../../../../../../.."+canary, root+"/dev/up")
	before := listing(t, canary)
	r := runOnce(t, with(rootfs(root, false), plainDev, device("/dev/away/null", "c", 1, 3, 0, 0, 0), device("/dev/up/fifo", "p", 0, 0, 0, 0, 0),
		sh("[ -c "+canary+"/null ] && [ -p "+canary+"/fifo ] && echo inside")))
	if listing(t, canary) != before {
		t.Errorf("the host was touched: %v", r)
	}
	if r.Code != 0 || r.Stdout != "inside\n" {
		t.Error(r)
	}
}

// Thousands of mounts and of masks are no trouble.
func TestManyMounts(t *testing.T) {
	needRoost(t)
	dir, root := tempDir(t), ownRootfs(t)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < 6000 {
		t.Skip("nofile: 5000 binds take as many descriptors: raise `ulimit -Hn`")
	}
	many := func(s *specs.Spec) {
		for i := range 5000 {
			m := specs.Mount{Destination: "/mnt/" + madeUp(), Type: "bind", Source: dir, Options: []string{"bind", "ro"}}
			if i%2 == 0 {
				m = specs.Mount{Destination: m.Destination, Type: "tmpfs", Source: "tmpfs"}
			}
			s.Mounts = append(s.Mounts, m)
		}
	}
	if got := output(t, "grep -c ' /mnt/' /proc/self/mountinfo", rootfs(root, false), many); got != "5000" {
		t.Error(got)
	}
	masks := func(s *specs.Spec) {
		for range 20000 {
			s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/not/"+madeUp())
		}
		s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/etc/canary")
	}
	if got := output(t, "wc -c </etc/canary", masks); got != "0" {
		t.Error(got)
	}
}
