package main

import (
	"context"
	"os"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

func unshareCommand() command {
	var idMap string
	return command{
		Command: flags.Command{
			Name: "unshare", Usage: []string{"[--idmap MAP] [--] [COMMAND [ARG…]]"}, Group: everyday,
			Short: "run a command as root of the user namespace that containers get",
			Long: "The command sees this machine's files and processes, with the ids of containers: it may own, change and remove\n" +
				"what belongs to your sub-ids, such as an unpacked root file system. Without a command, runs $SHELL.",
			Max: -1, Stop: true, Complete: []flags.Hint{flags.Anything},
			Flags: []flags.Flag{{Name: "idmap", Arg: "MAP", To: &idMap, Help: "which ids: auto, single, keep-id or a map such as 0:1000:1,1:100000:65536"}},
		},
		run: func(a *app, args flags.Args) (int, error) {
			a.sharesGroup = true
			argv := args.List
			if len(argv) == 0 {
				argv = []string{shell()}
			}
			return a.attached(func(ctx context.Context, forked func() func()) (*runtime.Process, error) {
				return runtime.Unshare(ctx, runtime.UnshareOptions{
					IDMap: idMap, Args: argv, Env: os.Environ(),
					Stdio:  runtime.Stdio{In: a.stdin, Out: a.stdout, Err: a.stderr},
					Forked: forked,
				})
			}, nil)
		},
	}
}

func shell() string {
	if sh := os.Getenv("SHELL"); sh != "" {
		return sh
	}
	return "/bin/sh"
}
