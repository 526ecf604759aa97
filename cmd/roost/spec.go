package main

import (
	"errors"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/spec"
)

func specCommand() command {
	var hand handOptions
	var bundle, idMap string
	var rootless bool
	var cmd command
	cmd = command{
		Command: flags.Command{
			Name: "spec", Short: "write a config.json to start from", Group: setUp,
			Usage: []string{"[--rootless] [--bundle DIR]", "[flags] -- COMMAND [ARG…]", "[flags] --rootfs DIR -- COMMAND [ARG…]"},
			Long: "Writes config.json into the bundle, for a root file system in its directory rootfs; one that is there is not\n" +
				"overwritten. With a command or --rootfs, prints what run would use with the same flags.",
			Max: -1, Complete: []flags.Hint{flags.Anything},
			Flags: append([]flags.Flag{
				bundleFlag(&bundle),
				{Name: "rootless", To: &rootless, Help: "for a caller without root: a user namespace in which the caller is root"},
				{Name: "tty", Short: 't', To: &hand.TTY, Section: byHandSection, Help: "give the process a terminal"},
				{Name: "interactive", Short: 'i', To: &hand.Interactive, Hidden: true, Ignored: true, Section: byHandSection, Help: "as for run"},
				{Name: "init", To: &hand.Init, Hidden: true, Ignored: true, Section: byHandSection, Help: "as for run"},
				{Name: "idmap", Arg: "MAP", To: &idMap, Hidden: true, Ignored: true, Section: byHandSection, Help: "as for run"},
			}, hand.flags()...),
		},
		run: func(a *app, args flags.Args) (int, error) {
			if isByHand(&hand, bundle, args) {
				if rootless || bundle != "" {
					return 0, fault.New(fault.Usage, "--rootless and --bundle do not go with a command").Remedy("leave them out")
				}
				s, err := a.byHandSpec(&hand, args)
				if err != nil {
					return 0, err
				}
				return 0, a.print(string(spec.Encode(s)))
			}
			cmd.Min, cmd.Max = 0, 0
			if err := errors.Join(cmd.Count(args), onlyByHand(&cmd.Command)); err != nil {
				return 0, seeHelp(err, cmd.Name)
			}
			return 0, writeSpec(bundle, rootless)
		},
	}
	return cmd
}

// writeSpec makes a new file, or none: somebody's configuration is worth more than ours.
func writeSpec(bundle string, rootless bool) error {
	s := spec.Default()
	if rootless {
		s = rootlessSpec()
	}
	name := filepath.Join(bundle, "config.json")
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrExist) {
		return fault.New(fault.Usage, "%s exists", name).Remedy("remove it first")
	}
	if err != nil {
		return err
	}
	_, err = file.Write(spec.Encode(s))
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(name)
	}
	return err
}

func rootlessSpec() *specs.Spec {
	return spec.Rootless(uint32(os.Geteuid()), uint32(os.Getegid()))
}
