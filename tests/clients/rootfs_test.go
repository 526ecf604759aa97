package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// makeRootfs makes a root file system of one static busybox and its names.
func makeRootfs(dir string) error {
	busybox, err := findBusybox()
	if err != nil {
		return err
	}
	for _, d := range []string{"bin", "etc", "proc", "sys", "dev", "tmp", "run", "root", "mnt", "var/tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	raw, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), raw, 0o755); err != nil {
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
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n", "etc/canary": "untouched\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	// Where engines mount things: a user namespace in which the owner of the tree has no id can make none of them.
	for _, name := range []string{"etc/hosts", "etc/hostname", "etc/resolv.conf", "run/.containerenv", "run/podman-init"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			return err
		}
	}
	return os.Chmod(filepath.Join(dir, "tmp"), 0o1777)
}

// findBusybox wants the static one: Debian's plain busybox needs libc, which the root file system does not have.
func findBusybox() (string, error) {
	for _, path := range []string{os.Getenv("ROOST_TEST_BUSYBOX"), "/bin/busybox", "/usr/bin/busybox"} {
		if info, err := os.Stat(path); path != "" && err == nil && info.Size() > 1<<20 {
			return path, nil
		}
	}
	return "", fmt.Errorf("no static busybox; install busybox-static, or set ROOST_TEST_BUSYBOX")
}
