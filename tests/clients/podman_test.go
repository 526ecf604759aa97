package clients

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// podman prepares a call with a storage of its own. The runtime is named, not given by path, so that what the drop-in
// says of it holds.
func podman(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	need(t, "podman", "install podman; it is in contrib/setup.sh test")
	need(t, "conmon", "install conmon")
	return exec.Command("podman", append([]string{
		"--root", desk.at("store/root"), "--runroot", desk.at("store/run"), "--tmpdir", desk.at("xdg/libpod/tmp"),
		"--storage-driver", "overlay", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "roost",
	}, args...)...)
}

// run is `podman run` over the shared root file system. No network: what there is of it is not the runtime's.
func run(t testing.TB, flags []string, payload ...string) *exec.Cmd {
	t.Helper()
	args := []string{"run"}
	if !slices.Contains(flags, "--cgroups") {
		args = append(args, parent()...)
	}
	if !slices.Contains(flags, "--network") {
		args = append(args, "--network", "none")
	}
	return podman(t, append(append(append(args, flags...), "--rootfs", desk.rootfs), payload...)...)
}

// parent puts root's cgroups below one of ours, to be removed at the end. Others have none to put.
func parent() []string {
	if !isRoot() {
		return nil
	}
	return []string{"--cgroup-parent", desk.cgroup}
}

// service starts a container that lives until its test ends, and returns its name.
func service(t testing.TB, flags ...string) string {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	finish(t, run(t, append([]string{"--detach", "--name", name}, flags...), "sh", "-c", sleeper)).want(t, 0)
	t.Cleanup(func() { finish(t, podman(t, "rm", "--force", "--time", "0", name)).want(t, 0) })
	return name
}

func TestPodmanRun(t *testing.T) {
	r := finish(t, run(t, []string{"--rm"}, "sh", "-c", "id -u; hostname; echo to-stderr >&2; exit 7")).want(t, 7, "0\n", "to-stderr")
	if r.line() == "" {
		t.Error("no output")
	}
	for _, fail := range []struct {
		code  int
		words string
		args  []string
	}{
		{127, "executable file not found in", []string{"no-such-program"}},
		{127, "no such file or directory", []string{"/no/such/program"}},
		{126, "permission denied", []string{"/etc/canary"}},
		{137, "", []string{"sh", "-c", "kill -9 $$; sleep 1"}},
	} {
		t.Run(strings.Trim(strings.ReplaceAll(fail.args[0], "/", "-"), "-"), func(t *testing.T) {
			if fail.code == 137 {
				// Of pid 1 only a handler or the outside gets rid: the runtime's own child has to be another one.
				finish(t, run(t, []string{"--rm", "--init"}, fail.args...)).want(t, fail.code)
				return
			}
			finish(t, run(t, []string{"--rm"}, fail.args...)).want(t, fail.code, fail.words)
		})
	}
}

// What podman always asks for is there: its seccomp profile, its capabilities, the masks, umask and the sysctl.
func TestPodmanDefaults(t *testing.T) {
	script := `grep -e Seccomp: -e CapEff -e CapBnd -e NoNewPrivs /proc/self/status; umask; wc -c </proc/keys; cat /proc/sys/net/ipv4/ping_group_range
		mount | grep -c " on /dev/shm "; touch /proc/sys/kernel/hostname 2>&1; unshare -n true 2>&1; echo x >/sys/x; ls /sys/firmware | wc -l`
	r := finish(t, run(t, []string{"--rm"}, "sh", "-c", script))
	r.want(t, 0, "Seccomp:\t2", "NoNewPrivs:\t0", "0022\n", "\n1\n").lacks(t, "CapEff:\t000001f")
	if !isRoot() {
		r.want(t, 0, "0\t0\n")
	}
	finish(t, run(t, []string{"--rm", "--security-opt", "seccomp=unconfined", "--security-opt", "no-new-privileges", "--cap-drop", "all"},
		"grep", "-e", "Seccomp:", "-e", "NoNewPrivs", "-e", "CapEff", "/proc/self/status")).
		want(t, 0, "Seccomp:\t0", "NoNewPrivs:\t1", "CapEff:\t0000000000000000")
}

func TestPodmanTerminal(t *testing.T) {
	// podman hands the size of its own terminal on after the start. conmon 2.1.6 drops what a terminal said last when its process ends at
	// once, under any runtime (a third of the runs with runc and with roost on a busy machine; none with a pause): hence the pauses.
	script := `tty; until [ "$(stty size)" = "33 77" ]; do sleep 0.1; done; sleep 1; exit 5`
	finish(t, onTerminal(run(t, []string{"--rm", "-it"}, "sh", "-c", script))).want(t, 5, "/dev/pts/0")
	name := service(t)
	finish(t, onTerminal(podman(t, "exec", "-it", name, "sh", "-c", "tty; sleep 1; exit 6"))).want(t, 6, "/dev/pts/")
}

func TestPodmanExec(t *testing.T) {
	name := service(t)
	finish(t, podman(t, "exec", "-e", "A=b c", "-w", "/tmp", name, "sh", "-c", `echo "$A $PWD"; exit 9`)).want(t, 9, "b c /tmp")
	finish(t, podman(t, "exec", "-u", "1000:1000", name, "id")).want(t, 0, "uid=1000", "gid=1000")
	finish(t, podman(t, "exec", "--privileged", name, "grep", "CapEff", "/proc/self/status")).want(t, 0, "ffffff")
	finish(t, podman(t, "exec", name, "no-such-program")).want(t, 127, "executable file not found in")
	finish(t, podman(t, "exec", name, "/etc/canary")).want(t, 126, "permission denied")
	finish(t, podman(t, "exec", "-d", name, "sh", "-c", "echo detached >/tmp/detached")).want(t, 0)
	eventually(t, "the detached process writes", func() bool {
		return finish(t, podman(t, "exec", name, "cat", "/tmp/detached")).Code == 0
	})
	feed := podman(t, "exec", "-i", name, "cat")
	feed.Stdin = strings.NewReader("through exec\n")
	finish(t, feed).want(t, 0, "through exec")
}

