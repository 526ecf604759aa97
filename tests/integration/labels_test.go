package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func hasAppArmor() bool {
	raw, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.HasPrefix(string(raw), "Y")
}

func hasSELinux() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/selinux", &fs) == nil && uint32(fs.Type) == unix.SELINUX_MAGIC
}

func apparmor(profile string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.ApparmorProfile = profile }
}

func selinux(process, mounts string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.SelinuxLabel, s.Linux.MountLabel = process, mounts }
}

// Who asks for a label relies on it: where nothing keeps it that is an error before anything is made, and never silence.
func TestLabelsWithoutTheirModules(t *testing.T) {
	needRoost(t)
	for _, c := range []struct {
		name, path, word string
		there            bool
		change           func(*specs.Spec)
	}{
		{"AppArmor", "process.apparmorProfile", "apparmor profile box cannot be applied: apparmor is not enabled on the system", hasAppArmor(), apparmor("box")},
		{"SELinux", "process.selinuxLabel", "selinux label is specified in config, but selinux is disabled or not supported", hasSELinux(), selinux("a:b:c", "")},
		{"SELinux of mounts", "linux.mountLabel", "selinux label is specified in config, but selinux is disabled or not supported", hasSELinux(), selinux("", "a:b:c")},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.there {
				t.Skipf("%s: it is enabled here", c.name)
			}
			refuse(t, []string{"config.json: " + c.path + ": " + c.word, "--degrade label=warn"}, "run", "--bundle", newBundle(t, c.change), newID(t))
			id := newID(t)
			must(t, "run", "--detach", "--degrade", "label=warn", "--bundle", newBundle(t, with(sh(sleeper), c.change)), id)
			if degraded := state(t, id).Annotations["run.roost.degraded"]; !strings.Contains(degraded, c.path) {
				t.Errorf("state: %q", degraded)
			}
			must(t, "delete", "--force", id)
		})
	}
	id := start(t, sh(sleeper))
	if !hasAppArmor() {
		refuse(t, []string{"apparmorProfile: apparmor profile box cannot be applied: apparmor is not enabled"}, "exec", "--apparmor", "box", id, "/bin/true")
		must(t, "exec", "--apparmor", "box", "--degrade", "label=ignore", id, "/bin/true")
		must(t, "exec", "--apparmor", "unconfined", id, "/bin/true") // which it is
	}
	if !hasSELinux() {
		refuse(t, []string{"selinuxLabel: selinux label is specified"}, "exec", "--process-label", "a:b:c", id, "/bin/true")
	}
	must(t, "delete", "--force", id)
}

// apparmorProfile loads one that forbids to write below /tmp, and names it.
func apparmorProfile(t testing.TB) string {
	t.Helper()
	if !hasAppArmor() {
		t.Skip("AppArmor: the kernel has none, or it is off")
	}
	needRoot(t)
	parser, err := exec.LookPath("apparmor_parser")
	if err != nil {
		parser = "/sbin/apparmor_parser"
	}
	const name = "roost-test"
	file := filepath.Join(tempDir(t), "profile")
	const profile = "profile " + name + " flags=(attach_disconnected,mediate_deleted) {\n\tfile,\n\tcapability,\n\tsignal,\n\tptrace,\n\tdeny /tmp/** w,\n}\n"
	if err := os.WriteFile(file, []byte(profile), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(parser, "--replace", "--skip-cache", file).CombinedOutput(); err != nil {
		t.Fatalf("apparmor_parser: %v: %s; install apparmor", err, out)
	}
	t.Cleanup(func() { _ = exec.Command(parser, "--remove", file).Run() })
	return name
}

// The profile is in force when the program starts, in the container's first process and in those of exec; whatever the container has
// at /proc.
func TestAppArmorProfile(t *testing.T) {
	needRoost(t)
	profile := apparmorProfile(t)
	const script = "cat /proc/self/attr/current; touch /tmp/x 2>/dev/null && echo written || echo denied"
	want := profile + " (enforce)\ndenied"
	tmp := func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"})
	}
	if got := output(t, script, apparmor(profile), tmp); got != want {
		t.Errorf("run: %q", got)
	}
	if got := output(t, script, apparmor(profile), tmp, ownUsers); got != want {
		t.Errorf("run in a user namespace: %q", got)
	}
	id := start(t, with(sh(sleeper), apparmor(profile), tmp))
	if got := strings.TrimSpace(must(t, "exec", id, "/bin/sh", "-c", script).Stdout); got != want {
		t.Errorf("exec has not the container's: %q", got)
	}
	must(t, "delete", "--force", id)
	id = start(t, with(sh(sleeper), tmp))
	if got := strings.TrimSpace(must(t, "exec", "--apparmor", profile, id, "/bin/sh", "-c", script).Stdout); got != want {
		t.Errorf("exec --apparmor: %q", got)
	}
	must(t, "delete", "--force", id)
	refuse(t, []string{"apply the apparmor profile no-such-profile", "no such file or directory", "apparmor_parser", "--degrade label=warn"},
		"run", "--bundle", newBundle(t, apparmor("no-such-profile")), newID(t))
}

// playLabels says how SELinux labels it, and files.
func playLabels() error {
	current, err := os.ReadFile("/proc/self/attr/current")
	fmt.Println(string(current))
	for _, path := range os.Args[1:] {
		b := make([]byte, 256)
		n, e := unix.Lgetxattr(path, "security.selinux", b)
		fmt.Println(path, string(b[:max(0, n)]))
		err = errors.Join(err, e)
	}
	return err
}

// A process and its files get the labels of the configuration.
func TestSELinuxLabels(t *testing.T) {
	needRoost(t)
	if !hasSELinux() {
		t.Skip("SELinux: the kernel has none, or it is off")
	}
	needRoot(t)
	const process, files = "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"
	r := runOnce(t, with(selinux(process, files), playing(t, "labels", "/dev", "/dev/null", "/dev/shm", "/dev/pts", "/dev/mqueue")))
	if r.Code != 0 || !strings.HasPrefix(r.Stdout, process) || strings.Count(r.Stdout, files) != 5 {
		t.Errorf("%v", r)
	}
	id := start(t, with(sh(sleeper), selinux(process, files)))
	if got := must(t, "exec", id, "/bin/cat", "/proc/self/attr/current").Stdout; !strings.HasPrefix(got, process) {
		t.Errorf("exec: %q", got)
	}
	must(t, "delete", "--force", id)
}
