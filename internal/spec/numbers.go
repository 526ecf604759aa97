package spec

import (
	"strconv"
	"strings"
)

// The most that the kernel can be built for: CONFIG_NR_CPUS, and 1 << CONFIG_NODES_SHIFT.
const (
	maxCPUs  = 8192
	maxNodes = 1024
)

// Range is a range of CPUs or memory nodes, both ends included.
type Range struct{ First, Last uint }

// CPUs reads a list of CPUs such as "0-3,7". As with other runtimes spaces around elements and extra commas do no
// harm. It returns nil unless there is a number, all are such that a kernel could have them, and each range goes upwards.
func CPUs(list string) []Range { return numbers(list, maxCPUs) }

// Nodes does the same with memory nodes.
func Nodes(list string) []Range { return numbers(list, maxNodes) }

func numbers(list string, limit uint) []Range {
	var ranges []Range
	for element := range strings.SplitSeq(list, ",") {
		if element = strings.TrimSpace(element); element == "" {
			continue
		}
		first, last, isRange := strings.Cut(element, "-")
		if !isRange {
			last = first
		}
		a, errA := strconv.ParseUint(first, 10, 32)
		b, errB := strconv.ParseUint(last, 10, 32)
		if errA != nil || errB != nil || a > b || uint(b) >= limit {
			return nil
		}
		ranges = append(ranges, Range{uint(a), uint(b)})
	}
	return ranges
}

// numbers checks a list that may be empty, which asks for nothing.
func (r *report) numbers(path, list, what string, limit uint) {
	if list != "" && numbers(list, limit) == nil {
		r.refuse(path, quote(list)+" is no list of "+what+"; write numbers and ranges with commas between, such as 0-3,7, the highest "+
			strconv.FormatUint(uint64(limit-1), 10))
	}
}
