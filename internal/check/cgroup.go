package check

import (
	"fmt"
	"strings"
)

// home is the kind of place that limited containers get their cgroup in.
type home uint8

const (
	nowhere  home = iota
	ownTree       // below our own, which is ours
	manager       // a scope below the user manager's
	machines      // a scope below system.slice, for root
)

// home is where a limited container goes, by the rule of --cgroups=auto.
func (f cgroupFacts) home() home {
	_, service := f.unit()
	switch {
	case f.mountErr != nil || f.ownErr != nil:
		return nowhere
	case f.below == nil:
		return ownTree
	case service != "" || f.scope != nil: // a service is never left: its own limits are to hold
		return nowhere
	case f.root():
		return machines
	}
	return manager
}

func (f cgroupFacts) root() bool { return f.caller.privileged() && f.caller.machine }

// unit is the last part of our own cgroup's path, session the scope of a login, and service the unit that we are in otherwise.
func (f cgroupFacts) unit() (session, service string) {
	for _, part := range strings.Split(f.own, "/") {
		switch {
		case strings.HasPrefix(part, "session-") && strings.HasSuffix(part, ".scope"):
			session = part
		case strings.HasSuffix(part, ".service") && !strings.HasPrefix(part, "user@"):
			service = part
		}
	}
	return session, service
}

func cgroupItems(f cgroupFacts) []Item {
	list := []Item{versionItem(f)}
	if f.mountErr != nil || f.ownErr != nil {
		return list
	}
	list = append(list, delegatedItem(f), busItem(f), controllersItem(f))
	if i, found := lingerItem(f); found {
		list = append(list, i)
	}
	return append(list, killItem(f))
}

func versionItem(f cgroupFacts) Item {
	const id = "cgroup.version"
	v1 := strings.Join(f.v1, ", ")
	unified := func(i Item) Item {
		if len(f.v1) == 0 {
			return i
		}
		return i.says("/proc/self/mountinfo", "cgroup v1 on "+v1).
			remedy(Admin, "an administrator boots with version 2 alone, which systemd does by this on the kernel's command line:", "systemd.unified_cgroup_hierarchy=1")
	}
	switch {
	case f.ownErr != nil:
		return warning(id, "which cgroup this process is in cannot be told: no limits").because("/proc/self/cgroup", f.ownErr)
	case f.mountErr != nil && len(f.v1) > 0:
		return unified(warning(id, "only cgroup v1, which roost does not use: no limits"))
	case f.mountErr != nil:
		return warning(id, "no cgroup v2 is mounted: no limits").because("/sys/fs/cgroup", f.mountErr)
	case len(f.v1) > 0:
		return unified(warning(id, "hybrid: cgroup v2 at "+f.mount+" freezes and kills, but version 1 has the controllers: no limits"))
	}
	return ok(id, "cgroup v2 at "+f.mount).says(f.mount, "cgroup2")
}

func delegatedItem(f cgroupFacts) Item {
	const id = "cgroup.delegated"
	session, service := f.unit()
	evidence := func(i Item) Item {
		i = i.says("/proc/self/cgroup", "0::"+f.own).plus(f.delegate)
		if f.below != nil {
			text, _ := split(f.below)
			i = i.says("--cgroups inherit", text)
		}
		return i
	}
	switch f.home() {
	case ownTree:
		return evidence(ok(id, "your cgroup, "+f.own+", is delegated to you: containers get theirs in it, without systemd"))
	case machines:
		return evidence(ok(id, "systemd makes a scope for each container with limits, as root may ask it to"))
	}
	if service != "" {
		return evidence(warning(id, service+" is a service without delegation: its own limits hold for containers, and they can have none of their own")).
			remedy(who(f, service), "in the unit of "+service+":", "[Service]", "Delegate=yes")
	}
	if f.home() == manager {
		if session != "" {
			return evidence(ok(id, session+" is root's: your own systemd makes a scope for each container with limits"))
		}
		return evidence(ok(id, "your own systemd makes a scope for each container with limits"))
	}
	i := evidence(warning(id, "your cgroup, "+f.own+", is not yours to divide, and no systemd of yours runs: no limits"))
	if f.caller.batch.Source != "" {
		return i.says(f.caller.batch.Source, f.caller.batch.Says).remedy(Admin, "the limits of the job hold for containers; further ones take a scheduler that delegates the cgroup of a job's steps")
	}
	if !f.systemd {
		return i.remedy(Admin, "an administrator makes a cgroup and gives it to you, with its files cgroup.procs, cgroup.threads and cgroup.subtree_control; in a container, whoever runs it has it mounted writable")
	}
	return i.remedy(Admin, "log in through systemd-logind (ssh, machinectl shell; not su or sudo), or have a user manager kept for you:", fmt.Sprintf("loginctl enable-linger %d", f.caller.caller.EUID))
}

// busItem says which service manager answered, and what became of the other ways to it.
func busItem(f cgroupFacts) Item {
	const id = "cgroup.bus"
	evidence := func(i Item) Item {
		for _, t := range f.buses {
			said := "systemd " + t.Version + " answers"
			if t.Err != nil {
				said = cause(t.Err)
			}
			i = i.says(t.From, said)
		}
		return i
	}
	for _, t := range f.buses {
		if t.Err == nil {
			return evidence(ok(id, fmt.Sprintf("systemd %s answers at %s: the %s manager", t.Version, t.From, t.Bus)))
		}
	}
	_, service := f.unit()
	switch {
	case f.home() == ownTree || service != "":
		return evidence(ok(id, "no service manager answers, and none is needed here"))
	case !f.systemd:
		return evidence(note(id, "no service manager answers: systemd does not run this machine"))
	}
	i := evidence(warning(id, "no service manager of yours answers, so nobody makes scopes"))
	if f.scope == nil {
		return i
	}
	_, hint := split(f.scope)
	return i.remedy(Admin, orElse(hint, "look into the journal for why it does not run"))
}

// who owns a unit: the user, if it is below their own manager.
func who(f cgroupFacts, service string) Who {
	if strings.Contains(f.own, fmt.Sprintf("/user@%d.service/", f.caller.caller.EUID)) && !f.root() {
		return User
	}
	return Admin
}

func lingerItem(f cgroupFacts) (Item, bool) {
	const id = "cgroup.linger"
	switch {
	case f.root() || !f.systemd || f.home() == nowhere:
		return Item{}, false
	case f.lingering.err == nil:
		return ok(id, "your user manager stays when you log out, and so do containers in its scopes").plus(f.lingering), true
	}
	return note(id, "your user manager ends when you log out for the last time, and the containers in its scopes with it").plus(f.lingering).
		remedy(User, "to keep them (some machines ask for an administrator):", "loginctl enable-linger"), true
}

func killItem(f cgroupFacts) Item {
	const id = "cgroup.kill"
	if f.killable.value != "" {
		return ok(id, "the kernel kills a whole cgroup at once").plus(f.killable)
	}
	return note(id, "whether a whole cgroup can be killed at once cannot be told").plus(f.killable)
}
