package spec

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// limits checks what can be known without the machine: signs, and what two of them say together. -1 is no limit, 0 none given.
func (r *report) limits(path string, c *specs.LinuxResources) {
	if c.Memory != nil {
		r.memory(path+".memory", c.Memory)
	}
	if c.CPU != nil {
		r.cpu(path+".cpu", c.CPU)
	}
	if c.Pids != nil {
		r.atLeastNone(path+".pids.limit", c.Pids.Limit)
	}
	if c.BlockIO != nil {
		r.blockIO(path+".blockIO", c.BlockIO)
	}
	seen := map[string]bool{}
	for i, l := range c.HugepageLimits {
		at := strictjson.Element(path+".hugepageLimits", i) + ".pageSize"
		if !pageSize(l.Pagesize) {
			r.refuse(at, quote(l.Pagesize)+" is no size of a page; it is written like 64KB, 2MB or 1GB")
		}
		if seen[l.Pagesize] {
			r.refuse(at, quote(l.Pagesize)+" is given twice; keep one of them")
		}
		seen[l.Pagesize] = true
	}
	for _, name := range slices.Sorted(maps.Keys(c.Rdma)) {
		if name == "" || strings.ContainsAny(name, " \n\x00") {
			r.refuse(strictjson.Member(path+".rdma", name), quote(name)+" is no name of an RDMA device; they are written like mlx5_1")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Unified)) {
		at := strictjson.Member(path+".unified", name)
		controller, file, ok := strings.Cut(name, ".")
		switch {
		case hasNUL(name), hasNUL(c.Unified[name]):
			r.refuse(at, nulText)
		case !ok, controller == "", file == "", strings.Contains(name, "/"):
			r.refuse(at, quote(name)+" is no file of cgroup v2; they are written like memory.high")
		}
	}
}

func (r *report) memory(path string, m *specs.LinuxMemory) {
	sound := r.atLeastNone(path+".limit", m.Limit)
	r.atLeastNone(path+".reservation", m.Reservation)
	sound = r.atLeastNone(path+".swap", m.Swap) && sound
	if sound && m.Swap != nil && *m.Swap > 0 {
		switch {
		case m.Limit == nil || *m.Limit <= 0:
			r.refuse(path+".swap", "is memory and swap together, and so needs a limit of memory; give limit, too")
		case *m.Swap < *m.Limit:
			r.refuse(path+".swap", "is memory and swap together, and less than limit; raise it")
		}
	}
}

func (r *report) atLeastNone(path string, n *int64) bool {
	if n != nil && *n < -1 {
		r.refuse(path, strconv.FormatInt(*n, 10)+" is less than -1, which is no limit")
		return false
	}
	return true
}

// cpu checks by the bounds of cpu.max, in microseconds (cgroup-v2.rst, kernel/sched/core.c).
func (r *report) cpu(path string, c *specs.LinuxCPU) {
	quota := c.Quota != nil && *c.Quota > 0
	if quota && *c.Quota < 1000 {
		r.refuse(path+".quota", strconv.FormatInt(*c.Quota, 10)+" µs; the kernel takes 1000 and more")
	}
	if p := c.Period; p != nil && *p != 0 && (*p < 1000 || *p > 1_000_000) {
		r.refuse(path+".period", strconv.FormatUint(*p, 10)+" µs is not from 1000 to 1000000")
	}
	if b := c.Burst; b != nil && quota && *b > uint64(*c.Quota) {
		r.refuse(path+".burst", "more than the quota; lower it")
	}
	if c.Idle != nil && *c.Idle != 0 && *c.Idle != 1 {
		r.refuse(path+".idle", strconv.FormatInt(*c.Idle, 10)+" is not 0 or 1")
	}
	r.numbers(path+".cpus", c.Cpus, "CPUs", maxCPUs)
	r.numbers(path+".mems", c.Mems, "memory nodes", maxNodes)
}

func (r *report) blockIO(path string, b *specs.LinuxBlockIO) {
	r.ioWeight(path+".weight", b.Weight)
	device := func(name string, i int, d *specs.LinuxBlockIODevice) string {
		at := strictjson.Element(path+"."+name, i)
		if d.Major < 0 || d.Major >= 1<<12 {
			r.refuse(at+".major", strconv.FormatInt(d.Major, 10)+" is not from 0 to 4095")
		}
		if d.Minor < 0 || d.Minor >= 1<<20 {
			r.refuse(at+".minor", strconv.FormatInt(d.Minor, 10)+" is not from 0 to 1048575")
		}
		return at
	}
	for i := range b.WeightDevice {
		at := device("weightDevice", i, &b.WeightDevice[i].LinuxBlockIODevice)
		r.ioWeight(at+".weight", b.WeightDevice[i].Weight)
	}
	throttle := func(name string, list []specs.LinuxThrottleDevice) {
		for i := range list {
			device(name, i, &list[i].LinuxBlockIODevice)
		}
	}
	throttle("throttleReadBpsDevice", b.ThrottleReadBpsDevice)
	throttle("throttleWriteBpsDevice", b.ThrottleWriteBpsDevice)
	throttle("throttleReadIOPSDevice", b.ThrottleReadIOPSDevice)
	throttle("throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice)
}

func (r *report) ioWeight(path string, w *uint16) {
	if w != nil && *w != 0 && (*w < 10 || *w > 1000) {
		r.refuse(path, strconv.Itoa(int(*w))+" is not from 10 to 1000")
	}
}

// pageSize says whether s is written like the names of hugetlb files: a number, and KB, MB or GB.
func pageSize(s string) bool {
	number := strings.TrimRight(s, "KMGB")
	unit := s[len(number):]
	return number != "" && strings.Trim(number, "0123456789") == "" && number[0] != '0' && (unit == "KB" || unit == "MB" || unit == "GB")
}
