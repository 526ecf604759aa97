package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/roost-run/roost/internal/flags"
)

func gcCommand() command {
	return command{
		Command: flags.Command{
			Name: "gc", Usage: []string{""}, Short: "clear what crashed commands left behind, of any container", Group: everyday,
			Long: "Removes containers that were never made in full, those whose foreground command was killed, their processes with\n" +
				"them, and those of an earlier boot. Others stay, also when they have stopped: an engine or a person will ask for\n" +
				"them. Prints what it removed, one id a line.",
		},
		run: func(a *app, _ flags.Args) (int, error) {
			store, err := a.existing()
			if errors.Is(err, os.ErrNotExist) {
				return 0, nil
			}
			if err != nil {
				return 0, err
			}
			removed, err := store.Clear(context.Background())
			if len(removed) > 0 {
				err = errors.Join(err, a.print(strings.Join(removed, "\n")+"\n"))
			}
			return 0, err
		},
	}
}
