package cgroupv2

import (
	"maps"
	"slices"
	"strings"

	"github.com/roost-run/roost/internal/strictjson"
)

// unified are files by name, which win over the other members: they say it in the kernel's own words. They are written last, in the
// order of their names. One that is not known here is written as well (config-linux.md, "Unified").
func (c *converter) unified(files map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := strictjson.Member("unified", name)
		if text := refusal(name); text != "" {
			c.bad(path, "%s", text)
			continue
		}
		if strings.ContainsRune(files[name], 0) {
			c.bad(path, "a NUL byte is nothing that a file of a cgroup takes")
			continue
		}
		if !byKey(name) {
			c.settings = slices.DeleteFunc(c.settings, func(s Setting) bool { return s.File == name })
		}
		// One write is one device for io.max and its like.
		lines := strings.FieldsFunc(files[name], func(r rune) bool { return r == '\n' })
		if len(lines) == 0 {
			lines = []string{""}
		}
		for _, line := range lines {
			s := c.set(path, name, line)
			if s.Controller == "cgroup" {
				s.Controller = ""
			}
		}
	}
}

// byKey reports whether a file has a line for each device or resource, so that several writes go beside one another.
func byKey(file string) bool {
	switch file {
	case "io.max", "io.latency", "io.weight", "io.bfq.weight", "rdma.max", "misc.max", "dmem.max", "dmem.low", "dmem.min":
		return true
	}
	return false
}

// refusal says why no file of this name is written. What is below the cgroup's own directory, or says who is in it and whether it runs, is
// the runtime's: a configuration that writes "0" to cgroup.procs would put the runtime into the container, one that writes to
// cgroup.subtree_control or cgroup.type would close the cgroup to the container's processes.
func refusal(name string) string {
	switch name {
	case "cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "cgroup.type", "cgroup.freeze", "cgroup.kill":
		return name + " is for the runtime to write; use pause, kill or exec"
	}
	for _, r := range name {
		if r <= ' ' || r == '/' || r == '\\' || r > '~' {
			return "this is no name of a file in a cgroup"
		}
	}
	controller, file, ok := strings.Cut(name, ".")
	if !ok || controller == "" || file == "" || len(name) > 255 {
		return "this is no name of a file in a cgroup: those are CONTROLLER.PARAMETER, such as memory.high"
	}
	return ""
}
