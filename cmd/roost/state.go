package main

import (
	"github.com/roost-run/roost/internal/flags"
)

func stateCommand() command {
	return command{
		Command: flags.Command{
			Name: "state", Usage: []string{"ID"}, Short: "print the state of a container as JSON", Group: lifecycle,
			Min: 1, Max: 1, Complete: []flags.Hint{flags.Containers},
		},
		run: func(a *app, args flags.Args) (int, error) {
			a.log.errorsOnly() // go-runc and others read stderr together with the result
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			state, err := c.State()
			if err != nil {
				return 0, err
			}
			return 0, a.print(string(appendState(nil, state, "\n")) + "\n")
		},
	}
}
