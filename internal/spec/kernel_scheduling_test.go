package spec

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// What is accepted is what the kernel takes, for each combination: it is tried on a thread of a process of its own. A grant that is missing
// (EPERM) is another matter.
func TestSchedulingInTheKernel(t *testing.T) {
	if os.Getenv("SPEC_TEST_INSIDE") != "" {
		runtime.LockOSThread()
		trySchedulers(t)
		tryMemoryPolicies(t)
		return
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestSchedulingInTheKernel$", "-test.v")
	cmd.Env = append(os.Environ(), "SPEC_TEST_INSIDE=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestSchedulingInTheKernel") {
		t.Fatalf("%v\n%s", err, out)
	}
}

func trySchedulers(t *testing.T) {
	policies := []specs.LinuxSchedulerPolicy{specs.SchedOther, specs.SchedFIFO, specs.SchedRR, specs.SchedBatch, specs.SchedISO, specs.SchedIdle, specs.SchedDeadline}
	flags := []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun}
	const ms = 1_000_000
	for number, policy := range policies {
		for set := range 1 << len(flags) {
			for _, priority := range []int32{0, 1, 99, 100} {
				for _, times := range [][3]uint64{{}, {ms, 20 * ms, 20 * ms}, {ms, 20 * ms, 0}, {1023, 20 * ms, 0}, {20 * ms, ms, 0}, {ms, 20 * ms, 10 * ms}, {ms, 1 << 63, 1 << 63}} {
					s := specs.Scheduler{Policy: policy, Priority: priority, Runtime: times[0], Deadline: times[1], Period: times[2]}
					for i, f := range flags {
						if set&(1<<i) != 0 {
							s.Flags = append(s.Flags, f)
						}
					}
					attr := unix.SchedAttr{
						Size: unix.SizeofSchedAttr, Policy: uint32(number), Flags: uint64(set), Priority: uint32(priority),
						Runtime: times[0], Deadline: times[1], Period: times[2],
					}
					err := unix.SchedSetAttr(0, &attr, 0)
					if err == nil {
						back := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr}, 0)
						if back != nil && !errors.Is(back, unix.EPERM) { // who lacks CAP_SYS_NICE gets no flag off again
							t.Fatal("the usual policy again:", back)
						}
					}
					var r report
					r.scheduler("scheduler", &s)
					ignored := policy != specs.SchedDeadline && times != [3]uint64{} // the kernel does not look at them, a reader of the file does
					if refused, wrong := len(r.problems) > 0, errors.Is(err, unix.EINVAL); refused != wrong && !ignored {
						t.Errorf("%+v: the kernel says %v, we %v", s, err, r.problems)
					}
				}
			}
		}
	}
}

func tryMemoryPolicies(t *testing.T) {
	modes := []specs.MemoryPolicyModeType{specs.MpolDefault, specs.MpolPreferred, specs.MpolBind, specs.MpolInterleave, specs.MpolLocal, specs.MpolPreferredMany, specs.MpolWeightedInterleave}
	flags := []specs.MemoryPolicyFlagType{specs.MpolFNumaBalancing, specs.MpolFRelativeNodes, specs.MpolFStaticNodes}
	var known []specs.MemoryPolicyModeType
	for number, mode := range modes {
		for _, nodes := range []string{"", "0"} {
			for set := range 1 << len(flags) {
				p := specs.LinuxMemoryPolicy{Mode: mode, Nodes: nodes}
				bits := number
				for i, f := range flags {
					if set&(1<<i) != 0 {
						p.Flags = append(p.Flags, f)
						bits |= 1 << (13 + i)
					}
				}
				var mask unix.CPUSet
				for _, r := range Nodes(nodes) {
					mask.Set(int(r.First))
				}
				err := unix.SetMemPolicy(bits, &mask)
				if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
					t.Skipf("set_mempolicy: %v", err)
				}
				if err == nil && !slices.Contains(known, mode) {
					known = append(known, mode)
				}
				var r report
				r.memoryPolicy("memoryPolicy", &p)
				// A kernel that is older than a mode or flag takes none of it.
				if refused := len(r.problems) > 0; refused && err == nil || !refused && err != nil && slices.Contains(known, mode) && len(p.Flags) == 0 {
					t.Errorf("%+v: the kernel says %v, we %v", p, err, r.problems)
				}
				if !slices.Contains(p.Flags, specs.MpolFNumaBalancing) && slices.Contains(known, mode) && (len(r.problems) > 0) != (err != nil) {
					t.Errorf("%+v: the kernel says %v, we %v", p, err, r.problems)
				}
			}
		}
	}
	must(t, "the usual policy again", unix.SetMemPolicy(0, &unix.CPUSet{}))
}
