package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// scheduled is what the kernel says of a process: policy, nice value and priority (proc_pid_stat(5)), and its I/O priority.
type scheduled struct{ policy, nice, priority, io int }

func scheduledAs(t testing.TB, pid int) scheduled {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	number := func(i int) int {
		n, err := strconv.Atoi(fields[i-3]) // fields are counted from 1, and these begin with the third
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	io, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(pid), 0)
	if errno != 0 {
		t.Fatal(errno)
	}
	return scheduled{policy: number(41), nice: number(19), priority: number(40), io: int(io)}
}

func scheduler(s specs.Scheduler) func(*specs.Spec) {
	return func(c *specs.Spec) { c.Process.Scheduler = &s }
}

func ioPriority(class specs.IOPriorityClass, level int) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.IOPriority = &specs.LinuxIOPriority{Class: class, Priority: level} }
}

// ownUsers gives the container a user namespace, whoever asks.
func ownUsers(s *specs.Spec) {
	for _, n := range s.Linux.Namespaces {
		if n.Type == specs.UserNamespace {
			return
		}
	}
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	s.Linux.GIDMappings = s.Linux.UIDMappings
}

func TestScheduler(t *testing.T) {
	needRoost(t)
	base := scheduledAs(t, os.Getpid()).nice // nobody but root gets below it
	reset := []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}
	for _, c := range []struct {
		name string
		set  func(*specs.Spec)
		want scheduled
		flag []string
		root bool
	}{
		{"batch", with(scheduler(specs.Scheduler{Policy: specs.SchedBatch, Nice: int32(base + 5)}), ioPriority(specs.IOPRIO_CLASS_BE, 7)), scheduled{3, base + 5, 0, 2<<13 | 7}, nil, false},
		{"idle", with(scheduler(specs.Scheduler{Policy: specs.SchedIdle}), ioPriority(specs.IOPRIO_CLASS_IDLE, 0)), scheduled{5, base, 0, 3 << 13}, nil, false},
		{"other, below our pid 1", with(scheduler(specs.Scheduler{Policy: specs.SchedOther, Nice: int32(base + 7)}), ioPriority(specs.IOPRIO_CLASS_BE, 6)), scheduled{0, base + 7, 0, 2<<13 | 6}, []string{"--init"}, false},
		{"fifo", with(scheduler(specs.Scheduler{Policy: specs.SchedFIFO, Priority: 3, Flags: reset}), ioPriority(specs.IOPRIO_CLASS_RT, 2)), scheduled{1, 0, 3, 1<<13 | 2}, nil, true},
		{"fifo, below our pid 1", scheduler(specs.Scheduler{Policy: specs.SchedFIFO, Priority: 3, Flags: reset}), scheduled{1, 0, 3, -1}, []string{"--init"}, true},
		{"round robin in a user namespace", with(ownUsers, scheduler(specs.Scheduler{Policy: specs.SchedRR, Priority: 4, Flags: reset}), ioPriority(specs.IOPRIO_CLASS_RT, 1)), scheduled{2, 0, 4, 1<<13 | 1}, nil, true},
		{"deadline", scheduler(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1e6, Deadline: 1e8, Period: 1e8}), scheduled{6, 0, 0, -1}, nil, true},
		{"deadline in a user namespace", with(ownUsers, scheduler(specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 1e6, Deadline: 1e8})), scheduled{6, 0, 0, -1}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.root {
				needRoot(t)
				needRealTime(t)
			}
			id := newID(t)
			must(t, append([]string{"run", "--detach", "--bundle", newBundle(t, with(func(s *specs.Spec) { s.Process.Args = []string{"/bin/sleep", "1000"} }, c.set))}, append(c.flag, id)...)...)
			pid := state(t, id).Pid
			if len(c.flag) > 0 {
				pid = childOf(t, pid)
			}
			got := scheduledAs(t, pid)
			if c.want.io < 0 {
				got.io = c.want.io // the kernel derives it
			}
			if c.root {
				got.nice = 0 // means nothing to these policies
			}
			if got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			must(t, "delete", "--force", id)
		})
	}
}

// needRealTime skips where not even root gets real-time scheduling: in a cgroup without a share of it.
func needRealTime(t testing.TB) {
	t.Helper()
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: 1, Priority: 1}, 0); err != nil {
		missing(t, "real-time scheduling", "sched_setattr: "+err.Error())
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr}, 0); err != nil {
		t.Fatal(err)
	}
}

// childOf is the one child of a process.
func childOf(t testing.TB, pid int) int {
	t.Helper()
	p := strconv.Itoa(pid)
	raw, err := os.ReadFile("/proc/" + p + "/task/" + p + "/children")
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatalf("children of %d: %q", pid, raw)
	}
	return child
}

