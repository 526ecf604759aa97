package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildah prepares a call with a storage of its own. It knows runtimes by path only.
func buildah(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	need(t, "buildah", "install buildah; it is in contrib/setup.sh test")
	return exec.Command("buildah", append([]string{
		"--root", desk.at("buildah/root"), "--runroot", desk.at("buildah/run"), "--storage-driver", "vfs",
	}, args...)...)
}

// working is a working container with the shared root file system in it, removed when the test ends.
func working(t testing.TB) string {
	t.Helper()
	name := finish(t, buildah(t, "from", "scratch")).want(t, 0).line()
	t.Cleanup(func() { finish(t, buildah(t, "rm", name)).want(t, 0) })
	finish(t, buildah(t, "add", name, desk.tar, "/")).want(t, 0)
	return name
}

func buildahRun(t testing.TB, flags []string, name string, payload ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{"run", "--runtime", desk.runtime, "--isolation", "oci"}, flags...)
	return buildah(t, append(append(args, name, "--"), payload...)...)
}

func TestBuildah(t *testing.T) {
	name := working(t)
	none := []string{"--network", "none"}
	finish(t, buildahRun(t, none, name, "sh", "-c", "id; echo built >/built; grep Seccomp: /proc/self/status")).want(t, 0, "uid=0", "Seccomp:\t2")
	finish(t, buildahRun(t, none, name, "sh", "-c", "exit 5")).want(t, 5)
	finish(t, buildahRun(t, none, name, "no-such-program")).want(t, 1, "executable file not found in $PATH")
	finish(t, buildahRun(t, []string{"--network", "none", "--user", "5", "--cap-add", "all", "-v", desk.dir + ":/mnt:ro"}, name, "sh", "-c", "id; ls /mnt; ! touch /mnt/x")).
		want(t, 0, "uid=5", "rootfs.tar")

	finish(t, buildah(t, "config", "--cmd", "/bin/sh", name)).want(t, 0)
	image := desk.at("image")
	finish(t, buildah(t, "commit", name, "oci:"+image+":latest")).want(t, 0)
	if _, err := os.Stat(filepath.Join(image, "index.json")); err != nil {
		t.Errorf("no image was written: %v", err)
	}
}

func TestBuildahTerminal(t *testing.T) {
	name := working(t)
	finish(t, onTerminal(buildahRun(t, []string{"--network", "none", "-t"}, name, "sh", "-c", "tty; exit 4"))).want(t, 4, "/dev/pts/0")
}

func TestLongBuildahBuild(t *testing.T) {
	context := desk.at("context")
	if err := os.MkdirAll(context, 0o755); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(desk.tar)
	if err != nil {
		t.Fatal(err)
	}
	file := "FROM scratch\nADD rootfs.tar /\nRUN echo built > /x && id -u\nRUN --mount=type=tmpfs,target=/t cat /x && touch /t/y\nUSER 7\nRUN id -u\n"
	for name, text := range map[string]string{"rootfs.tar": string(raw), "Dockerfile": file} {
		if err := os.WriteFile(filepath.Join(context, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := []string{"bud", "--runtime", desk.runtime, "--isolation", "oci", "--network", "none", "--tag", "built", context}
	r := finish(t, buildah(t, build...)).want(t, 0, "built\n", "\n7\n")
	if !strings.Contains(r.Out, "COMMIT") {
		t.Errorf("nothing was committed: %v", r)
	}
	finish(t, buildah(t, "rmi", "--force", "built")).want(t, 0)
}

// Isolation "rootless" is what buildah chooses for an ordinary user by itself.
func TestLongBuildahIsolations(t *testing.T) {
	name := working(t)
	finish(t, buildah(t, "run", "--runtime", desk.runtime, "--isolation", "rootless", "--network", "host", name, "--", "id", "-u")).want(t, 0, "0\n")
}
