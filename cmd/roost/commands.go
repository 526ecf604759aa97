package main

import (
	"strings"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
)

// The groups of the overview, in its order.
const (
	everyday  flags.Group = "Every day"
	lifecycle flags.Group = "The OCI lifecycle, as engines call it"
	setUp     flags.Group = "Configuration and set-up"
)

// entry makes the table of a command only when that command is called.
type entry struct {
	name string
	make func() command
}

func commands() []entry {
	return []entry{
		{"run", runCommand}, {"exec", execCommand}, {"list", listCommand}, {"ps", psCommand}, {"top", topCommand},
		{"wait", waitCommand}, {"gc", gcCommand}, {"unshare", unshareCommand}, {"check", checkCommand},
		{"create", createCommand}, {"start", startCommand}, {"state", stateCommand},
		{"kill", killCommand}, {"delete", deleteCommand}, {"pause", pauseCommand}, {"resume", resumeCommand}, {"update", updateCommand},
		{"events", eventsCommand},
		{"spec", specCommand}, {"explain", explainCommand}, {"features", featuresCommand},
		{"completion", completionCommand}, {"version", versionCommand}, {"help", helpCommand},
		{"man", manCommand}, {"__complete", completeCommand}, {"__completeNoDesc", completeBareCommand},
	}
}

func find(name string) (command, error) {
	for _, e := range commands() {
		if e.name == name {
			return e.make(), nil
		}
	}
	if reason := later(name); reason != "" {
		return command{}, fault.New(fault.NotSupported, "%s is not supported by this version of roost: %s", name, reason)
	}
	var near []string
	for _, e := range commands() {
		if name != "" && !e.hidden() && flags.Near(name, e.name) {
			near = append(near, e.name)
		}
	}
	if len(near) > 0 {
		return command{}, fault.New(fault.Usage, "unknown command %q", name).Remedy("did you mean %s?", strings.Join(near, " or "))
	}
	return command{}, fault.New(fault.Usage, "unknown command %q", name).Remedy("see: roost help")
}

// later names commands of other runtimes that are known and refused, rather than unknown.
func later(name string) string {
	switch name {
	case "checkpoint", "restore":
		return "it needs CRIU"
	}
	return ""
}

func (e entry) hidden() bool { return e.make().Hidden }
