package integration

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/false
alice:x:1000:1000::/home/alice:/bin/sh
homeless:x:1001:1001::/does/not/exist:/bin/sh
`

const group = `root:x:0:
daemon:x:1:
audio:x:29:alice
video:x:44:alice
alice:x:1000:
`

// makeRootfs makes a root file system of one static busybox and its names. It has no files of the host, and directories
// for the mounts of a default configuration.
func makeRootfs(dir string) error {
	busybox, err := findBusybox()
	if err != nil {
		return err
	}
	for _, d := range []string{"bin", "sbin", "etc", "proc", "sys", "dev", "tmp", "run", "root", "home/alice", "mnt", "usr/bin", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	if err := copyFile(busybox, filepath.Join(dir, "bin/busybox"), 0o755); err != nil {
		return err
	}
	out, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(string(out)) {
		if name != "busybox" {
			if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
				return err
			}
		}
	}
	for name, text := range map[string]string{"etc/passwd": passwd, "etc/group": group, "etc/canary": "untouched\n", "mnt/file": "lower\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/not-executable"), []byte("#!/bin/sh\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bin/not-a-program"), []byte("no magic\x00"), 0o755)
}

// findBusybox wants the static one: Debian's plain busybox needs libc, which the root file system does not have.
func findBusybox() (string, error) {
	for _, path := range []string{os.Getenv("ROOST_TEST_BUSYBOX"), "/bin/busybox", "/usr/bin/busybox", "/bin/busybox-static", "/bin/busybox.static"} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Size() > 1<<20 {
			return path, nil
		}
	}
	return "", fmt.Errorf("no static busybox; install busybox-static, or set ROOST_TEST_BUSYBOX")
}

func copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// ownRootfs makes a root file system that the test may write to and may spoil.
func ownRootfs(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(tempDir(t), "rootfs")
	if err := makeRootfs(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mount is one line of mountinfo.
type mount struct{ point, options, fstype, source, super, fields string }

func mountinfo(pid string) (mounts []mount) {
	f, err := os.Open("/proc/" + pid + "/mountinfo")
	if err != nil {
		return nil
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		mounts = append(mounts, parseMount(in.Text()))
	}
	return mounts
}

// parseMount takes "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue".
func parseMount(line string) mount {
	front, back, _ := strings.Cut(line, " - ")
	a, b := strings.Fields(front), strings.Fields(back)
	if len(a) < 6 || len(b) < 2 {
		return mount{}
	}
	m := mount{point: a[4], options: a[5], fields: strings.Join(a[6:], " "), fstype: b[0], source: b[1]}
	if len(b) > 2 {
		m.super = b[2]
	}
	return m
}

// mountsOf are the mounts that a container's process saw, from `cat /proc/self/mountinfo` in it.
func mountsOf(text string) map[string]mount {
	mounts := map[string]mount{}
	for _, l := range lines(text) {
		m := parseMount(l)
		mounts[m.point] = m // the last one is on top
	}
	return mounts
}

// has says whether a comma list has an option.
func has(list, option string) bool {
	return strings.Contains(","+list+",", ","+option+",")
}

// subIDs are the first ranges of the caller in /etc/subuid and /etc/subgid.
func subIDs() (uid, gid uint32, ok bool) {
	uid, a := firstRange("/etc/subuid")
	gid, b := firstRange("/etc/subgid")
	return uid, gid, a && b
}

func firstRange(path string) (uint32, bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	me := strconv.Itoa(os.Getuid())
	name := loginName()
	for _, l := range strings.Split(string(raw), "\n") {
		f := strings.Split(l, ":")
		if len(f) == 3 && (f[0] == name && name != "" || f[0] == me) {
			if n, err := strconv.ParseUint(f[1], 10, 32); err == nil {
				return uint32(n), true
			}
		}
	}
	return 0, false
}

func loginName() string {
	out, err := exec.Command("id", "-un").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
