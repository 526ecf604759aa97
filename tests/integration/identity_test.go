package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// capSets reads the Cap lines of /proc/PID/status.
func capSets(status string) map[string]uint64 {
	sets := map[string]uint64{}
	for _, l := range lines(status) {
		name, value, ok := strings.Cut(l, ":")
		if n, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64); ok && err == nil {
			sets[name] = n
		}
	}
	return sets
}

const (
	capChown = 1 << 0
	capKill  = 1 << 5
	capBind  = 1 << 10
	capRaw   = 1 << 13
)

func TestCapabilities(t *testing.T) {
	five := func(bnd, eff, inh, prm, amb []string) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: bnd, Effective: eff, Inheritable: inh, Permitted: prm, Ambient: amb}
		}
	}
	a, b := []string{"CAP_CHOWN", "CAP_KILL"}, []string{"CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"}
	for _, c := range []struct {
		name                    string
		set                     func(*specs.Spec)
		bnd, eff, inh, prm, amb uint64
	}{
		{"none", five(nil, nil, nil, nil, nil), 0, 0, 0, 0, 0},
		{"absent", func(s *specs.Spec) { s.Process.Capabilities = nil }, 0, 0, 0, 0, 0},
		// For uid 0, execve makes permitted and effective from the bounding set (capabilities(7)).
		{"bounding only", five(a, nil, nil, nil, nil), capChown | capKill, capChown | capKill, 0, capChown | capKill, 0},
		{"three sets", five(a, a, nil, a, nil), capChown | capKill, capChown | capKill, 0, capChown | capKill, 0},
		{"all five", five(b, a, a, a, a), capChown | capKill | capRaw, capChown | capKill | capRaw, capChown | capKill, capChown | capKill | capRaw, capChown | capKill},
		{"ambient", five(b, b, b, b, b), capChown | capKill | capRaw, capChown | capKill | capRaw, capChown | capKill | capRaw, capChown | capKill | capRaw, capChown | capKill | capRaw},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := capSets(output(t, "grep ^Cap /proc/self/status", c.set, func(s *specs.Spec) { s.Process.NoNewPrivileges = false }))
			for _, set := range []struct {
				name string
				want uint64
			}{{"CapBnd", c.bnd}, {"CapEff", c.eff}, {"CapInh", c.inh}, {"CapPrm", c.prm}, {"CapAmb", c.amb}} {
				if got[set.name] != set.want {
					t.Errorf("%s is %x, want %x", set.name, got[set.name], set.want)
				}
			}
		})
	}
}

// A user who is not 0 has what is ambient, and nothing besides.
func TestCapabilitiesOfUser(t *testing.T) {
	needSubIDs(t)
	names := []string{"CAP_NET_BIND_SERVICE"}
	got := capSets(output(t, "grep ^Cap /proc/self/status", manyIDs(t), func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1000}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: names, Effective: names, Permitted: names, Inheritable: names, Ambient: names}
	}))
	if got["CapEff"] != capBind || got["CapAmb"] != capBind || got["CapBnd"] != capBind {
		t.Errorf("with ambient: %x", got)
	}
	got = capSets(output(t, "grep ^Cap /proc/self/status", manyIDs(t), func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1000}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: names, Effective: names, Permitted: names}
	}))
	if got["CapEff"] != 0 || got["CapAmb"] != 0 {
		t.Errorf("without ambient: %x", got)
	}
}

// manyIDs maps 0 to the caller and 1 … 65535 to the caller's sub-ids (as root: to ids that nobody has).
func manyIDs(t testing.TB) func(*specs.Spec) {
	t.Helper()
	uid, gid, ok := subIDs()
	if !ok {
		if !isRoot() {
			t.Fatal("needSubIDs was not asked")
		}
		uid, gid = 1<<20, 1<<20
	}
	first := func(own, sub uint32) []specs.LinuxIDMapping {
		return []specs.LinuxIDMapping{{ContainerID: 0, HostID: own, Size: 1}, {ContainerID: 1, HostID: sub, Size: 65535}}
	}
	return mapped(first(uint32(os.Getuid()), uid), first(uint32(os.Getgid()), gid))
}

