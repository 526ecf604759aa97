package cgroupv2

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/strictjson"
)

// Convert is linux.resources, without the devices, as what is written to files of cgroup v2, in the order of writing. What is 0, -1 or
// missing where that asks for nothing gives no setting; -1 is "max". docs/cgroup-v2.md has every member.
//
// It makes no system call: whether the controllers and the files are there is [Check]'s to say.
func Convert(r *specs.LinuxResources) (Settings, []Problem) {
	if r == nil {
		return nil, nil
	}
	var c converter
	c.memory(r.Memory)
	c.cpu(r.CPU)
	c.pids(r.Pids)
	c.blockIO(r.BlockIO)
	c.hugepages(r.HugepageLimits)
	c.rdma(r.Rdma)
	c.network(r.Network)
	c.unified(r.Unified)
	return c.settings, c.problems
}

type converter struct {
	settings Settings
	problems []Problem
}

// member is the JSON path of a member of linux.resources.
func member(path string) string { return "linux.resources." + path }

func (c *converter) set(path, file, value string) *Setting {
	controller, _, _ := strings.Cut(file, ".")
	c.settings = append(c.settings, Setting{File: file, Value: value, Controller: controller, Path: member(path)})
	return &c.settings[len(c.settings)-1]
}

func (c *converter) bad(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: member(path), Text: fmt.Sprintf(format, args...)})
}

// v1 is a member that cgroup v2 has nothing like; one that asks for nothing is accepted, since engines write all of them.
func (c *converter) v1(asks bool, path, instead string) {
	if asks {
		c.problems = append(c.problems, Problem{Path: member(path), Text: "cgroup v1 alone has it; " + instead, V1: true})
	}
}

func (c *converter) pids(p *specs.LinuxPids) {
	if p == nil || p.Limit == nil {
		return
	}
	value := "max"
	switch n := *p.Limit; {
	case n == 0:
		// The runtime-spec wants no process besides the container's own. systemd has no TasksMax=0, and nobody can be born where pids.max
		// is 0; with 1 there is the container's process, which cannot fork.
		value = "1"
	case n > 0:
		value = strconv.FormatInt(n, 10)
	}
	c.set("pids.limit", "pids.max", value)
}

func (c *converter) hugepages(list []specs.LinuxHugepageLimit) {
	for i, h := range list {
		path := fmt.Sprintf("hugepageLimits[%d]", i)
		if !pageSize(h.Pagesize) {
			c.bad(path+".pageSize", "%q is no page size; write it as 2MB or 1GB", h.Pagesize)
			continue
		}
		value := strconv.FormatUint(h.Limit, 10)
		c.set(path+".limit", "hugetlb."+h.Pagesize+".max", value)
		// Since Linux 5.7. Both, as the limit of reservations does not count what is mapped without one.
		c.set(path+".limit", "hugetlb."+h.Pagesize+".rsvd.max", value).Optional = true
	}
}

// pageSize reports whether it is a number and KB, MB or GB.
func pageSize(s string) bool {
	number := strings.TrimRight(s, "KMGB")
	switch unit := s[len(number):]; unit {
	case "KB", "MB", "GB":
		_, err := strconv.ParseUint(number, 10, 32)
		return err == nil && number[0] != '+'
	}
	return false
}

func (c *converter) rdma(devices map[string]specs.LinuxRdma) {
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		d, path := devices[name], strictjson.Member("rdma", name)
		if name == "" || strings.ContainsAny(name, " \t\r\n\v\f=\x00") {
			c.bad(path, "%q is no name of a device (rdma link)", name)
			continue
		}
		value := name
		if d.HcaHandles != nil {
			value += " hca_handle=" + strconv.FormatUint(uint64(*d.HcaHandles), 10)
		}
		if d.HcaObjects != nil {
			value += " hca_object=" + strconv.FormatUint(uint64(*d.HcaObjects), 10)
		}
		if value != name {
			c.set(path, "rdma.max", value)
		}
	}
}

func (c *converter) network(n *specs.LinuxNetwork) {
	if n == nil {
		return
	}
	const instead = "mark packets by a filter on the cgroup's path (nftables, socket cgroupv2), or leave it out"
	c.v1(n.ClassID != nil && *n.ClassID != 0, "network.classID", instead)
	for i, p := range n.Priorities {
		c.v1(p.Priority != 0, fmt.Sprintf("network.priorities[%d]", i), instead)
	}
}
