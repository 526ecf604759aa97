package main

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/sealed"
	"github.com/roost-run/roost/internal/terminal"
)

// app is one invocation.
type app struct {
	stdin, stdout, stderr *os.File
	global                globals
	log                   logger
	signals               *terminal.Signals // of a foreground command
	sharesGroup           bool              // its process is in our process group
}

// command is a table of flags and what to do with them.
type command struct {
	flags.Command
	failure int  // exit status of own errors; 0 is 1
	hostile bool // a container may get at this process, so its program must not be one that a container could write
	run     func(a *app, args flags.Args) (status int, err error)
}

// main returns the exit status.
func (a *app) main(argv []string) (status int) {
	defer func() {
		// Callers read the fatal record of --log: a trace on stderr alone would leave them without a reason.
		if p := recover(); p != nil {
			a.report(fault.New(fault.Internal, "internal error: %v; please report it with this trace:\n%s", p, debug.Stack()))
			status = 1
		}
	}()
	status, err := a.dispatch(argv)
	if err != nil {
		a.report(err)
		if status == 0 {
			status = 1
		}
	}
	return status
}

func (a *app) dispatch(argv []string) (int, error) {
	root := a.global.table()
	args, err := root.Parse(argv)
	if errors.Is(err, flags.ErrHelp) {
		return 0, a.print(overview())
	}
	if err != nil {
		return 0, seeHelp(err, "")
	}
	if err := a.setup(); err != nil {
		return 0, err
	}
	if a.global.version {
		return 0, a.print(versionText())
	}
	if len(args.List) == 0 {
		return 0, fault.New(fault.Usage, "a command is missing").Remedy("see: roost help")
	}
	return a.command(args.List[0], args.List[1:])
}

func (a *app) command(name string, argv []string) (int, error) {
	cmd, err := find(name)
	if err != nil {
		return 0, err
	}
	if cmd.hostile {
		if err := sealed.Protect(); err != nil {
			return cmd.failure, err
		}
	}
	args, err := cmd.Parse(argv)
	if errors.Is(err, flags.ErrHelp) {
		return 0, a.print(cmd.Help())
	}
	if err == nil {
		err = cmd.Count(args)
	}
	if err != nil {
		return cmd.failure, seeHelp(misplaced(err), name)
	}
	status, err := cmd.run(a, args)
	if err != nil && status == 0 {
		status = cmd.failure
	}
	return status, err
}

// print writes a result; a full disk or a closed pipe is an error like any other.
func (a *app) print(text string) error {
	_, err := a.stdout.WriteString(text)
	return err
}

func seeHelp(err error, name string) error {
	return fault.New(fault.Usage, "%w", err).Remedy("see: %s", strings.TrimSpace("roost "+name)+" --help")
}
