package integration

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// givenUp runs a container and gives what `state` lists.
func givenUp(t testing.TB, change func(*specs.Spec), flags ...string) string {
	t.Helper()
	id := newID(t)
	must(t, append(append([]string{"run", "--detach", "--bundle", newBundle(t, with(change, sh(sleeper)))}, flags...), id)...)
	return state(t, id).Annotations["run.roost.degraded"]
}

// inUserNamespace gives the container one with a single id, whoever calls: what is refused in there is refused as for a user.
func inUserNamespace(s *specs.Spec) {
	id := uint32(0)
	if !isRoot() {
		return // it has one already
	}
	one := []specs.LinuxIDMapping{{ContainerID: 0, HostID: id, Size: 1}}
	mapped(one, one)(s)
	for i := range s.Mounts { // ids that are not mapped
		if s.Mounts[i].Type == "devpts" {
			s.Mounts[i].Options = []string{"newinstance", "ptmxmode=0666"}
		}
	}
}

// A sysfs belongs to a network namespace. Where that is not the container's, the host's stands in, read-only, and what is masked
// and made read-only stays so.
func TestSysfsStandIn(t *testing.T) {
	needRoost(t)
	shared := with(inUserNamespace, dropNamespace(specs.NetworkNamespace), replaceSys("sysfs"))
	script := `awk '$5 == "/sys"' /proc/self/mountinfo; [ -d /sys/class/net/lo ] && echo lo; ls -A /sys/firmware
for f in /sys/x /sys/kernel/x; do mkdir $f 2>&1; done; echo 1 2>&1 >/sys/kernel/uevent_seqnum | sed 's/.*: //'`
	got := lines(output(t, script, shared))
	point := parseMount(got[0])
	if point.fstype != "sysfs" || !has(point.options, "ro") || !has(point.options, "nosuid") || !has(point.options, "nodev") || !has(point.options, "noexec") {
		t.Errorf("mounted: %+v", point)
	}
	rest := strings.Join(got[1:], "|")
	if !strings.HasPrefix(rest, "lo|") || strings.Count(rest, "Read-only file system") < 2 {
		t.Errorf("%s", rest)
	}
	if got := givenUp(t, shared); !strings.Contains(got, "sysfs cannot be mounted here; /sys of the host stands in for it, read-only") {
		t.Errorf("state: %q", got)
	}
	bundle := newBundle(t, shared)
	refuse(t, []string{"mounts[", "mount sysfs on /sys", "network namespace", "--degrade sysfs=warn"}, "run", "--degrade", "sysfs=deny", "--bundle", bundle, newID(t))
	if r := must(t, "run", "--degrade", "sysfs=warn", "--bundle", bundle, newID(t)); !strings.Contains(r.Stderr, "/sys of the host stands in") {
		t.Errorf("no warning: %v", r)
	}
	// An annotation may only be stricter.
	strict := with(shared, func(s *specs.Spec) { s.Annotations = map[string]string{"run.roost.degrade": "sysfs=deny"} })
	refuse(t, []string{"--degrade sysfs=warn"}, "run", "--bundle", newBundle(t, strict), newID(t))
}

func replaceSys(kind string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		replaceMount(s, specs.Mount{Destination: "/sys", Type: kind, Source: kind, Options: []string{"nosuid", "noexec", "nodev"}})
	}
}

// A proc belongs to a pid namespace. Without one of its own, the container gets the one outside: to look at itself, not to
// change the machine.
func TestProcStandIn(t *testing.T) {
	needRoost(t)
	shared := with(inUserNamespace, dropNamespace(specs.PIDNamespace), func(s *specs.Spec) {
		s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = []string{"/proc/keys", "/proc/kcore"}, nil
	})
	script := `awk '$5 == "/proc"' /proc/self/mountinfo; [ $(readlink /proc/self) -gt 1 ] && grep -c ^Pid: /proc/self/status
echo through /dev/stdin | cat /dev/stdin; wc -c </proc/keys
(echo 0 >/proc/sys/kernel/panic) 2>&1 | sed 's/.*: //'; (echo 1 >/proc/self/oom_score_adj) 2>&1 | sed 's/.*: //'`
	got := lines(output(t, script, shared))
	point := parseMount(got[0])
	if point.fstype != "proc" || !has(point.options, "ro") {
		t.Errorf("mounted: %+v", point)
	}
	want := "1|through /dev/stdin|0|Read-only file system|Read-only file system"
	if rest := strings.Join(got[1:], "|"); rest != want {
		t.Errorf("got %s\nwant %s", rest, want)
	}
	if got := givenUp(t, shared); !strings.Contains(got, "/proc of the host stands in for it, read-only") {
		t.Errorf("state: %q", got)
	}
	refuse(t, []string{"mount proc on /proc", "--degrade proc=warn"}, "run", "--degrade", "proc=deny", "--bundle", newBundle(t, shared), newID(t))
}

