package integration

import (
	"slices"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ownCgroup has the container's cgroup, with limits, mounted in it to be written.
func ownCgroup(s *specs.Spec) {
	for i, m := range s.Mounts {
		if m.Destination == "/sys/fs/cgroup" {
			s.Mounts[i].Options = append(slices.DeleteFunc(m.Options, func(o string) bool { return o == "ro" }), "rw")
		}
	}
	memory, pids := int64(64<<20), int64(50)
	s.Linux.Resources = &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &memory}, Pids: &specs.LinuxPids{Limit: &pids}}
}

// TestInsideOfItsCgroup: a container that has its cgroup to itself makes others in it, and neither leaves it nor touches its limits. It takes
// a mount with nsdelegate, as systemd's.
func TestInsideOfItsCgroup(t *testing.T) {
	needController(t, "memory")
	needController(t, "pids")
	const script = `cd /sys/fs/cgroup || exit
	try() { if sh -c "$2" 2>/dev/null; then echo "$1: done"; else echo "$1: refused"; fi; }
	cat memory.max pids.max
	try 'own memory' 'echo max >memory.max'
	try 'own pids' 'echo max >pids.max'
	try 'own freezer' 'echo 1 >cgroup.freeze'
	try 'own end' 'echo 1 >cgroup.kill'
	try 'own depth' 'echo 1 >cgroup.max.depth'
	try 'own group' 'echo 1 >memory.oom.group'
	try 'make' 'mkdir one two'
	for p in $(cat cgroup.procs); do echo $p >one/cgroup.procs; done
	try 'share out' 'echo +memory +pids >cgroup.subtree_control'
	try 'limit below' 'echo 5 >two/pids.max'
	try 'move' 'echo 0 >two/cgroup.procs'
	try 'freeze below' 'echo 1 >two/cgroup.freeze'
	cat two/pids.max memory.max pids.max`
	const want = `67108864
50
own memory: refused
own pids: refused
own freezer: refused
own end: refused
own depth: refused
own group: done
make: done
share out: done
limit below: done
move: done
freeze below: done
5
67108864
50`
	if r := runOnce(t, with(ownCgroup, sh(script)), "--cgroups", "scope"); r.Code != 0 || r.Stdout != want+"\n" {
		t.Errorf("%v\nwant:\n%s", r, want)
	}
}

// TestHostileCgroups: whatever a container leaves in its cgroup, delete clears it away.
func TestHostileCgroups(t *testing.T) {
	needController(t, "pids")
	needSubIDs(t)
	allCaps := func(s *specs.Spec) {
		list := []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID", "CAP_KILL"}
		s.Process.Capabilities.Bounding, s.Process.Capabilities.Effective, s.Process.Capabilities.Permitted = list, list, list
	}
	for name, script := range map[string]string{
		"many":       "i=0; while [ $i -lt 40 ]; do mkdir m$i; i=$((i+1)); done",
		"deep":       "i=0; while [ $i -lt 50 ]; do mkdir deeper; cd deeper; i=$((i+1)); done; cd /sys/fs/cgroup",
		"threaded":   "mkdir a a/b; echo threaded >a/cgroup.type; echo threaded >a/b/cgroup.type",
		"frozen":     "mkdir a; (echo 0 >a/cgroup.procs; echo 1 >cgroup.freeze; exec sleep 1000) & sleep 0.1; echo 1 >a/cgroup.freeze",
		"somebody's": "mkdir a a/b a/b/c; chown 5:5 a/b/c a/b a; chmod 0 a/b/c a/b a",
		"limited":    "mkdir a; echo 1 >cgroup.max.depth; echo 0 >a/pids.max; echo 0 >a/cgroup.procs",
	} {
		t.Run(name, func(t *testing.T) {
			id := newID(t)
			must(t, "run", "-d", "--cgroups", "scope", "--bundle", newBundle(t, with(ownCgroup, allCaps, sh("cd /sys/fs/cgroup; "+script+"; : >/dev/shm/done; sleep 1000 & wait"))), id)
			eventually(t, "it is done", func() bool { return roost(t, "exec", id, "test", "-e", "/dev/shm/done").Code == 0 })
			must(t, "delete", "--force", id)
			if left := home.ids.cgroups(); len(left) > 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}
