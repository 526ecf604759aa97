package check

import (
	"fmt"
	"path"
	"strings"
)

// controllersItem says which limits there can be where containers get their cgroups, and where the others are lost on the way down.
func controllersItem(f cgroupFacts) Item {
	const id = "cgroup.controllers"
	chain := f.chain
	switch f.home() {
	case manager:
		if chain = f.manager; chain == nil {
			return note(id, "which limits your systemd can give cannot be seen from here: its cgroup is outside of this tree").says("/proc/self/cgroup", "0::"+f.own)
		}
	case machines:
		chain = chain[:1] // root's systemd passes on whatever is asked for
	}
	last := chain[len(chain)-1]
	var have, lost, minor []string
	for _, c := range [...]string{"memory", "pids", "cpu", "cpuset", "io"} {
		switch {
		case last.has(c):
			have = append(have, c)
		case c == "cpuset" || c == "io":
			minor = append(minor, c)
		default:
			lost = append(lost, c)
		}
	}
	limits := orElse(strings.Join(have, ", "), "nothing")
	if f.home() == nowhere {
		return ok(id, "controllers where you are, though not for you: "+limits).plus(last.controllers)
	}
	if len(lost)+len(minor) == 0 {
		return ok(id, "limits of "+limits).plus(last.controllers)
	}
	missing := append(lost, minor...)
	i := note(id, fmt.Sprintf("limits of %s, and not of %s", limits, strings.Join(missing, ", "))).plus(last.controllers)
	if len(lost) > 0 {
		i.State = Warning
	}
	return f.lostOnTheWay(i, chain, missing)
}

// lostOnTheWay finds for each controller the first cgroup that does not pass it on.
func (f cgroupFacts) lostOnTheWay(i Item, chain []level, missing []string) Item {
	root := chain[0]
	dropped := map[string][]string{} // by the cgroup that does not pass them on
	var order, absent []string
	for _, c := range missing {
		if !root.has(c) {
			absent = append(absent, c)
			continue
		}
		for _, l := range chain {
			if !l.passesOn(c) {
				if dropped[l.path] == nil {
					order = append(order, l.path)
				}
				dropped[l.path] = append(dropped[l.path], c)
				break
			}
		}
	}
	if len(order) > 0 {
		for _, at := range order {
			i = i.says(at+"/cgroup.subtree_control", "does not pass on "+strings.Join(dropped[at], ", "))
		}
		return f.passOn(i, order[0], missing)
	}
	if len(chain) > 1 {
		i = i.plus(root.controllers)
	}
	return f.absent(i, absent)
}

// passOn is how a controller gets down from there: by the unit that is delegated, whose systemd then enables it on the whole way.
func (f cgroupFacts) passOn(i Item, at string, missing []string) Item {
	session, service := f.unit()
	switch {
	case f.home() == manager || strings.Contains(f.own, "/user@"):
		return i.remedy(Admin, "an administrator writes /etc/systemd/system/user@.service.d/delegate.conf, then `systemctl daemon-reload`; it holds from your next login on:",
			"[Service]", "Delegate=cpu cpuset io memory pids")
	case service != "" && session == "":
		return i.remedy(Admin, "in the unit of "+service+":", "[Service]", "Delegate=cpu cpuset io memory pids")
	}
	var words []string
	for _, c := range missing {
		words = append(words, "+"+c)
	}
	return i.remedy(Admin, "whoever owns "+path.Clean(at)+" passes them on:", "echo "+strings.Join(words, " ")+" > "+at+"/cgroup.subtree_control")
}

// absent is for controllers that version 2 does not have at its root.
func (f cgroupFacts) absent(i Item, absent []string) Item {
	for line := range strings.Lines(f.cgroups.value) {
		fields := strings.Fields(line) // name, hierarchy, number of cgroups, enabled
		if len(fields) == 4 && contains(absent, fields[0]) && (fields[1] != "0" || fields[3] == "0") {
			i = i.says("/proc/cgroups", strings.Join(fields, " ")+"  (name, hierarchy of v1, cgroups, enabled)")
		}
	}
	switch {
	case len(f.v1) > 0:
		return i.remedy(Admin, "version 1 has them: see cgroup.version")
	case f.features:
		return i.remedy(Admin, "whoever runs the container around this one gives it these controllers")
	}
	return i.remedy(Admin, "the kernel has them not, or switched off: look for cgroup_disable= in /proc/cmdline")
}

// contains knows that what version 2 calls io was blkio.
func contains(controllers []string, v1 string) bool {
	for _, c := range controllers {
		if c == v1 || c == "io" && v1 == "blkio" {
			return true
		}
	}
	return false
}
