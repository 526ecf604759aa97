package integration

import (
	"os"
	"strings"
	"sync"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// swapping exchanges two names as fast as it can until stop is called.
func swapping(t testing.TB, a, b string) (stop func()) {
	t.Helper()
	if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
		t.Skipf("renameat2(RENAME_EXCHANGE): %v; needs a file system that has it", err)
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
			}
		}
	}()
	return func() { close(quit); <-done }
}

// What a neighbour with the same volume does to a mount's target while it is mounted on (CVE-2021-30465 and its kin): each
// start fails or is right, and nothing of the host is reached. The test is the neighbour: it can do no less than a container.
func TestSwappedTargets(t *testing.T) {
	needRoost(t)
	starts := 60
	if os.Getenv("ROOST_TEST_LONG") != "" {
		starts = 2000
	}
	for _, c := range []struct {
		name  string
		build func(volume, canary string) (a, b string)
		spec  func(volume string) func(*specs.Spec)
	}{
		{"a directory and a link up to the host", func(volume, canary string) (string, string) {
			os.MkdirAll(volume+"/target/made", 0o755)
			os.Symlink("../../../../../../../.."+canary, volume+"/link")
			return volume + "/target", volume + "/link"
		}, func(string) func(*specs.Spec) {
			return mounted(specs.Mount{Destination: "/data/target/made", Type: "tmpfs", Source: "tmpfs"})
		}},
		{"a directory and an absolute link", func(volume, canary string) (string, string) {
			os.MkdirAll(volume+"/target", 0o755)
			os.Symlink(canary, volume+"/link")
			return volume + "/target", volume + "/link"
		}, func(string) func(*specs.Spec) {
			return mounted(specs.Mount{Destination: "/data/target/new/deep", Type: "tmpfs", Source: "tmpfs"})
		}},
		{"the target of a bind, and a link into proc", func(volume, _ string) (string, string) {
			os.MkdirAll(volume+"/target", 0o755)
			os.Symlink("/proc/self/attr", volume+"/link")
			return volume + "/target", volume + "/link"
		}, func(string) func(*specs.Spec) { return bind(home.rootfs+"/etc", "/data/target", "ro") }},
		{"/dev on the volume", func(volume, canary string) (string, string) {
			os.MkdirAll(volume+"/dev/pts", 0o755)
			os.Symlink(canary, volume+"/link")
			return volume + "/dev", volume + "/link"
		}, func(volume string) func(*specs.Spec) {
			return func(s *specs.Spec) {
				for i := range s.Mounts {
					if rest, ok := strings.CutPrefix(s.Mounts[i].Destination, "/dev"); ok {
						s.Mounts[i].Destination = "/data/dev" + rest
					}
				}
			}
		}},
		{"masked and read-only paths on the volume", func(volume, canary string) (string, string) {
			os.MkdirAll(volume+"/secret", 0o755)
			os.Symlink(canary, volume+"/link")
			return volume + "/secret", volume + "/link"
		}, func(string) func(*specs.Spec) {
			return func(s *specs.Spec) {
				s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/data/secret")
				s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/data/secret")
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			volume, canary := tempDir(t), tempDir(t)
			os.WriteFile(canary+"/file", []byte("untouched"), 0o600)
			before, mounts := listing(t, canary), mountpoints()
			a, b := c.build(volume, canary)
			// An absolute link leads into the container's root, where the target is made then: so it has one of its own.
			bundle := newBundle(t, with(sh("cat /etc/canary; cut -d' ' -f5 /proc/self/mountinfo"), rootfs(ownRootfs(t), false), func(s *specs.Spec) {
				// The volume first: what is mounted on it comes after.
				s.Mounts = append([]specs.Mount{s.Mounts[0], {Destination: "/data", Type: "bind", Source: volume, Options: []string{"rbind"}}}, s.Mounts[1:]...)
			}, c.spec(volume)))
			stop := sync.OnceFunc(swapping(t, a, b))
			defer stop()
			right := 0
			for range starts {
				r := roost(t, "run", "--bundle", bundle, newIDInLoop(t))
				if r.Code == 0 {
					right++
				}
				if r.Code == 0 && !strings.HasPrefix(r.Stdout, "untouched\n") || strings.Contains(r.Stderr, "panic") {
					t.Fatal(r)
				}
			}
			stop()
			t.Logf("%d of %d were right", right, starts)
			if after := listing(t, canary); after != before {
				t.Errorf("the host was touched:\n%s\nbefore:\n%s", after, before)
			}
			if now := mountpoints(); now != mounts {
				t.Errorf("mounts of the host: %s", now)
			}
		})
	}
}

// What is read and written in a proc is trusted, by the runtime and by programs: nothing is mounted into one, however the path leads there, but
// over the few files that tell a container of its limits (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881).
func TestMountsIntoProc(t *testing.T) {
	needRoost(t)
	tmpfs := func(destination string) func(*specs.Spec) {
		return mounted(specs.Mount{Destination: destination, Type: "tmpfs", Source: "tmpfs"})
	}
	dir := tempDir(t)
	if err := os.WriteFile(dir+"/file", []byte("of the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*specs.Spec){
		"a tmpfs on attr":             tmpfs("/proc/self/attr"),
		"a tmpfs on sys":              tmpfs("/proc/sys"),
		"a tmpfs on net":              tmpfs("/proc/1/net"),
		"a file on exe":               bind(dir+"/file", "/proc/1/exe"),
		"a file on a kernel setting":  bind(dir+"/file", "/proc/sys/kernel/hostname"),
		"a tmpfs through a link":      with(tmpfs("/harmless"), func(s *specs.Spec) { s.Root.Path = linked(t, "/harmless", "/proc/sys") }),
		"a file through another link": with(bind(dir+"/file", "/harmless"), func(s *specs.Spec) { s.Root.Path = linked(t, "/harmless", "proc/version") }),
	} {
		t.Run(name, func(t *testing.T) {
			refuse(t, []string{"mounts["}, "run", "--bundle", newBundle(t, change), newID(t))
		})
	}
	if got := output(t, "cat /proc/uptime", bind(dir+"/file", "/proc/uptime")); got != "of the host" {
		t.Errorf("/proc/uptime is %q", got)
	}
}

// linked is a root file system with a link in it.
func linked(t *testing.T, name, target string) string {
	root := ownRootfs(t)
	if err := os.Symlink(target, root+name); err != nil {
		t.Fatal(err)
	}
	return root
}

// newIDInLoop is an id for a container that goes by itself.
func newIDInLoop(t testing.TB) string {
	stateRoot(t)
	return madeUp()
}
