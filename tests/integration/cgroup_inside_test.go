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
