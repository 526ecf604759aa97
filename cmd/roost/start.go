package main

import (
	"context"

	"github.com/roost-run/roost/internal/flags"
)

func startCommand() command {
	return command{
		Command: flags.Command{
			Name: "start", Usage: []string{"ID"}, Short: "let the process of a created container go", Group: lifecycle,
			Min: 1, Max: 1, Complete: []flags.Hint{flags.Containers},
		},
		run: func(a *app, args flags.Args) (int, error) {
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			return 0, c.Start(context.Background())
		},
	}
}
