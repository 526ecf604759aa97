package main

import (
	"context"
	"errors"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

// explained is the id of a container that is only thought of.
const explained = "explained"

type explainOptions struct {
	wiring
	hand           handOptions
	bundle         string
	json, syscalls bool
}

func explainCommand() command {
	var o explainOptions
	var cmd command
	cmd = command{
		Command: flags.Command{
			Name: "explain", Short: "print what run would do, without doing it", Group: setUp,
			Usage: []string{"[flags] [BUNDLE]", "[flags] -- COMMAND [ARG…]", "[flags] --rootfs DIR -- COMMAND [ARG…]"},
			Long: "Prints the plan: namespaces, ids, mounts in their order, what the process may do, and what was given up.\n" +
				"With --syscalls, the list of system calls that sets the container up.",
			Max: -1, Complete: []flags.Hint{flags.Dirs, flags.Nothing},
		},
		run: func(a *app, args flags.Args) (int, error) { return 0, o.run(a, &cmd.Command, args) },
	}
	own := []flags.Flag{
		bundleFlag(&o.bundle),
		{Name: "json", To: &o.json, Help: "print the plan as JSON"},
		{Name: "syscalls", To: &o.syscalls, Help: "print the system calls, one a line"},
		{Name: "tty", Short: 't', To: &o.hand.TTY, Section: byHandSection, Help: "as for run"},
		{Name: "interactive", Short: 'i', To: &o.hand.Interactive, Section: byHandSection, Hidden: true, Ignored: true, Help: "as for run"},
		{Name: "init", To: &o.hand.Init, Help: "as for run"},
	}
	cmd.Flags = append(own, append(o.containerFlags(), o.hand.flags()...)...)
	return cmd
}

func (o *explainOptions) run(a *app, cmd *flags.Command, args flags.Args) error {
	create, err := o.create(a, cmd, args)
	if err != nil {
		return err
	}
	if create, err = o.createOptions(a, create); err != nil {
		return err
	}
	store, err := a.store()
	if err != nil {
		return err
	}
	id := explained
	if o.hand.Name != "" {
		id = o.hand.Name
	}
	plan, err := store.Plan(context.Background(), id, create)
	if err != nil {
		return err
	}
	switch {
	case o.json && o.syscalls:
		return fault.New(fault.Usage, "--json and --syscalls are two formats").Remedy("give one")
	case o.json:
		return plan.WriteJSON(a.stdout)
	case o.syscalls:
		return plan.WriteSyscalls(a.stdout)
	}
	return plan.WriteText(a.stdout)
}

func (o *explainOptions) create(a *app, cmd *flags.Command, args flags.Args) (create runtime.CreateOptions, err error) {
	create.Init = o.hand.Init
	create.Notify.Relay = true
	if isByHand(&o.hand, o.bundle, args) {
		if o.bundle != "" {
			return create, fault.New(fault.Usage, "--bundle and --rootfs are two ways to say what to run").Remedy("leave one out")
		}
		o.hand.IDMap = o.idMap
		create.Spec, err = a.byHandSpec(&o.hand, args)
		o.idMap = o.hand.RuntimeIDMap()
		return create, err
	}
	cmd.Min, cmd.Max = 0, 1
	if err := errors.Join(cmd.Count(args), onlyByHand(cmd)); err != nil {
		return create, seeHelp(err, cmd.Name)
	}
	create.Bundle = o.bundle
	if len(args.List) == 1 {
		if o.bundle != "" {
			return create, fault.New(fault.Usage, "the bundle is named twice").Remedy("leave --bundle or the argument out")
		}
		create.Bundle = args.List[0]
	}
	return create, nil
}
