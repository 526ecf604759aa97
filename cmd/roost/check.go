package main

import (
	"context"
	"encoding/json"

	"github.com/roost-run/roost/internal/check"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/terminal"
)

type checkOptions struct {
	wiring
	json, verbose bool
}

func checkCommand() command {
	var o checkOptions
	return command{
		Command: flags.Command{
			Name: "check", Short: "say what works here for this user, and why not", Group: everyday,
			Usage: []string{"[flags]", "[flags] BUNDLE"},
			Long: "Looks and tries: namespaces, ids, limits, mounts, features of the kernel, programs. Each item is ok, a note, a warning\n" +
				"(something that many ask for does not work) or an error (no container runs), with evidence and what to do about it.\n" +
				"With BUNDLE, what of that very configuration is refused or given up here, too. Nothing is made and nothing is left.\n\n" +
				"The exit status is 0 where nothing is worse than a note, 2 with warnings, 3 with errors, and 1 for errors of the command.",
			Max: 1, Complete: []flags.Hint{flags.Dirs},
			Flags: []flags.Flag{
				{Name: "json", To: &o.json, Help: "print the report as JSON; docs/check.md has its fields"},
				{Name: "verbose", To: &o.verbose, Help: "print the evidence for what is ok, too, and an item a line"},
				{Name: "idmap", Arg: "MAP", To: &o.idMap, Help: "as for run"},
				{Name: "cgroups", To: &o.cgroups, Words: []string{"auto", "inherit", "split", "scope", "none"}, Help: "as for run"},
				{Name: "degrade", Arg: "KIND=POLICY", To: &o.degrade, Help: "as for run"},
			},
		},
		run: func(a *app, args flags.Args) (int, error) { return o.run(a, args) },
	}
}

func (o *checkOptions) run(a *app, args flags.Args) (int, error) {
	ctx := context.Background()
	place := check.Place{Given: a.global.root != ""}
	place.Path, place.Err = a.global.stateRoot()
	items := check.Host(ctx, place)
	if len(args.List) == 1 {
		bundle, err := o.bundle(ctx, a, args.List[0], place, items)
		if err != nil {
			return 0, err
		}
		items = append(items, bundle...)
	}
	report := check.NewReport(items)
	if o.json {
		text, err := json.MarshalIndent(report, "", "  ")
		if err == nil {
			err = a.print(string(text) + "\n")
		}
		return report.ExitStatus(), err
	}
	return report.ExitStatus(), a.print(clean(report).Text(o.style(a)))
}

// clean makes escape sequences harmless: names of cgroups and bundles may be anybody's.
func clean(r check.Report) check.Report {
	for n := range r.Items {
		i := &r.Items[n]
		i.Summary, i.Remedy, i.Path = printable(i.Summary), printable(i.Remedy), printable(i.Path)
		for e := range i.Evidence {
			i.Evidence[e] = check.Evidence{Source: printable(i.Evidence[e].Source), Says: printable(i.Evidence[e].Says)}
		}
	}
	return r
}

// style fits the terminal, if it is one. Without one, lines are as they are on the usual one, and can be searched all the same.
func (o *checkOptions) style(a *app) check.Style {
	s := check.Style{Verbose: o.verbose, Width: 80}
	if terminal.IsTerminal(a.stdout) {
		s.Colour = true
		if _, cols, err := terminal.Size(a.stdout); err == nil && int(cols) > s.Width {
			s.Width = min(int(cols), 120)
		}
	}
	return s
}
