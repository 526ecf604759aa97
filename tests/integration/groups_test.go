package integration

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// member is a caller who is in more groups than its own: root is put into one, an ordinary user has to be in one.
func member(t testing.TB) (group int, as func(*exec.Cmd) *exec.Cmd) {
	t.Helper()
	if isRoot() {
		const group = 54321
		return group, func(cmd *exec.Cmd) *exec.Cmd {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{group}}}
			return cmd
		}
	}
	groups, err := os.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if g != os.Getegid() {
			return g, func(cmd *exec.Cmd) *exec.Cmd { return cmd }
		}
	}
	missing(t, "groups", "no supplementary group; see usermod --append --groups")
	return 0, nil
}

// groupsOf are the supplementary groups of a process, as the host has them.
func groupsOf(t testing.TB, pid int) (groups []int) {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines(string(raw)) {
		if list, ok := strings.CutPrefix(l, "Groups:"); ok {
			for _, word := range strings.Fields(list) {
				n, err := strconv.Atoi(word)
				if err != nil {
					t.Fatal(l)
				}
				groups = append(groups, n)
			}
		}
	}
	return groups
}

// TestKeepGroups: access to files of a group is what users on shared machines have; crun's annotation and a flag of our own keep it.
func TestKeepGroups(t *testing.T) {
	needRoost(t)
	needSubIDs(t)
	group, as := member(t)
	annotated := func(s *specs.Spec) { s.Annotations = map[string]string{"run.oci.keep_original_groups": "1"} }
	plain := func(*specs.Spec) {}
	for _, c := range []struct {
		name   string
		change func(*specs.Spec)
		flags  []string
		exec   []string
		kept   bool
		execed bool
	}{
		{"dropped", manyIDs(t), nil, nil, false, false},
		{"flag", manyIDs(t), []string{"--keep-groups"}, nil, true, true},
		{"flag, and our own pid 1", manyIDs(t), []string{"--keep-groups", "--init"}, nil, true, true},
		{"annotation", with(manyIDs(t), annotated), nil, nil, true, true},
		{"flag of exec", manyIDs(t), nil, []string{"--keep-groups"}, false, true},
		{"one id", plain, []string{"--keep-groups"}, nil, true, true},
		{"other additional groups", with(manyIDs(t), func(s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{7} }), []string{"--keep-groups"}, nil, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := newID(t)
			bundle := newBundle(t, with(sh(sleeper), c.change))
			if r := finish(t, as(command(t, slices.Concat([]string{"create", "--bundle", bundle}, slices.DeleteFunc(slices.Clone(c.flags), func(f string) bool { return f == "--init" }), []string{id})...))); r.Code != 0 {
				t.Fatal(r)
			}
			if got := slices.Contains(groupsOf(t, state(t, id).Pid), group); got != c.kept {
				t.Errorf("created: %v, want %v", got, c.kept)
			}
			must(t, "delete", "--force", id)
			if r := finish(t, as(command(t, slices.Concat([]string{"run", "--detach", "--bundle", bundle}, c.flags, []string{id})...))); r.Code != 0 {
				t.Fatal(r)
			}
			s := state(t, id)
			if got := slices.Contains(groupsOf(t, s.Pid), group); got != c.kept {
				t.Errorf("running: %v, want %v", got, c.kept)
			}
			file := tempDir(t) + "/pid"
			if r := finish(t, as(command(t, slices.Concat([]string{"exec", "--detach", "--pid-file", file}, c.exec, []string{id, "/bin/sleep", "1000"})...))); r.Code != 0 {
				t.Fatal(r)
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(string(raw))
			if err != nil {
				t.Fatal(err)
			}
			if got := slices.Contains(groupsOf(t, pid), group); got != c.execed {
				t.Errorf("exec: %v, want %v", got, c.execed)
			}
			if strings.HasPrefix(c.name, "other") && !strings.Contains(s.Annotations["run.roost.degraded"], "process.user.additionalGids: the caller's groups are kept") {
				t.Errorf("nothing is said of additionalGids: %v", s.Annotations)
			}
			must(t, "delete", "--force", id)
		})
	}
}

// Groups that cannot be set are an error, or, if the caller says so, listed.
func TestGroupsRefused(t *testing.T) {
	needRoost(t)
	needUser(t)
	bundle := newBundle(t, with(sh(sleeper), func(s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{5} }))
	refuse(t, []string{"process.user.additionalGids: groups cannot be set here", "--degrade groups=warn"}, "run", "--bundle", bundle, newID(t))
	id := newID(t)
	r := must(t, "run", "--detach", "--degrade", "groups=warn", "--bundle", bundle, id)
	if !strings.Contains(r.Stderr, "additionalGids") {
		t.Errorf("no warning: %v", r)
	}
	if degraded := state(t, id).Annotations["run.roost.degraded"]; !strings.Contains(degraded, "process.user.additionalGids: groups cannot be set here") {
		t.Errorf("state: %q", degraded)
	}
	must(t, "delete", "--force", id)
}

// A hard limit above the caller's is an error that names it, or the caller's, listed.
func TestRlimitAboveTheHardLimit(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, with(sh("ulimit -c; ulimit -H -c"), func(s *specs.Spec) {
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 16384, Hard: 16384}}
	}))
	if r := limited(t, "run", "--bundle", bundle, newID(t)); r.Code == 0 {
		if !isRoot() {
			t.Errorf("accepted: %v", r)
		}
		t.Skip("root: it may raise limits")
	} else if !strings.Contains(r.Stderr, "process.rlimits[0].hard: RLIMIT_CORE: above the hard limit of the caller, "+"8192") || !strings.Contains(r.Stderr, "--degrade rlimit=warn") {
		t.Errorf("%v", r)
	}
	if r := limited(t, "run", "--degrade", "rlimit=ignore", "--bundle", bundle, newID(t)); r.Code != 0 || r.Stdout != "16\n16\n" {
		t.Errorf("%v", r)
	}
}

// limited is roost run by who has a low hard limit.
func limited(t testing.TB, args ...string) result {
	t.Helper()
	cmd := command(t, args...)
	cmd.Args = append([]string{"/bin/sh", "-c", "ulimit -H -c 16 && exec \"$0\" \"$@\""}, cmd.Args...) // blocks of 512 bytes
	cmd.Path = "/bin/sh"
	return finish(t, cmd)
}

// What root may do to a process it may do to one in a user namespace, too, which has no privilege over the machine itself.
func TestPrivilegeFromOutside(t *testing.T) {
	needRoost(t)
	needRoot(t)
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if capSets(string(raw))["CapEff"]&(1<<unix.CAP_SYS_RESOURCE) == 0 {
		t.Skip("CAP_SYS_RESOURCE: root has it taken away here")
	}
	adj := -500
	r := limited(t, "run", "--bundle", newBundle(t, with(ownUsers, sh("ulimit -c; ulimit -H -c; cat /proc/self/oom_score_adj"), func(s *specs.Spec) {
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 16384, Hard: 32768}}
		s.Process.OOMScoreAdj = &adj
	})), newID(t))
	if r.Code != 0 || r.Stdout != "32\n64\n-500\n" || r.Stderr != "" {
		t.Errorf("%v", r)
	}
}