// In a container whose /proc hides things, as a CI job is in, the kernel mounts no new proc. The one outside, with what hides
// it, stands in for a container that has a user namespace of its own; without one its processes could enter those outside.
func TestProcBehindMasks(t *testing.T) {
	needRoost(t)
	hidden := func(bundle, more string) result {
		cmd := command(t, "run", "--bundle", bundle, newID(t))
		cmd.Args = append([]string{"unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
			`mount -t tmpfs -o ro,size=4k hide /proc/tty && exec ` + more + ` "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path, _ = exec.LookPath("unshare")
		return finish(t, cmd)
	}
	one := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 0, Size: 1}}
	inner := with(mapped(one, one), func(s *specs.Spec) {
		for i := range s.Mounts {
			if s.Mounts[i].Type == "devpts" {
				s.Mounts[i].Options = []string{"newinstance", "ptmxmode=0666"}
			}
		}
	})
	r := hidden(newBundle(t, with(inner, sh("grep -c ^Pid: /proc/self/status; ls /proc/tty | wc -l; touch /proc/tty/x 2>&1 | grep -c Read-only"))), "")
	if r.Code != 0 || strings.Join(lines(r.Stdout), " ") != "1 0 1" {
		t.Errorf("with a user namespace: %v", r)
	}
	r = hidden(newBundle(t, with(dropNamespace(specs.UserNamespace), func(s *specs.Spec) {
		s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
		dropMount("/dev/pts")(s)
	})), "unshare --user --map-root-user --mount")
	if r.Code == 0 || !strings.Contains(r.Stderr, `with a user namespace of the container's own`) {
		t.Errorf("without: %v", r)
	}
}

// An mqueue belongs to an ipc namespace. Without one of its own the container sees the caller's queues, if there are any to
// be seen.
func TestMqueueStandIn(t *testing.T) {
	needRoost(t)
	shared := with(inUserNamespace, dropNamespace(specs.IPCNamespace))
	hosts := ""
	for _, m := range mountinfo("self") {
		if m.point == "/dev/mqueue" {
			hosts = m.fstype
		}
	}
	got := output(t, "[ -d /dev/mqueue ] && grep -c ' /dev/mqueue .*mqueue' /proc/self/mountinfo; true", shared)
	want, word := "0", "nothing is there"
	if hosts == "mqueue" {
		want, word = "1", "/dev/mqueue of the host stands in"
	}
	if got != want {
		t.Errorf("mqueue mounted: %s, want %s", got, want)
	}
	if got := givenUp(t, shared); !strings.Contains(got, word) {
		t.Errorf("state: %q", got)
	}
	refuse(t, []string{"mount mqueue on /dev/mqueue", "ipc namespace", "--degrade mqueue=warn"}, "run", "--degrade", "mqueue=deny", "--bundle", newBundle(t, shared), newID(t))
}

// Where the host shows its queues, the container sees those.
func TestMqueueOfTheHost(t *testing.T) {
	needRoost(t)
	needRoot(t)
	shared := with(inUserNamespace, dropNamespace(specs.IPCNamespace), sh("ls /dev/mqueue; grep -c ' /dev/mqueue .*mqueue' /proc/self/mountinfo"))
	cmd := command(t, "run", "--bundle", newBundle(t, shared), newID(t))
	cmd.Args = append([]string{"unshare", "--mount", "--ipc", "sh", "-c", `mkdir -p /dev/mqueue && mount -t mqueue mqueue /dev/mqueue && touch /dev/mqueue/queue && exec "$@"`,
		"sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path, _ = exec.LookPath("unshare")
	if r := finish(t, cmd); r.Code != 0 || strings.Join(lines(r.Stdout), " ") != "queue 1" {
		t.Error(r)
	}
}

// What stands in goes where the file system itself would have gone: on a real directory, and through no link of an image.
func TestStandInBehindLinks(t *testing.T) {
	needRoost(t)
	for _, c := range []struct {
		dir    string
		shared specs.LinuxNamespaceType
	}{{"/sys", specs.NetworkNamespace}, {"/proc", specs.PIDNamespace}} {
		root, canary := ownRootfs(t), tempDir(t)
		if err := os.Remove(root + c.dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(canary, root+c.dir); err != nil {
			t.Fatal(err)
		}
		before := listing(t, canary)
		refuse(t, []string{"mounts[", c.dir, "no symbolic link"}, "run", "--bundle",
			newBundle(t, with(inUserNamespace, dropNamespace(c.shared), replaceSys("sysfs"), rootfs(root, false))), newID(t))
		if listing(t, canary) != before {
			t.Errorf("%s: the host was touched", c.dir)
		}
	}
}
