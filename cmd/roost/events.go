package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

func eventsCommand() command {
	interval, once := 5*time.Second, false
	return command{
		Command: flags.Command{
			Name: "events", Usage: []string{"[flags] ID"}, Short: "print what a container uses, and when it runs out of memory", Group: lifecycle,
			Long: "One JSON object a line: statistics at once and after each interval, and an oom event for each process that the kernel\n" +
				"ended for want of memory. It ends when the container ends. Of a container without a cgroup of its own the figures are\n" +
				"sums over its processes, which the member approximated tells, and there are no oom events.",
			Min: 1, Max: 1, Complete: []flags.Hint{flags.Containers},
			Flags: []flags.Flag{
				{Name: "interval", To: &interval, Help: "how long from one set of statistics to the next"},
				{Name: "stats", To: &once, Help: "print the statistics once"},
			},
		},
		run: func(a *app, args flags.Args) (int, error) {
			if interval <= 0 {
				return 0, fault.New(fault.Usage, "flag --interval: duration interval must be greater than 0")
			}
			c, err := a.load(args.List[0])
			if err != nil {
				return 0, err
			}
			if once {
				s, err := c.Stats()
				if err != nil {
					return 0, err
				}
				return 0, a.printEvent(runtime.Event{Type: runtime.EventStats, ID: c.ID(), Data: s})
			}
			return 0, c.Watch(context.Background(), interval, a.printEvent)
		},
	}
}

// printEvent writes a line at once: readers follow the stream.
func (a *app) printEvent(e runtime.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return a.print(string(line) + "\n")
}