// capable gives what a container needs to have users of its own.
func capable(s *specs.Spec) {
	allCaps("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_NET_BIND_SERVICE")(s)
	s.Process.NoNewPrivileges = false
}

func TestUserAndGroups(t *testing.T) {
	needSubIDs(t)
	for _, c := range []struct {
		user specs.User
		want string
	}{
		{specs.User{}, "0:0 0"},
		{specs.User{UID: 1000, GID: 1000}, "1000:1000 1000"},
		{specs.User{UID: 1000, GID: 0}, "1000:0 0"},
		{specs.User{UID: 1, GID: 2, AdditionalGids: []uint32{3, 29}}, "1:2 2 3 29"},
		{specs.User{UID: 65535, GID: 65535}, "65535:65535 65535"},
	} {
		got := output(t, "echo $(id -u):$(id -g) $(id -G)", manyIDs(t), func(s *specs.Spec) { s.Process.User = c.user })
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.user, got, c.want)
		}
	}
	for name, user := range map[string]specs.User{
		"unmapped uid": {UID: 65536}, "unmapped gid": {GID: 65536}, "no uid": {UID: 1<<32 - 1},
		"unmapped additional gid": {AdditionalGids: []uint32{100000}},
	} {
		t.Run(name, func(t *testing.T) {
			refuse(t, nil, "run", "--bundle", newBundle(t, with(manyIDs(t), func(s *specs.Spec) { s.Process.User = user })), newID(t))
		})
	}
}

// Groups that cannot be set are refused, not dropped: file access depends on them.
func TestGroupsWithSingleMap(t *testing.T) {
	needUser(t)
	refuse(t, []string{"additionalGids"}, "run", "--bundle", newBundle(t, func(s *specs.Spec) {
		s.Process.User.AdditionalGids = []uint32{5}
	}), newID(t))
}

func TestUmask(t *testing.T) {
	mask := uint32(0o027)
	for _, c := range []struct {
		umask *uint32
		want  string
	}{{&mask, "0027"}, {nil, "0022"}} {
		if got := output(t, "umask", func(s *specs.Spec) { s.Process.User.Umask = c.umask }); got != c.want {
			t.Errorf("umask is %s, want %s", got, c.want)
		}
	}
}

func TestRlimits(t *testing.T) {
	got := output(t, "ulimit -Sn; ulimit -Hn; ulimit -Sc; grep 'Max stack' /proc/self/limits", func(s *specs.Spec) {
		s.Process.Rlimits = []specs.POSIXRlimit{
			{Type: "RLIMIT_NOFILE", Soft: 64, Hard: 128}, {Type: "RLIMIT_CORE"}, {Type: "RLIMIT_STACK", Soft: 1 << 20, Hard: 1 << 22},
		}
	})
	want := []string{"64", "128", "0", "Max stack size            1048576              4194304              bytes"}
	if g := lines(got); len(g) != 4 || g[0] != want[0] || g[1] != want[1] || g[2] != want[2] || strings.TrimSpace(g[3]) != want[3] {
		t.Errorf("limits:\n%s", got)
	}
	if !isRoot() {
		refuse(t, []string{"RLIMIT_NOFILE"}, "run", "--bundle", newBundle(t, func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 1 << 30, Hard: 1 << 30}}
		}), newID(t))
	}
}

