package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// resources says what no kernel would take, and refuses what is of cgroup v1 alone. Whether limits can be had is found out
// by who makes the container.
func (r *report) resources(c *specs.LinuxResources) {
	const path = "linux.resources"
	r.deviceRules(c.Devices)
	r.limits(path, c)
	r.oldCgroups(path, c)
}

// deviceRules are for a filter that runtime puts in force where devices can be made.
func (r *report) deviceRules(rules []specs.LinuxDeviceCgroup) {
	for i, rule := range rules {
		at := func(member string) string { return strictjson.Element("linux.resources.devices", i) + "." + member }
		switch rule.Type {
		case "", "a", "b", "c":
		default:
			r.refuse(at("type"), quote(rule.Type)+" is no kind of device; it is a (all), b (block) or c (character)")
		}
		if strings.Trim(rule.Access, "rwm") != "" {
			r.refuse(at("access"), quote(rule.Access)+" is no access; it is made of r (read), w (write) and m (mknod)")
		}
		// Other runtimes take -1 for all numbers, and so do their configurations.
		if n := rule.Major; n != nil && (*n < -1 || *n >= 1<<12) {
			r.refuse(at("major"), strconv.FormatInt(*n, 10)+" is not from 0 to 4095, nor -1 for all")
		}
		if n := rule.Minor; n != nil && (*n < -1 || *n >= 1<<20) {
			r.refuse(at("minor"), strconv.FormatInt(*n, 10)+" is not from 0 to 1048575, nor -1 for all")
		}
	}
}

// oldCgroups refuses what cgroup v2 does not have, where it asks for something.
func (r *report) oldCgroups(path string, c *specs.LinuxResources) {
	old := func(asked bool, member string) {
		if asked {
			r.refuse(path+"."+member, "is of cgroup v1, which roost does not use; remove it")
		}
	}
	if m := c.Memory; m != nil {
		//nolint:staticcheck // deprecated, and refused
		old(m.Kernel != nil && *m.Kernel > 0, "memory.kernel")
		old(m.KernelTCP != nil && *m.KernelTCP > 0, "memory.kernelTCP")
		old(m.Swappiness != nil, "memory.swappiness")
		old(m.DisableOOMKiller != nil && *m.DisableOOMKiller, "memory.disableOOMKiller")
		// useHierarchy is nothing to refuse: in v2 it always is so.
	}
	if p := c.CPU; p != nil {
		old(p.RealtimeRuntime != nil && *p.RealtimeRuntime > 0, "cpu.realtimeRuntime")
		old(p.RealtimePeriod != nil && *p.RealtimePeriod > 0, "cpu.realtimePeriod")
	}
	if b := c.BlockIO; b != nil {
		old(b.LeafWeight != nil && *b.LeafWeight > 0, "blockIO.leafWeight")
		for i, w := range b.WeightDevice {
			old(w.LeafWeight != nil && *w.LeafWeight > 0, strictjson.Element("blockIO.weightDevice", i)+".leafWeight")
		}
	}
	if n := c.Network; n != nil {
		old(n.ClassID != nil && *n.ClassID > 0, "network.classID")
		old(len(n.Priorities) > 0, "network.priorities")
	}
}
