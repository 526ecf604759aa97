package spec

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// What ParseOptions makes of an option is tried on a real mount, in a namespace of its own: the flags that statfs and
// mountinfo then show are the ones that were asked for.
func TestOptionsInTheKernel(t *testing.T) {
	if os.Getenv("SPEC_TEST_INSIDE") != "" {
		insideTest(t)
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestOptionsInTheKernel$", "-test.v")
	cmd.Env = append(os.Environ(), "SPEC_TEST_INSIDE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EACCES) {
		t.Skipf("needs user namespaces: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: TestOptionsInTheKernel") {
		t.Fatalf("did not run inside:\n%s", out)
	}
}

func insideTest(t *testing.T) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	for options, want := range map[string]string{
		"":                               "rw,relatime",
		"ro,nosuid,nodev,noexec":         "ro,nosuid,nodev,noexec,relatime",
		"nosuid,suid":                    "rw,relatime",
		"noatime":                        "rw,noatime",
		"noatime,nodiratime":             "rw,noatime,nodiratime",
		"strictatime":                    "rw",
		"noatime,strictatime":            "rw",
		"strictatime,relatime":           "rw,relatime",
		"nosymfollow":                    "rw,relatime,nosymfollow",
		"rro,rnoatime":                   "ro,noatime",
		"ro,rrw":                         "rw,relatime",
		"mode=711,size=64k,lazytime":     "rw,relatime",
		"private,rslave,sync,noiversion": "rw,relatime",
	} {
		if got := mountWith(t, strings.Split(options, ",")); got != want {
			t.Errorf("%s: the kernel shows %s, want %s", options, got, want)
		}
	}
}

// mountWith mounts a tmpfs by the new mount interface and returns the mount's options in mountinfo.
func mountWith(t *testing.T, options []string) string {
	t.Helper()
	if options[0] == "" {
		options = nil
	}
	m, problems := ParseOptions(options)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	dir := t.TempDir()
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	must(t, "fsopen", err)
	defer unix.Close(fs)
	for _, f := range m.SBFlags {
		must(t, f, unix.FsconfigSetFlag(fs, f))
	}
	for _, d := range m.Data {
		key, value, _ := strings.Cut(d, "=")
		must(t, d, unix.FsconfigSetString(fs, key, value))
	}
	must(t, "create", unix.FsconfigCreate(fs))
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	must(t, "fsmount", err)
	defer unix.Close(mnt)
	must(t, "mount_setattr", unix.MountSetattr(mnt, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: m.Set, Attr_clr: m.Clear}))
	must(t, "mount_setattr, recursive", unix.MountSetattr(mnt, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: m.RecSet, Attr_clr: m.RecClear}))
	must(t, "move_mount", unix.MoveMount(mnt, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	for _, p := range m.Propagation {
		must(t, "propagation", unix.Mount("", dir, "", uintptr(p), ""))
	}
	info, err := os.ReadFile("/proc/self/mountinfo")
	must(t, "mountinfo", err)
	for line := range strings.Lines(string(info)) {
		if f := strings.Fields(line); f[4] == dir {
			return f[5]
		}
	}
	t.Fatal("not mounted")
	return ""
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}
