package integration

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var serial atomic.Int64

func madeUp() string { return fmt.Sprintf("m%d", serial.Add(1)) }

// More of what an image may hold where the runtime puts things. Whatever happens, it happens soon, nothing of the host is
// touched, and what runs has what it was promised.
func TestHostileImages(t *testing.T) {
	needRoost(t)
	plainDev := with(dropMount("/dev"), dropMount("/dev/pts"), dropMount("/dev/shm"), dropMount("/dev/mqueue"))
	for _, c := range []struct {
		name  string
		build func(root, canary string)
		spec  func(*specs.Spec)
		check string // has to succeed inside, if anything runs
	}{
		{"/etc/passwd is a FIFO", func(root, _ string) { os.Remove(root + "/etc/passwd"); syscall.Mkfifo(root+"/etc/passwd", 0o666) },
			func(s *specs.Spec) { s.Process.Env = []string{"PATH=/bin"} }, "[ $HOME = / ]"},
		{"/etc/passwd is a link to the host", func(root, canary string) {
			os.Remove(root + "/etc/passwd")
			os.WriteFile(canary+"/passwd", []byte("root:x:0:0::/of-the-host:/bin/sh\n"), 0o644)
			os.Symlink(canary+"/passwd", root+"/etc/passwd")
		}, func(s *specs.Spec) { s.Process.Env = []string{"PATH=/bin"} }, "[ $HOME = / ]"},
		{"/etc/passwd is a link into proc", func(root, _ string) {
			os.Remove(root + "/etc/passwd")
			os.Symlink("/proc/self/fd/0", root+"/etc/passwd")
		}, func(s *specs.Spec) { s.Process.Env = []string{"PATH=/bin"} }, "[ $HOME = / ]"},
		{"/dev/pts is a link", func(root, canary string) { os.Symlink(canary, root+"/dev/pts") }, dropMount("/dev"), "true"},
		{"/dev/ptmx is a directory", func(root, _ string) { os.Mkdir(root+"/dev/ptmx", 0o755) }, plainDev, "true"},
		{"/dev/fd is a file", func(root, _ string) { os.WriteFile(root+"/dev/fd", nil, 0o644) }, plainDev, "true"},
		{"/dev/tty is a FIFO", func(root, _ string) { syscall.Mkfifo(root+"/dev/tty", 0o666) }, plainDev, "true"},
		{"/dev/null is a FIFO", func(root, _ string) { syscall.Mkfifo(root+"/dev/null", 0o666) }, plainDev, "true"},
		{"/dev/console leads to a file of the image", func(root, _ string) { os.Symlink("../etc/canary", root+"/dev/console") }, plainDev, "[ $(cat /etc/canary) = untouched ]"},
		{"/proc leads into the image", func(root, _ string) { os.Remove(root + "/proc"); os.Symlink("etc", root+"/proc") }, nil, "true"},
		{"/sys leads to /proc", func(root, _ string) { os.Remove(root + "/sys"); os.Symlink("proc", root+"/sys") }, nil, "true"},
		{"a masked path leads to a file of the image", func(root, _ string) { os.Symlink("etc/canary", root+"/secret") },
			func(s *specs.Spec) { s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/secret") }, "[ -z \"$(cat /secret)\" ]"},
		{"a masked path leads to itself", func(root, _ string) { os.Symlink("secret", root+"/secret") },
			func(s *specs.Spec) { s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/secret") }, "true"},
		{"a masked path is a FIFO", func(root, _ string) { syscall.Mkfifo(root+"/secret", 0o666) },
			func(s *specs.Spec) { s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/secret") }, "[ -c /secret ]"},
		{"a read-only path leads to the host", func(root, canary string) { os.Symlink(canary, root+"/secret") },
			func(s *specs.Spec) { s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/secret") }, "true"},
		{"the working directory is a FIFO", func(root, _ string) { syscall.Mkfifo(root+"/work", 0o666) },
			func(s *specs.Spec) { s.Process.Cwd = "/work" }, "true"},
		{"the program is a FIFO", func(root, _ string) { os.Remove(root + "/bin/sh"); syscall.Mkfifo(root+"/bin/sh", 0o777) }, nil, "true"},
		{"the program is a device", func(root, _ string) { os.Remove(root + "/bin/sh"); os.Symlink("/dev/zero", root+"/bin/sh") }, nil, "true"},
		{"forty-one links", func(root, _ string) {
			os.Symlink("/tmp", root+"/l0")
			for i := range 41 {
				os.Symlink(fmt.Sprintf("l%d", i), fmt.Sprintf("%s/l%d", root, i+1))
			}
		}, mounted(specs.Mount{Destination: "/l41/x", Type: "tmpfs", Source: "tmpfs"}), "true"},
	} {
		for _, terminal := range []bool{false, true} {
			name := c.name
			if terminal {
				name += ", with a terminal"
			}
			t.Run(name, func(t *testing.T) {
				root, canary := ownRootfs(t), tempDir(t)
				os.WriteFile(canary+"/file", []byte("untouched"), 0o600)
				c.build(root, canary)
				before, nodes := listing(t, canary), hostNodes(t)
				change := with(rootfs(root, false), sh(c.check+" && echo right"), func(s *specs.Spec) {
					s.Process.Terminal = terminal
					if c.spec != nil {
						c.spec(s)
					}
				})
				r := runOnce(t, change)
				t.Logf("exit %d %s", r.Code, r.Stderr)
				if strings.Contains(r.Stderr, "panic") || r.Code == 0 && !strings.Contains(r.Stdout, "right") || r.Code != 0 && r.Stderr == "" {
					t.Error(r)
				}
				if after := listing(t, canary); after != before {
					t.Errorf("the host was touched:\n%s\nbefore:\n%s", after, before)
				}
				if after := hostNodes(t); after != nodes {
					t.Errorf("nodes of the host: %s, before %s", after, nodes)
				}
			})
		}
	}
}

// hostNodes is what a runtime that is led astray would change.
func hostNodes(t testing.TB) string {
	t.Helper()
	var all []string
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty", "ptmx"} {
		var st syscall.Stat_t
		if err := syscall.Stat("/dev/"+name, &st); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %o %d:%d %x", name, st.Mode, st.Uid, st.Gid, st.Rdev))
	}
	return strings.Join(all, ", ")
}