func TestPodmanLifecycle(t *testing.T) {
	name := service(t)
	eventually(t, "its output is logged", func() bool { return strings.Contains(finish(t, podman(t, "logs", name)).Out, "up") })
	finish(t, podman(t, "inspect", "--format", "{{.OCIRuntime}} {{.State.Status}} {{.State.Running}}", name)).want(t, 0, "roost running true")
	finish(t, podman(t, "top", name, "pid", "args")).want(t, 0, "sleep")
	finish(t, podman(t, "kill", "--signal", "USR1", name)).want(t, 0)
	eventually(t, "the signal arrives", func() bool { return strings.Contains(finish(t, podman(t, "logs", name)).Out, "usr1") })
	finish(t, podman(t, "stop", "--time", "10", name)).want(t, 0)
	finish(t, podman(t, "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name)).want(t, 0, "exited 3")
	finish(t, podman(t, "start", name)).want(t, 0)
	finish(t, podman(t, "restart", "--time", "10", name)).want(t, 0)
	finish(t, podman(t, "kill", name)).want(t, 0)
	finish(t, podman(t, "wait", name)).want(t, 0, "137")
	finish(t, podman(t, "events", "--stream=false", "--filter", "container="+name, "--format", "{{.Status}}")).
		want(t, 0, "create", "init", "start", "died", "kill", "restart")
}

func TestPodmanCreated(t *testing.T) {
	finish(t, podman(t, append(append([]string{"create", "--network", "none", "--name", "made"}, parent()...), "--rootfs", desk.rootfs, "true")...)).want(t, 0)
	t.Cleanup(func() { finish(t, podman(t, "rm", "--force", "--time", "0", "made")).want(t, 0) })
	finish(t, podman(t, "init", "made")).want(t, 0)
	finish(t, podman(t, "inspect", "--format", "{{.State.Status}}", "made")).want(t, 0, "initialized")
	finish(t, podman(t, "start", "--attach", "made")).want(t, 0)
}

func TestPodmanKeepID(t *testing.T) {
	needUser(t)
	me := itoa(os.Getuid())
	finish(t, run(t, []string{"--rm", "--userns", "keep-id"}, "sh", "-c", "id -u; cat /proc/self/uid_map")).want(t, 0, me+"\n")
}

func TestPodmanInit(t *testing.T) {
	need(t, "catatonit", "install catatonit")
	finish(t, run(t, []string{"--rm", "--init"}, "cat", "/proc/1/cmdline")).want(t, 0, "/run/podman-init")
}

func TestPodmanPod(t *testing.T) {
	need(t, "catatonit", "install catatonit")
	args := []string{"pod", "create", "--name", "pod", "--network", "none"}
	finish(t, podman(t, append(args, parent()...)...)).want(t, 0)
	t.Cleanup(func() { finish(t, podman(t, "pod", "rm", "--force", "--time", "0", "pod")).want(t, 0) })
	in := func(payload ...string) *exec.Cmd {
		return podman(t, append([]string{"run", "--rm", "--pod", "pod", "--rootfs", desk.rootfs}, payload...)...)
	}
	finish(t, in("hostname")).want(t, 0, "pod")
	first := finish(t, in("ls", "-l", "/proc/self/ns/net", "/proc/self/ns/ipc")).want(t, 0)
	second := finish(t, in("ls", "-l", "/proc/self/ns/net", "/proc/self/ns/ipc")).want(t, 0)
	// "… net -> net:[4026532000]": the inode is the namespace.
	for _, kind := range []string{"net", "ipc"} {
		_, one, _ := strings.Cut(first.Out, kind+":[")
		_, two, _ := strings.Cut(second.Out, kind+":[")
		one, _, _ = strings.Cut(one, "]")
		two, _, _ = strings.Cut(two, "]")
		if one == "" || one != two {
			t.Errorf("two containers of one pod do not share their %s namespace: %v and %v", kind, first, second)
		}
	}
	finish(t, podman(t, "pod", "inspect", "--format", "{{.State}}", "pod")).want(t, 0)
}

func TestPodmanHealth(t *testing.T) {
	name := service(t, "--health-cmd", "test -e /etc/canary", "--health-interval", "disable")
	finish(t, podman(t, "healthcheck", "run", name)).want(t, 0)
	finish(t, podman(t, "exec", name, "mv", "/etc/canary", "/etc/hidden")).want(t, 0)
	defer func() { finish(t, podman(t, "exec", name, "mv", "/etc/hidden", "/etc/canary")).want(t, 0) }()
	finish(t, podman(t, "healthcheck", "run", name)).want(t, 1)
}

func TestPodmanImport(t *testing.T) {
	finish(t, podman(t, "import", desk.tar, "imported")).want(t, 0)
	t.Cleanup(func() { finish(t, podman(t, "rmi", "--force", "imported")).want(t, 0) })
	args := append([]string{"run", "--rm", "--network", "none"}, parent()...)
	finish(t, podman(t, append(args, "imported", "cat", "/etc/canary")...)).want(t, 0, "untouched")
	finish(t, podman(t, append(args, "--read-only", "--tmpfs", "/mnt", "imported", "sh", "-c", "touch /tmp/x /mnt/x && ! touch /etc/x")...)).want(t, 0)
}
