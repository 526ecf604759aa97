package main

import (
	"context"
	"fmt"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

// execFailure keeps own errors apart from the statuses of payloads; it is runc's number.
const execFailure = 255

type execOptions struct {
	wiring
	processOptions
	user             string
	detach           bool
	ignored, ignore2 bool
}

func execCommand() command {
	var o execOptions
	return command{
		failure: execFailure,
		hostile: true,
		Command: flags.Command{
			Name: "exec", Short: "run one more process in a running container", Group: everyday,
			Usage: []string{"[flags] ID COMMAND [ARG…]", "[flags] --process FILE ID"},
			Long: "The process is the container's own one, changed by the flags, or the one in FILE. The exit status is the\n" +
				"command's, 128 and the number when a signal killed it; own errors are 255.",
			Min: 1, Max: -1, Stop: true, Complete: []flags.Hint{flags.Containers, flags.Anything},
			Flags: append(o.ownFlags(), o.processFlags()...),
		},
		run: func(a *app, args flags.Args) (int, error) {
			status, err := o.run(a, args.List[0], args.List[1:])
			if err != nil {
				err = fmt.Errorf("exec failed: %w", err)
			}
			return status, err
		},
	}
}

func (o *execOptions) ownFlags() []flags.Flag {
	return append(o.changes(), []flags.Flag{
		{Name: "user", Short: 'u', Arg: "USER[:GROUP]", To: &o.user, Help: "run as this user of the container, a name or a number"},
		{Name: "detach", Short: 'd', To: &o.detach, Help: "do not wait for the process"},
		{Name: "interactive", Short: 'i', To: &o.ignored, Ignored: true, Help: "stdin is always connected"},
		{Name: "ignore-paused", To: &o.ignore2, Ignored: true, Hidden: true, Help: "no container can be paused"},
		{Name: "cgroup", Arg: "PATH", To: &o.refused, Unsupported: "containers have no cgroups of their own"},
	}...)
}

func (o *execOptions) run(a *app, id string, argv []string) (int, error) {
	activation, files, err := passed(o.preserveFDs)
	if err != nil {
		return 0, err
	}
	policies, err := o.policies()
	if err != nil {
		return 0, err
	}
	c, err := a.load(id)
	if err != nil {
		return 0, err
	}
	process, err := o.process(a, c, argv, o.user != "")
	if err != nil {
		return 0, err
	}
	if err := checkConsole(process.Terminal, o.detach, o.consoleSocket); err != nil {
		return 0, err
	}
	start := func(ctx context.Context, forked func() func()) (*runtime.Process, error) {
		return c.Exec(ctx, runtime.ExecOptions{
			Process: process, User: o.user, Activation: activation, ExtraFiles: files, Degrade: policies,
			Stdio:         runtime.Stdio{In: a.stdin, Out: a.stdout, Err: a.stderr},
			ConsoleSocket: o.consoleSocket, PidFile: o.pidFile, Forked: forked, KeepGroups: o.keepGroups, PidfdSocket: o.pidfdSocket,
		})
	}
	if o.detach {
		_, err := start(context.Background(), nil)
		return 0, err
	}
	return a.attached(start, nil)
}
