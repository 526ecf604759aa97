package cgroupv2

import (
	"fmt"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (c *converter) blockIO(b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	c.weight("blockIO.weight", "", b.Weight)
	const leaf = "give the cgroups below one another's weights"
	c.v1(value(b.LeafWeight) != 0, "blockIO.leafWeight", leaf)
	for i, d := range b.WeightDevice {
		path := fmt.Sprintf("blockIO.weightDevice[%d]", i)
		if device, ok := c.device(path, d.Major, d.Minor); ok {
			c.weight(path+".weight", device+" ", d.Weight)
		}
		c.v1(value(d.LeafWeight) != 0, path+".leafWeight", leaf)
	}
	c.throttle("throttleReadBpsDevice", "rbps", b.ThrottleReadBpsDevice)
	c.throttle("throttleWriteBpsDevice", "wbps", b.ThrottleWriteBpsDevice)
	c.throttle("throttleReadIOPSDevice", "riops", b.ThrottleReadIOPSDevice)
	c.throttle("throttleWriteIOPSDevice", "wiops", b.ThrottleWriteIOPSDevice)
}

// weight is a weight as cgroup v1 and BFQ have it, 10 to 1000 with 100 by default, and for a kernel without BFQ as io.weight, 1 to 10000,
// on a straight line.
func (c *converter) weight(path, device string, weight *uint16) {
	w := uint64(value(weight))
	if w == 0 {
		return
	}
	if w < 10 || w > 1000 {
		c.bad(path, "%d is not between 10 and 1000", w)
		return
	}
	s := c.set(path, "io.bfq.weight", device+strconv.FormatUint(w, 10))
	s.Or = &Setting{File: "io.weight", Value: device + strconv.FormatUint(1+(w-10)*9999/990, 10), Controller: s.Controller, Path: s.Path}
}

// throttle is io.max. A rate of 0 is no limit, as in cgroup v1; the kernel refuses it in io.max.
func (c *converter) throttle(name, key string, list []specs.LinuxThrottleDevice) {
	for i, d := range list {
		path := fmt.Sprintf("blockIO.%s[%d]", name, i)
		device, ok := c.device(path, d.Major, d.Minor)
		if !ok {
			continue
		}
		if d.Rate == 1 { // tg_set_limit, block/blk-throttle.c
			c.bad(path+".rate", "the kernel takes no limit of 1 a second; 2 is the lowest, and 0 is none")
			continue
		}
		rate := "max"
		if d.Rate != 0 {
			rate = strconv.FormatUint(d.Rate, 10)
		}
		c.set(path+".rate", "io.max", device+" "+key+"="+rate)
	}
}

func (c *converter) device(path string, major, minor int64) (string, bool) {
	const most = 1<<32 - 1
	if major < 0 || minor < 0 || major > most || minor > most {
		c.bad(path, "%d:%d are no numbers of a device", major, minor)
		return "", false
	}
	return strconv.FormatInt(major, 10) + ":" + strconv.FormatInt(minor, 10), true
}
