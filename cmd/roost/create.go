package main

import (
	"context"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

func createCommand() command {
	var w wiring
	var bundle string
	return command{
		hostile: true,
		Command: flags.Command{
			Name: "create", Usage: []string{"[flags] ID"}, Short: "set a container up and leave its process waiting for start", Group: lifecycle,
			Long: "The bundle is a directory with a config.json and, usually, a root file system. A configuration without a user\n" +
				"namespace gets one when the caller is not root, with the ids that --idmap says.",
			Min: 1, Max: 1,
			Flags: append(w.processFlags(), append(w.containerFlags(), bundleFlag(&bundle))...),
		},
		run: func(a *app, args flags.Args) (int, error) {
			o, err := w.createOptions(a, runtime.CreateOptions{Bundle: bundle})
			if err != nil {
				return 0, err
			}
			if err := checkBundleConsole(o.Bundle, o.ConsoleSocket, true); err != nil {
				return 0, err
			}
			store, err := a.store()
			if err != nil {
				return 0, err
			}
			_, _, err = store.Create(context.Background(), args.List[0], o)
			return 0, err
		},
	}
}

func bundleFlag(to *string) flags.Flag {
	return flags.Flag{Name: "bundle", Short: 'b', Arg: "DIR", To: to, Complete: flags.Dirs, Help: "the directory of config.json; the working directory without it"}
}
