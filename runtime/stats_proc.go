package runtime

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/sys"
)

// largest is the size up to which a process's shares are added up. The kernel walks its page table for that, with a lock held that its
// memory allocations need: 5 ms at this size. A larger one counts with all that it has in memory, shared or not.
const largest = 4 << 30

// usageOf sums up what the processes use. One that ends meanwhile, or may not be looked at, counts as far as it went.
func usageOf(list []member, careful bool) (u taskUsage) {
	for _, m := range list {
		dir := "/proc/" + strconv.Itoa(m.pid) + "/"
		text, err := readText(dir + "stat")
		if st, parseErr := parseStat(text); err != nil || parseErr != nil || st.start != m.start {
			continue
		}
		u.addTimes(text, cpuClock(m.pid))
		u.addMemory(dir, careful)
		if text, err := readText(dir + "io"); err == nil && careful {
			u.addIO(text)
		}
	}
	return u
}

// cpuClock is the processor time of all threads of a process, those that have ended included, in nanoseconds; 0 if it cannot be had. Anybody may
// ask. Source: man 3 clock_getcpuclockid; MAKE_PROCESS_CPUCLOCK in the kernel's linux/posix-timers_types.h.
func cpuClock(pid int) uint64 {
	const sched = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &t); err != nil {
		return 0
	}
	return uint64(t.Nano())
}

// addMemory adds shares where that is asked for and allowed: a process that is not dumpable keeps its page table to itself.
func (u *taskUsage) addMemory(dir string, careful bool) {
	text, err := readText(dir + "statm")
	if err != nil {
		return
	}
	all, shared := resident(text)
	if careful && all <= largest {
		if text, err := readText(dir + "smaps_rollup"); err == nil {
			u.addShares(text)
			return
		}
	}
	u.anon += all - min(shared, all)
	u.file += shared
}

func readText(path string) (string, error) {
	b, err := sys.ReadProc(path)
	return string(b), err
}

// The members of Stats that /proc gives an approximation of, as they are called in JSON.
const (
	cpuUsage    = "cpu.usage"
	memoryUsage = "memory.usage"
	memorySwap  = "memory.swap"
	memoryRaw   = "memory.raw"
	ioBytes     = "blkio.ioServiceBytesRecursive"
	pidsCurrent = "pids.current"
)

// missing says what a cgroup did not count.
type missing struct{ cpu, memory, pids, io bool }

func (m missing) any() bool { return m.cpu || m.memory || m.pids || m.io }

// approximate fills in what is missing.
func (s *Stats) approximate(m missing, u taskUsage) {
	if m.cpu {
		s.CPU.Usage.User, s.CPU.Usage.Kernel, s.CPU.Usage.Total = u.user, u.kernel, u.cpu
		s.Approximated = append(s.Approximated, cpuUsage)
	}
	if m.memory {
		s.Memory.Cache = u.file
		s.Memory.Usage = MemoryEntry{Limit: Unlimited, Usage: u.anon + u.file}
		s.Memory.Swap = MemoryEntry{Limit: Unlimited, Usage: u.anon + u.file + u.swap}
		s.Memory.Raw = map[string]uint64{"anon": u.anon, "file": u.file, "shmem": u.shmem}
		s.Approximated = append(s.Approximated, memoryUsage, memorySwap, memoryRaw)
	}
	if m.pids {
		s.Pids.Current = u.threads
		s.Approximated = append(s.Approximated, pidsCurrent)
	}
	if m.io {
		if u.read > 0 || u.written > 0 {
			s.IO.Bytes = []IOEntry{{Op: "Read", Value: u.read}, {Op: "Write", Value: u.written}}
		}
		s.Approximated = append(s.Approximated, ioBytes)
	}
}
