package check

import (
	"fmt"
	"strings"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/spec"
)

// Bundle is what the compiling of a configuration said.
type Bundle struct {
	Problems []spec.Problem // for which it is refused
	Err      error          // for which it is refused, where that is none of its own
	GivenUp  []spec.Problem // what it runs without, were it not for the problems
	Mounts   []FileSystem
	Later    []spec.Problem // what it will run without, as a start finds out when it tries
	Cgroup   string         // how it comes by a cgroup of its own; "" is none
	Policies degrade.Policies
}

// FileSystem is one that the configuration wants to be mounted anew.
type FileSystem struct {
	Index   int // in mounts
	Type    string
	StandIn bool // something takes its place where it is refused
	Refused bool // it is not to be had, whatever the host allows: a sysfs in somebody else's network namespace
}

// Items says what of the configuration works here. The items about the host tell what only the kernel knows.
func (b Bundle) Items(host []Item) []Item {
	var list []Item
	if b.Err != nil {
		list = append(list, wrong("bundle.config", "the bundle cannot be used").because("config.json", b.Err))
	}
	for _, p := range b.Problems {
		list = append(list, problemItem(p))
	}
	for _, p := range b.GivenUp {
		if !b.refused(p) {
			list = append(list, b.givenUpItem(p.Path, p.Kind, p.Text, p.Loud))
		}
	}
	for _, m := range b.Mounts {
		if why := m.refused(host); why != "" {
			list = append(list, b.mountItem(m, why))
		}
	}
	for _, p := range b.Later {
		list = append(list, b.triedItem(degrade.Kind(p.Kind), p.Path, p.Text, true))
	}
	if len(list) == 0 {
		list = append(list, ok("bundle.plan", "all of config.json can be had here"))
	}
	if b.Cgroup != "" {
		list = append(list, ok("bundle.cgroup", b.Cgroup))
	}
	return list
}

// refused: what is a problem under one policy is given up under another, which is asked to find what else there is.
func (b Bundle) refused(p spec.Problem) bool {
	for _, problem := range b.Problems {
		if problem.Path == p.Path && problem.Kind == p.Kind {
			return true
		}
	}
	return false
}

func problemItem(p spec.Problem) Item {
	source := "config.json"
	if p.Line > 0 {
		source = fmt.Sprintf("config.json:%d", p.Line)
	}
	if p.Kind == "" {
		i := wrong("bundle.config", p.Text)
		i.Path = p.Path
		return i.says(source, orElse(p.Path, "the document"))
	}
	text, _, _ := strings.Cut(p.Text, "; "+degrade.Remedy(degrade.Kind(p.Kind)))
	i := wrong("bundle.refused", text).says(source, p.Path).remedy(User, strings.TrimPrefix(degrade.Remedy(degrade.Kind(p.Kind)), "or "))
	i.Path, i.Kind, i.Policy = p.Path, p.Kind, degrade.Deny.String()
	return i
}

func (b Bundle) givenUpItem(path, kind, text string, loud bool) Item {
	i := note("bundle.given-up", text)
	i.Policy = degrade.Ignore.String()
	if loud {
		i.State, i.Policy = Warning, degrade.Warn.String()
	}
	i.Path, i.Kind = path, kind
	return i.says("config.json", path)
}

// refused is why the file system cannot be mounted here, by the items about the host; "" if it can.
func (m FileSystem) refused(host []Item) string {
	if m.Refused {
		return m.Type + " needs a network namespace of the container's own"
	}
	for _, i := range host {
		if i.ID == "mounts."+m.Type && i.State != OK {
			return i.Summary
		}
	}
	return ""
}

func (b Bundle) mountItem(m FileSystem, why string) Item {
	return b.triedItem(degrade.Kind(m.Type), fmt.Sprintf("mounts[%d]", m.Index), why, m.StandIn)
}

// triedItem is for what is tried when a container is set up, and then fails or is given up.
func (b Bundle) triedItem(kind degrade.Kind, path, why string, dispensable bool) Item {
	if policy := b.Policies.For(kind); policy != degrade.Deny && dispensable {
		return b.givenUpItem(path, string(kind), why, policy == degrade.Warn)
	}
	i := wrong("bundle.refused", why).says("config.json", path)
	i.Path, i.Kind, i.Policy = path, string(kind), degrade.Deny.String()
	return i
}
