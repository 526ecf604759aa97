package main

import (
	"context"
	"errors"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/internal/byhand"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/runtime"
)

// runOptions are the flags of run beyond those of create.
type runOptions struct {
	wiring
	hand         handOptions
	bundle       string
	detach, keep bool
	replace      bool
}

func runCommand() command {
	var o runOptions
	var cmd command
	cmd = command{
		hostile: true,
		Command: flags.Command{
			Name: "run", Short: "run a command in a new container", Group: everyday,
			Usage: []string{"[flags] ID", "[flags] -- COMMAND [ARG…]", "[flags] --rootfs DIR -- COMMAND [ARG…]"},
			Long: "With an ID, runs the bundle in the working directory or in --bundle: its config.json says what.\n" +
				"In the foreground the exit status is the command's, 128 and the number when a signal killed it, and nothing is\n" +
				"left behind; own errors are 1.\n\n" + byhand.LongHelp,
			Max: -1, Complete: []flags.Hint{flags.Anything},
		},
		run: func(a *app, args flags.Args) (int, error) { return o.run(a, &cmd.Command, args) },
	}
	cmd.Flags = append(o.ownFlags(), append(o.processFlags(), append(o.containerFlags(), o.hand.flags()...)...)...)
	return cmd
}

func (o *runOptions) ownFlags() []flags.Flag {
	return []flags.Flag{
		bundleFlag(&o.bundle),
		{Name: "detach", Short: 'd', To: &o.detach, Help: "do not wait for the process"},
		{Name: "tty", Short: 't', To: &o.hand.TTY, Help: "give the process a terminal"},
		{Name: "interactive", Short: 'i', To: &o.hand.Interactive, Help: "connect stdin to a process that is detached; others have it anyway"},
		{Name: "init", To: &o.hand.Init, Help: "run a minimal pid 1 above the process, which reaps and forwards signals"},
		{Name: "keep", To: &o.keep, Help: "leave the container there when its process has ended, for state, wait and delete"},
		{Name: "replace", To: &o.replace, Help: "first clear what a dead container of the same id left"},
	}
}

func (o *runOptions) run(a *app, cmd *flags.Command, args flags.Args) (int, error) {
	id, create, err := o.create(a, cmd, args)
	if err != nil {
		return 0, err
	}
	store, err := a.store()
	if err != nil {
		return 0, err
	}
	if o.detach {
		c, _, err := store.Run(context.Background(), id, create)
		if err != nil {
			return 0, err
		}
		a.aboutLingering(c, o.lifetime)
		if create.Spec != nil && create.Bundle == "" {
			return 0, a.print(id + "\n") // nobody knows a name that was made up
		}
		return 0, nil
	}
	return o.foreground(a, store, id, create)
}

// foreground waits for the payload and then removes the container, also when the waiting failed.
func (o *runOptions) foreground(a *app, store *runtime.Store, id string, create runtime.CreateOptions) (int, error) {
	var c *runtime.Container
	start := func(ctx context.Context, forked func() func()) (p *runtime.Process, err error) {
		create.Forked = forked
		c, p, err = store.Run(ctx, id, create)
		return p, err
	}
	return a.attached(start, func(ctx context.Context, status runtime.ExitStatus, err error) error {
		if o.keep {
			return errors.Join(err, c.RecordExit(status))
		}
		if gone := c.Destroy(ctx, true); !errors.Is(gone, runtime.ErrNotExist) { // somebody was faster
			err = errors.Join(err, gone)
		}
		return err
	})
}

// create says what to make: of a bundle, or by hand.
func (o *runOptions) create(a *app, cmd *flags.Command, args flags.Args) (string, runtime.CreateOptions, error) {
	create := runtime.CreateOptions{
		Bundle: o.bundle, Init: o.hand.Init, Replace: o.replace,
		Attended: !o.detach && !o.keep,
	}
	create.Notify.Relay = !o.detach
	if rows, cols, err := terminal.Size(a.stdin); err == nil {
		create.ConsoleSize = &specs.Box{Height: uint(rows), Width: uint(cols)}
	}
	id := ""
	var err error
	if isByHand(&o.hand, o.bundle, args) {
		if id, err = o.byHand(a, args, &create); err != nil {
			return "", create, err
		}
	} else {
		if err := imageError(args, o.bundle); err != nil {
			return "", create, err
		}
		cmd.Min, cmd.Max = 1, 1
		if err := errors.Join(cmd.Count(args), onlyByHand(cmd)); err != nil {
			return "", create, seeHelp(err, cmd.Name)
		}
		id = args.List[0]
		if err := o.fromBundle(&create); err != nil {
			return "", create, err
		}
	}
	create, err = o.createOptions(a, create)
	if o.detach && create.Bundle == "" && !o.hand.Interactive {
		create.Stdio.In = nil
	}
	return id, create, err
}

func (o *runOptions) byHand(a *app, args flags.Args, create *runtime.CreateOptions) (id string, err error) {
	if o.bundle != "" {
		return "", fault.New(fault.Usage, "--bundle and --rootfs are two ways to say what to run").Remedy("leave one out")
	}
	if o.hand.Name == "" && len(args.List) > 0 {
		if o.hand.Name, err = madeUpName(args.List[0]); err != nil {
			return "", err
		}
	}
	o.hand.IDMap = o.idMap
	if create.Spec, err = a.byHandSpec(&o.hand, args); err != nil {
		return "", err
	}
	o.idMap = o.hand.RuntimeIDMap()
	return o.hand.Name, checkConsole(o.hand.TTY, o.detach, o.consoleSocket)
}

// fromBundle lets the runtime read the configuration, except where a flag changes it.
func (o *runOptions) fromBundle(create *runtime.CreateOptions) error {
	if !o.hand.TTY {
		return checkBundleConsole(o.bundle, o.consoleSocket, o.detach)
	}
	loaded, err := loadBundle(o.bundle)
	if err != nil {
		return err
	}
	if loaded.Process != nil {
		loaded.Process.Terminal = true
	}
	create.Spec = loaded
	return checkConsole(true, o.detach, o.consoleSocket)
}

// aboutLingering warns of what becomes of a container that is in a unit of a user's when they log out.
func (a *app) aboutLingering(c *runtime.Container, lifetime string) {
	if os.Geteuid() == 0 || lifetime != "" || c.Scope() == "" {
		return
	}
	if lingers, known := delegate.Lingering(os.Getuid()); known && !lingers {
		a.log.slog().Warn("the container ends with your last session: lingering is off; `loginctl enable-linger` changes that, and --lifetime says that it is meant")
	}
}
