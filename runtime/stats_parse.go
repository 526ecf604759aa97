package runtime

import (
	"os"
	"strconv"
	"strings"
)

// taskUsage is what /proc tells about the processes of a container, summed up.
type taskUsage struct {
	user, kernel  uint64 // nanoseconds, in ticks
	cpu           uint64 // nanoseconds: both together, as exactly as may be
	threads       uint64
	anon          uint64 // bytes, like those that follow
	file          uint64 // shmem included, as in memory.stat
	shmem         uint64
	swap          uint64
	read, written uint64
}

// tick is a nanosecond count: /proc counts in hundredths of a second on all architectures that roost is built for (USER_HZ, man 7 time).
const tick = 1e9 / 100

// addTimes adds what is in /proc/PID/stat (man 5 proc_pid_stat): the process's own time, and that of its children whom somebody waited for.
// They are no members any more, so nothing counts twice. own is the time that the process's clock shows, or 0.
func (u *taskUsage) addTimes(text string, own uint64) {
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 18 {
		return
	}
	user, kernel, childUser, childKernel := number(f[11])*tick, number(f[12])*tick, number(f[13])*tick, number(f[14])*tick
	if own == 0 {
		own = user + kernel
	}
	u.user += user + childUser
	u.kernel += kernel + childKernel
	u.cpu += own + childUser + childKernel
	u.threads += number(f[17])
}

// addShares adds /proc/PID/smaps_rollup (man 5 proc_pid_smaps): a page that n processes have counts as an n-th of a page for each.
func (u *taskUsage) addShares(text string) {
	var all, anon, file, shmem uint64
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		bytes := number(strings.TrimSuffix(strings.TrimSpace(value), " kB")) << 10
		switch key {
		case "Pss":
			all = bytes
		case "Pss_Anon":
			anon = bytes
		case "Pss_File":
			file = bytes
		case "Pss_Shmem":
			shmem = bytes
		case "SwapPss":
			u.swap += bytes
		}
	}
	if anon+file+shmem == 0 { // Linux older than 5.9 gives the sum alone
		anon = all
	}
	u.anon += anon
	u.file += file + shmem
	u.shmem += shmem
}

// resident reads /proc/PID/statm (man 5 proc_pid_statm): what is in memory, and how much of that is of files or shared, in bytes.
func resident(text string) (all, shared uint64) {
	f := strings.Fields(text)
	if len(f) < 3 {
		return 0, 0
	}
	page := uint64(os.Getpagesize())
	return number(f[1]) * page, number(f[2]) * page
}

// addIO adds /proc/PID/io (man 5 proc_pid_io): bytes that storage was asked for, children included whom somebody waited for.
func (u *taskUsage) addIO(text string) {
	for line := range strings.Lines(text) {
		switch key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); key {
		case "read_bytes":
			u.read += number(value)
		case "write_bytes":
			u.written += number(value)
		}
	}
}

// parseInterfaces reads /proc/PID/net/dev (man 5 proc_pid_net): two lines of headings, then a line for each interface. The name ends at the last
// colon: one is allowed in it.
func parseInterfaces(text string) (list []InterfaceStats) {
	for line := range strings.Lines(text) {
		end := strings.LastIndexByte(line, ':')
		f := strings.Fields(line[end+1:])
		if end < 0 || len(f) < 12 {
			continue
		}
		list = append(list, InterfaceStats{
			Name:    strings.TrimSpace(line[:end]),
			RxBytes: number(f[0]), RxPackets: number(f[1]), RxErrors: number(f[2]), RxDropped: number(f[3]),
			TxBytes: number(f[8]), TxPackets: number(f[9]), TxErrors: number(f[10]), TxDropped: number(f[11]),
		})
	}
	return list
}

// number is 0 for what is none: a counter that cannot be read is no reason to have none at all.
func number(s string) uint64 {
	n, _ := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	return n
}
