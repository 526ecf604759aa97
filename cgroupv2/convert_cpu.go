package cgroupv2

import (
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// usualPeriod is the kernel's period for cpu.max, in microseconds.
const usualPeriod = 100000

func (c *converter) cpu(p *specs.LinuxCPU) {
	if p == nil {
		return
	}
	idle := value(p.Idle)
	if idle != 0 && idle != 1 {
		c.bad("cpu.idle", "%d is neither 0 nor 1", idle)
	}
	if p.Idle != nil && (idle == 0 || idle == 1) { // before the weight, which an idle cgroup does not take
		c.set("cpu.idle", "cpu.idle", strconv.FormatInt(idle, 10)).Optional = idle == 0 // since Linux 5.15
	}
	if shares := value(p.Shares); shares != 0 && idle != 1 {
		c.set("cpu.shares", "cpu.weight", strconv.FormatUint(Weight(shares), 10))
	}
	c.quota(p)
	c.list("cpu.cpus", "cpuset.cpus", p.Cpus)
	c.list("cpu.mems", "cpuset.mems", p.Mems)
	const instead = "no kernel has it for cgroup v2; give the process a real-time scheduler (process.scheduler), or leave it out"
	c.v1(value(p.RealtimeRuntime) > 0, "cpu.realtimeRuntime", instead)
	c.v1(value(p.RealtimePeriod) != 0, "cpu.realtimePeriod", instead)
}

// quota is cpu.max and cpu.max.burst. Neither order is right always: the kernel refuses a burst above the quota, so a smaller quota
// comes after the burst, and a larger one before. [Group.Apply] tries again what was refused.
func (c *converter) quota(p *specs.LinuxCPU) {
	quota, period, burst := value(p.Quota), value(p.Period), value(p.Burst)
	if quota < -1 {
		c.bad("cpu.quota", "%d is no number of microseconds; -1 is no limit", quota)
		return
	}
	if quota > 0 && burst > uint64(quota) {
		c.bad("cpu.burst", "%d is more than cpu.quota, which is %d", burst, quota)
		return
	}
	if quota != 0 || period != 0 {
		text, path := "max", "cpu.quota"
		if quota > 0 {
			text = strconv.FormatInt(quota, 10)
		}
		if quota == 0 {
			path = "cpu.period"
		}
		if period == 0 {
			period = usualPeriod
		}
		c.set(path, "cpu.max", text+" "+strconv.FormatUint(period, 10))
	}
	if p.Burst != nil {
		// Since Linux 5.14; where it is missing there is no burst.
		c.set("cpu.burst", "cpu.max.burst", strconv.FormatUint(burst, 10)).Optional = burst == 0
	}
}

// list is a list of CPUs or of memory nodes. Which there are only the kernel knows; what could be anything else than a list is refused.
func (c *converter) list(path, file, list string) {
	if list == "" {
		return
	}
	strange := func(r rune) bool { return !strings.ContainsRune("0123456789,-:/ Nal", r) }
	if strings.ContainsFunc(list, strange) || strings.TrimSpace(list) == "" {
		c.bad(path, "%q is no list of numbers, such as 0-3,7", list)
		return
	}
	c.set(path, file, list)
}

// Weight is CPU shares of cgroup v1 (2 to 262144, by default 1024) as a cpu.weight (1 to 10000, by default 100), as runc and crun have it
// since 2025: on both scales what counts is the ratio, so the logarithm of the one is a curve of second degree of that of
// the other, which goes through the smallest, the default and the largest. The straight line that was used before had 1024 shares, which
// are the default, at a weight of 39.
func Weight(shares uint64) uint64 {
	const smallest, largest = 2, 1 << 18
	l := math.Log2(float64(min(max(shares, smallest), largest)))
	// Of the points (1, 0), (10, 2) and (18, 4).
	weight := math.Pow(10, (l*l+125*l-126)/612)
	// Rounded up, but not for the last bit of a float that should be whole.
	return uint64(math.Ceil(weight - 1e-9))
}
