package notify

import (
	"strconv"
	"strings"

	"github.com/roost-run/roost/internal/sys"
)

// Clock is CLOCK_MONOTONIC outside for what it is inside: a time namespace has it with an offset (time_namespaces(7)).
func (f *Family) Clock(usec uint64) (uint64, bool) {
	offset := monotonicOffset("self") - monotonicOffset(strconv.Itoa(f.First))
	if usec > 1<<62 || offset < 0 && usec < uint64(-offset) {
		return 0, false
	}
	return usec + uint64(offset), true
}

// monotonicOffset is that of a process, in microseconds; 0 on kernels that have none.
func monotonicOffset(process string) int64 {
	text, _ := sys.ReadProc("/proc/" + process + "/timens_offsets")
	return parseOffset(string(text))
}

func parseOffset(text string) int64 {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "monotonic" {
			seconds, err1 := strconv.ParseInt(f[1], 10, 64)
			nanoseconds, err2 := strconv.ParseInt(f[2], 10, 64)
			if err1 == nil && err2 == nil {
				return seconds*1e6 + nanoseconds/1e3
			}
		}
	}
	return 0
}