func TestSchedulerRefused(t *testing.T) {
	needRoost(t)
	needUser(t)
	fifo := with(sh("echo runs"), scheduler(specs.Scheduler{Policy: specs.SchedFIFO, Priority: 1}), ioPriority(specs.IOPRIO_CLASS_RT, 0))
	refuse(t, []string{"set the scheduling policy SCHED_FIFO", "operation not permitted", "--degrade scheduler=warn"}, "run", "--bundle", newBundle(t, fifo), newID(t))
	id := newID(t)
	must(t, "run", "--detach", "--degrade", "scheduler=warn", "--bundle", newBundle(t, with(fifo, sh(sleeper))), id)
	degraded := state(t, id).Annotations["run.roost.degraded"]
	if !strings.Contains(degraded, "process.scheduler: SCHED_FIFO") || !strings.Contains(degraded, "process.ioPriority: ") {
		t.Errorf("state: %q", degraded)
	}
	must(t, "delete", "--force", id)
}

func TestMemoryPolicyAndPersonality(t *testing.T) {
	needRoost(t)
	if _, err := os.Stat("/proc/self/numa_maps"); err != nil {
		t.Skipf("NUMA: the kernel has none: %v", err)
	}
	change := func(s *specs.Spec) {
		s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}
		s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
	}
	const script = `head -n 1 /proc/self/numa_maps; cat /proc/self/personality`
	check := func(who, text string) {
		t.Helper()
		got := lines(text)
		if len(got) != 2 || !strings.Contains(got[0], "bind=static:0") || got[1] != "00000008" {
			t.Errorf("%s: %q", who, got)
		}
	}
	check("init", output(t, script, change))
	id := start(t, with(sh(sleeper), change))
	check("exec", must(t, "exec", id, "/bin/sh", "-c", script).Stdout)
	must(t, "delete", "--force", id)
	refuse(t, []string{"set the memory policy MPOL_INTERLEAVE", "invalid argument", "--degrade scheduler=warn"}, "run", "--bundle", newBundle(t, func(s *specs.Spec) {
		s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolInterleave, Nodes: "999"}
	}), newID(t))
}

// The CPUs of execCPUAffinity are for processes of exec; the container's first process does not have them.
func TestExecAffinity(t *testing.T) {
	needRoost(t)
	if goruntime.NumCPU() < 2 {
		t.Skip("cpus: one is too few to choose from")
	}
	const script = `grep ^Cpus_allowed_list /proc/self/status`
	allowed := func(text string) string { return strings.TrimSpace(strings.TrimPrefix(text, "Cpus_allowed_list:")) }
	id := start(t, with(sh(script+" >/tmp/first;"+sleeper), affinity("0", "1"), func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"})
	}))
	eventually(t, "the payload writes", func() bool { return roost(t, "exec", id, "/bin/grep", "-q", "Cpus", "/tmp/first").Code == 0 })
	if got := allowed(must(t, "exec", id, "/bin/cat", "/tmp/first").Stdout); !strings.Contains(got, "-") {
		t.Errorf("the first process runs on %s", got)
	}
	if got := allowed(must(t, "exec", id, "/bin/sh", "-c", script).Stdout); got != "1" {
		t.Errorf("exec runs on %s", got)
	}
	process := func(change func(*specs.Process)) string {
		p := specs.Process{Args: []string{"/bin/sh", "-c", script}, Cwd: "/", Env: []string{"PATH=/bin"}}
		change(&p)
		return processFile(t, p)
	}
	for want, a := range map[string]specs.CPUAffinity{"0": {Initial: "0"}, "1": {Initial: "0-1", Final: "1"}, "0-1": {Final: "0-1"}} {
		if got := allowed(must(t, "exec", "--process", process(func(p *specs.Process) { p.ExecCPUAffinity = &a }), id).Stdout); got != want {
			t.Errorf("%+v: exec runs on %s", a, got)
		}
	}
	// What the file leaves out the container's own process has.
	if got := allowed(must(t, "exec", "--process", process(func(*specs.Process) {}), id).Stdout); got != "1" {
		t.Errorf("exec runs on %s", got)
	}
	refuse(t, []string{"run on the final CPUs", "invalid argument"}, "exec", "--process", process(func(p *specs.Process) { p.ExecCPUAffinity = &specs.CPUAffinity{Final: "4000"} }), id)
	must(t, "delete", "--force", id)
}

func affinity(initial, final string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{Initial: initial, Final: final} }
}

func processFile(t testing.TB, p specs.Process) string {
	t.Helper()
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(tempDir(t), "process.json")
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
