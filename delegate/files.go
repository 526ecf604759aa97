package delegate

import (
	"math"
	"strconv"
	"strings"
)

// File is a value for a file of a cgroup, as the kernel takes it: "memory.max", "1048576". Path is where it was asked for.
type File struct{ Name, Value, Path string }

// Properties are what systemd has for the files' values, so that it keeps them whenever it writes the files itself. rest is what has
// to be written to the files all the same, after the unit was started: what has no property, and what a property has only coarser.
func Properties(files []File) (props []Property, rest []File) {
	for _, f := range files {
		found, exact := f.properties()
		for _, p := range found {
			p.Path = f.Path
			props = put(props, p)
		}
		if !exact {
			rest = append(rest, f)
		}
	}
	return props, rest
}

// put replaces a property of the same name: the later file wins, as when written.
func put(props []Property, p Property) []Property {
	for i := range props {
		if props[i].Name == p.Name {
			props[i] = p
			return props
		}
	}
	return append(props, p)
}

// sizes are properties of type t, in bytes, tasks or shares, by the file that they stand for; "max" is all ones.
var sizes = [...]struct {
	file, name string
	since      int
}{
	{"memory.max", "MemoryMax", 231}, {"memory.high", "MemoryHigh", 231}, {"memory.low", "MemoryLow", 231},
	{"memory.min", "MemoryMin", 240}, {"memory.swap.max", "MemorySwapMax", 232}, {"memory.zswap.max", "MemoryZSwapMax", 253},
	{"pids.max", "TasksMax", 227}, {"cpu.weight", "CPUWeight", 232},
}

func (f File) properties() (props []Property, exact bool) {
	value := strings.TrimSpace(f.Value)
	for _, s := range sizes {
		if s.file == f.Name {
			n, ok := size(value)
			if !ok {
				return nil, false
			}
			return []Property{{Name: s.name, Signature: "t", Value: n, Since: s.since}}, true
		}
	}
	switch f.Name {
	case "cpu.max":
		return cpuMax(value)
	case "cpu.idle":
		if value == "1" {
			return []Property{{Name: "CPUWeight", Signature: "t", Value: uint64(0), Since: 252}}, true
		}
	case "cpuset.cpus":
		return cpuSet("AllowedCPUs", value)
	case "cpuset.mems":
		return cpuSet("AllowedMemoryNodes", value)
	case "memory.oom.group":
		policy := map[string]string{"0": "continue", "1": "kill"}[value]
		return []Property{{Name: "OOMPolicy", Signature: "s", Value: policy, Since: 253}}, policy != ""
	case "memory.zswap.writeback":
		return []Property{{Name: "MemoryZSwapWriteback", Signature: "b", Value: value == "1", Since: 256}}, value == "0" || value == "1"
	case "io.weight", "io.max", "io.latency":
		// Of devices systemd sees to it as far as it finds their nodes; so the file is written in any case.
		return ioProperties(f.Name, value), false
	}
	return nil, false
}

// size reads a number as the kernel does (memparse), or max.
func size(value string) (uint64, bool) {
	if value == "max" {
		return math.MaxUint64, true
	}
	shift := 0
	if n := len(value); n > 1 {
		if i := strings.IndexByte("KMGTPE", value[n-1]&^0x20); i >= 0 {
			shift, value = 10*(i+1), value[:n-1]
		}
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n > math.MaxUint64>>shift {
		return 0, false
	}
	return n << shift, true
}

const (
	defaultPeriod = 100_000 // microseconds, cgroup-v2.rst
	coarse        = 10_000  // microseconds in a second: systemd counts in whole percents
)

// cpuMax is "QUOTA PERIOD" or "QUOTA". systemd keeps whole percents, so the quota is rounded up, and the file is then written too.
func cpuMax(value string) (props []Property, exact bool) {
	quotaText, periodText, both := strings.Cut(value, " ")
	period := uint64(defaultPeriod)
	if both {
		n, err := strconv.ParseUint(periodText, 10, 32)
		if err != nil || n == 0 {
			return nil, false
		}
		period = n
	}
	perSecond, exact := uint64(math.MaxUint64), true
	if quotaText != "max" {
		quota, err := strconv.ParseUint(quotaText, 10, 44)
		if err != nil || quota == 0 {
			return nil, false
		}
		perSecond = quota * 1_000_000 / period
		exact = quota*1_000_000%period == 0 && perSecond%coarse == 0
		if !exact {
			perSecond = (perSecond/coarse + 1) * coarse
		}
	}
	props = []Property{{Name: "CPUQuotaPerSecUSec", Signature: "t", Value: perSecond, Since: 213}}
	if both {
		// systemd takes 1 ms to 1 s.
		props = append(props, Property{Name: "CPUQuotaPeriodUSec", Signature: "t", Value: period, Since: 242})
		exact = exact && period >= 1000 && period <= 1_000_000
	}
	return props, exact
}

// maxCPU bounds the list that a text can ask for.
const maxCPU = 1 << 14

// cpuSet turns "0-3,7" into the bits that systemd takes, the lowest first.
func cpuSet(name, list string) (props []Property, exact bool) {
	bits := []byte{}
	for part := range strings.SplitSeq(list, ",") {
		fromText, toText, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.ParseUint(fromText, 10, 32)
		to := from
		if err == nil && isRange {
			to, err = strconv.ParseUint(toText, 10, 32)
		}
		if err != nil || to < from || to >= maxCPU {
			return nil, false
		}
		for n := from; n <= to; n++ {
			for uint64(len(bits)) <= n/8 {
				bits = append(bits, 0)
			}
			bits[n/8] |= 1 << (n % 8)
		}
	}
	return []Property{{Name: name, Signature: "ay", Value: bits, Since: 244}}, true
}
