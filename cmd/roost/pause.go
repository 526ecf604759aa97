package main

import (
	"context"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

func pauseCommand() command {
	return onContainer(flags.Command{
		Name: "pause", Short: "stop all processes of a container until resume",
		Long: "The kernel stops them where they are, and they notice nothing of it but the time. It takes a cgroup of the container's\nown: see --cgroups of run. A paused container can be killed, updated and deleted; exec refuses it without --ignore-paused.",
	}, (*runtime.Container).Pause)
}

func resumeCommand() command {
	return onContainer(flags.Command{Name: "resume", Short: "let a paused container go on"}, (*runtime.Container).Resume)
}

// onContainer is a command that does one thing to one container.
func onContainer(table flags.Command, act func(*runtime.Container, context.Context) error) command {
	table.Usage, table.Group, table.Min, table.Max, table.Complete = []string{"ID"}, lifecycle, 1, 1, []flags.Hint{flags.Containers}
	return command{
		Command: table,
		run: func(a *app, args flags.Args) (int, error) {
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			return 0, act(c, context.Background())
		},
	}
}
