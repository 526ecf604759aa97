package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

// execFailure keeps own errors apart from the statuses of payloads; it is runc's number.
const execFailure = 255

type execOptions struct {
	wiring
	processOptions
	user         string
	detach       bool
	ignored      bool
	ignorePaused bool
	cgroups      []string
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
		{Name: "ignore-paused", To: &o.ignorePaused, Help: "start in a paused container, too: the process waits for resume"},
		{Name: "cgroup", Arg: "[CTRL:]PATH", To: &o.cgroups, Help: "start in this cgroup below the container's; there is one tree for all controllers"},
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
	below, err := o.cgroup()
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
			Cgroup: below, IgnorePaused: o.ignorePaused,
		})
	}
	if o.detach {
		_, err := start(context.Background(), nil)
		return 0, err
	}
	return a.attached(start, nil)
}

// cgroup is the path of --cgroup. cgroup v2 has one tree for all controllers, so whatever is said for some of them has to be the same.
func (o *execOptions) cgroup() (path string, err error) {
	for i, word := range o.cgroups {
		if _, after, ok := strings.Cut(word, ":"); ok {
			word = after
		}
		if word = strings.TrimLeft(word, "/"); word == "" {
			word = "."
		}
		if i > 0 && word != path {
			return "", fault.New(fault.Usage, "--cgroup: %q and %q are two cgroups", path, word).Remedy("cgroup v2 has one tree for all controllers: name one")
		}
		path = word
	}
	return path, nil
}
