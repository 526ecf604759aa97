package main

import (
	"context"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
)

// unknownStatus is what wait returns when nobody could tell it how the payload ended.
const unknownStatus = 254

func waitCommand() command {
	return command{
		Command: flags.Command{
			Name: "wait", Usage: []string{"ID"}, Short: "wait until a container has stopped and return its status", Group: everyday,
			Long: "Returns the exit status of the container's process, 128 and the number when a signal killed it. Only its parent\n" +
				"learns that from the kernel: of a container that somebody else started, and did not record, the status is not\n" +
				"known, which is 254 and a line on stderr. Own errors are 1, as everywhere.",
			Min: 1, Max: 1, Complete: []flags.Hint{flags.Containers},
		},
		run: func(a *app, args flags.Args) (int, error) {
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			status, err := c.Wait(context.Background())
			if err != nil {
				return 0, err
			}
			if status.Unknown {
				return unknownStatus, fault.New(fault.NoStatus, "%s has stopped; its exit status is not known", args.List[0])
			}
			a.tellReason(status)
			return status.Code, nil
		},
	}
}
