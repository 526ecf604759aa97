package clients

import (
	"os"
	"strings"
	"testing"
)

// A flag of `podman run`, what runs with it and what it says. Each is another shape of configuration.
func TestLongPodmanFlags(t *testing.T) {
	share := t.TempDir()
	if err := os.Chmod(share, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, flags, payload string
		says                 []string
	}{
		{"memory", "--tmpfs /t:size=1m,mode=700", "mount | grep ' /t '", []string{"size=1024k"}},
		{"read-only", "--read-only --tmpfs /run2", "touch /tmp/x /run/x /run2/x /var/tmp/x && ! touch /bin/x", nil},
		{"volume", "-v " + share + ":/mnt:ro,z", "grep ' /mnt ' /proc/self/mountinfo; ! touch /mnt/x", []string{"ro"}},
		{"propagation", "-v " + share + ":/mnt:rw,rslave,noexec", "grep ' /mnt ' /proc/self/mountinfo", []string{"noexec"}},
		{"tmpfs", "--mount type=tmpfs,dst=/t,tmpfs-size=1m", "mount | grep ' /t '", []string{"tmpfs"}},
		{"sysctl", "--sysctl net.ipv4.ip_forward=1", "cat /proc/sys/net/ipv4/ip_forward", []string{"1"}},
		{"oom", "--oom-score-adj 100", "cat /proc/self/oom_score_adj", []string{"100"}},
		{"mask", "--security-opt mask=/etc/canary --security-opt unmask=/proc/acpi", "wc -c </etc/canary", []string{"0"}},
		{"groups", "--group-add 27", "id", []string{"27"}},
		{"keep-groups", "--group-add keep-groups", "id", nil},
		{"user", "--user 1000:1000", "id", []string{"uid=1000"}},
		{"no-capability", "--cap-drop all --user 5", "id; grep CapEff /proc/self/status", []string{"uid=5", "0000000000000000"}},
		{"device", "--device /dev/null:/dev/mynull", "echo x >/dev/mynull; ls -l /dev/mynull", []string{"1,   3"}},
		{"privileged", "--privileged", "grep -e Seccomp: -e CapEff /proc/self/status; ls /dev", []string{"Seccomp:\t0", "full"}},
		{"host-network", "--network host", "readlink /proc/self/ns/net", nil},
		{"host-pid", "--pid host", "ls -d /proc/1", nil},
		{"host-uts", "--uts host", "hostname", nil},
		{"host-cgroupns", "--cgroupns host", "cat /proc/self/cgroup", nil},
		{"private-cgroupns", "--cgroupns private", "cat /proc/self/cgroup", []string{"0::/"}},
		{"uid-map", "--uidmap 0:1:1000", "cat /proc/self/uid_map; id", []string{"1000"}},
		{"umask", "--umask 0077 --tz UTC --hostname h --add-host a:1.2.3.4", "umask; hostname; grep 1.2.3.4 /etc/hosts", []string{"0077", "\nh\n"}},
		{"systemd", "--systemd always", "mount | grep -e ' /run ' -e ' /tmp '", []string{"tmpfs"}},
		{"rlimit", "--ulimit nofile=100:200 --ulimit nproc=1000:1000", "ulimit -n; ulimit -Hn", []string{"100", "200"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			finish(t, run(t, append([]string{"--rm"}, strings.Fields(c.flags)...), "sh", "-c", c.payload)).want(t, 0, c.says...)
		})
	}
}

// Podman asks for it by a flag that is crun's, and only of runtimes that it knows to have it.
func TestLongPodmanNoCgroups(t *testing.T) {
	if !isRoost() {
		t.Skipf("roost: the drop-in says so of roost; %s may not have the flag", desk.runtime)
	}
	finish(t, run(t, []string{"--rm", "--cgroups", "disabled"}, "id", "-u")).want(t, 0, "0\n")
}

func TestLongPodmanUserNamespaces(t *testing.T) {
	needUser(t)
	finish(t, run(t, []string{"--rm", "--userns", "nomap"}, "id", "-u")).want(t, 0, "0\n")
	finish(t, run(t, []string{"--rm", "--userns", "keep-id", "--user", "0:0"}, "sh", "-c", "id -u; touch /etc/x 2>&1 || echo refused")).want(t, 0, "0\n")
	finish(t, podman(t, "pod", "create", "--name", "keep", "--network", "none", "--userns", "keep-id")).want(t, 0)
	t.Cleanup(func() { finish(t, podman(t, "pod", "rm", "--force", "--time", "0", "keep")).want(t, 0) })
	finish(t, podman(t, "run", "--rm", "--pod", "keep", "--rootfs", desk.rootfs, "id", "-u")).want(t, 0, itoa(os.Getuid()))
}

// What roost does not do yet is refused in words, by it or by the engine before, and hurts nothing.
func TestLongPodmanRefused(t *testing.T) {
	name := service(t)
	r := finish(t, podman(t, "container", "checkpoint", name))
	if r.Code == 0 {
		t.Errorf("checkpoint: %v", r)
	}
	r.want(t, 125, "Error: ")
	if isRoost() {
		r = finish(t, podman(t, "pause", name))
		if r.Code != 0 {
			r.want(t, 125, "pause")
		} else {
			finish(t, podman(t, "unpause", name)).want(t, 0)
		}
	}
	finish(t, podman(t, "exec", name, "true")).want(t, 0)
}

// Limits: podman drops them for users without cgroup delegation on cgroup v1, saying so; what reaches roost and cannot be had here is
// refused by its path.
func TestLongPodmanLimits(t *testing.T) {
	r := finish(t, run(t, []string{"--rm", "--memory", "100m"}, "true"))
	switch {
	case r.Code == 0 && !isRoot():
		return
	case isRoost() && r.Code != 0:
		r.want(t, 126, "linux.resources.memory.limit")
	}
}

func TestLongPodmanNetwork(t *testing.T) {
	needUser(t)
	need(t, "slirp4netns", "install slirp4netns")
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err != nil {
		t.Skipf("tun: %v", err)
	} else {
		f.Close()
	}
	finish(t, podman(t, "run", "--rm", "--network", "slirp4netns", "--rootfs", desk.rootfs, "ip", "addr", "show", "tap0")).want(t, 0, "10.0.2.100")
}

func TestLongPodmanPreserve(t *testing.T) {
	cmd := run(t, []string{"--rm", "--preserve-fds", "1"}, "sh", "-c", "cat <&3")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString("through descriptor 3\n")
	w.Close()
	cmd.ExtraFiles = []*os.File{r}
	finish(t, cmd).want(t, 0, "through descriptor 3")
}