// Go raises its own soft limit of files at start; a payload that does not ask must get the caller's, not Go's.
func TestNofileOfCallerSurvives(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, with(sh("ulimit -Sn; ulimit -Hn"), func(s *specs.Spec) { s.Process.Rlimits = nil }))
	id := newID(t)
	cmd := command(t, "run", "--bundle", bundle, id)
	cmd.Args = append([]string{"sh", "-c", `ulimit -Sn 123; ulimit -Hn 456; exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	if r := finish(t, cmd); r.Stdout != "123\n456\n" {
		t.Errorf("run: %v", r)
	}
	id = start(t, with(sh(sleeper), func(s *specs.Spec) { s.Process.Rlimits = nil }))
	cmd = command(t, "exec", id, "/bin/sh", "-c", "ulimit -Sn")
	cmd.Args = append([]string{"sh", "-c", `ulimit -Sn 123; exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	if r := finish(t, cmd); r.Stdout != "123\n" {
		t.Errorf("exec: %v", r)
	}
	must(t, "delete", "--force", id)
}

func TestNoNewPrivileges(t *testing.T) {
	for _, on := range []bool{false, true} {
		want := "NoNewPrivs:\t0"
		if on {
			want = "NoNewPrivs:\t1"
		}
		if got := output(t, "grep NoNewPrivs /proc/self/status", func(s *specs.Spec) { s.Process.NoNewPrivileges = on }); got != want {
			t.Errorf("noNewPrivileges %v: %q", on, got)
		}
	}
}

func TestOOMScoreAdj(t *testing.T) {
	score := 321
	if got := output(t, "cat /proc/self/oom_score_adj", func(s *specs.Spec) { s.Process.OOMScoreAdj = &score }); got != "321" {
		t.Errorf("oom_score_adj is %s", got)
	}
	raw, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	if got := output(t, "cat /proc/self/oom_score_adj"); got != oneLine(raw) {
		t.Errorf("oom_score_adj is %s, the caller's is %s", got, raw)
	}
}

// Engines lower it for everybody; without the right to, roost says so and goes on.
func TestOOMScoreAdjMayNotBeLowered(t *testing.T) {
	needRoost(t)
	needUser(t)
	score := -999
	r := runOnce(t, with(sh("cat /proc/self/oom_score_adj"), func(s *specs.Spec) { s.Process.OOMScoreAdj = &score }))
	if r.Code != 0 || strings.TrimSpace(r.Stdout) == "-999" {
		t.Errorf("%v", r)
	}
}

// The mappings are those that were asked for, and files of the caller are root's inside.
func TestMappings(t *testing.T) {
	needSubIDs(t)
	uid, _, _ := subIDs()
	if uid == 0 {
		uid = 1 << 20
	}
	got := output(t, "cat /proc/self/uid_map; stat -c %u /etc/canary", manyIDs(t))
	want := fmt.Sprintf("0 %d 1 1 %d 65535 0", os.Getuid(), uid)
	if strings.Join(strings.Fields(got), " ") != want {
		t.Errorf("map is %q, want %q", strings.Join(strings.Fields(got), " "), want)
	}
}

// A configuration without a user namespace gets one where the caller needs it.
func TestAutomaticUserNamespace(t *testing.T) {
	needRoost(t)
	needUser(t)
	for _, idmap := range []string{"auto", "single", "keep-id"} {
		t.Run(idmap, func(t *testing.T) {
			if idmap == "auto" {
				needSubIDs(t)
			}
			r := runOnce(t, with(sh("id -u; wc -l </proc/self/uid_map"), dropNamespace(specs.UserNamespace), func(s *specs.Spec) {
				s.Linux.UIDMappings, s.Linux.GIDMappings = nil, nil
				if idmap == "keep-id" {
					s.Process.User = specs.User{UID: uint32(os.Getuid()), GID: uint32(os.Getgid())}
				}
			}), "--idmap", idmap)
			if r.Code != 0 {
				t.Fatal(r)
			}
			got := lines(r.Stdout)
			switch {
			case idmap == "auto" && (got[0] != "0" || got[1] == "1"):
				t.Errorf("auto: %q", got)
			case idmap == "single" && (got[0] != "0" || got[1] != "1"):
				t.Errorf("single: %q", got)
			case idmap == "keep-id" && got[0] != strconv.Itoa(os.Getuid()):
				t.Errorf("keep-id: %q", got)
			}
		})
	}
}

// A CI pod's arbitrary uid has no passwd entry, no sub-ids, and may still run containers.
func TestAccountWithoutPasswd(t *testing.T) {
	needRoost(t)
	needRoot(t)
	dir := tempDir(t)
	if err := os.Chown(dir, 54321, 54321); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(home.roost, "--root", dir+"/state", "run", "--rootfs", home.rootfs, "--", "/bin/sh", "-c", "id -u; wc -l </proc/self/uid_map")
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 54321, Gid: 54321}}
	if r := finish(t, cmd); r.Code != 0 || r.Stdout != "0\n1\n" {
		t.Error(r)
	}
}
