package main

import (
	"runtime/debug"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/spec"
)

// Set by the linker: -ldflags "-X main.version=… -X main.commit=…".
var (
	version = "0.0.0-dev"
	commit  = ""
)

func versionCommand() command {
	return command{
		Command: flags.Command{Name: "version", Usage: []string{""}, Short: "print the version of roost and of the specification", Group: setUp},
		run:     func(a *app, _ flags.Args) (int, error) { return 0, a.print(versionText()) },
	}
}

// versionText has the three lines that engines look for (moby takes them apart by their first words).
func versionText() string {
	return "roost version " + version + "\ncommit: " + commitID() + "\nspec: " + spec.Version + "\n"
}

func commitID() string {
	if commit != "" {
		return commit
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value
			}
		}
	}
	return "unknown"
}
