package main

import (
	"strings"

	"github.com/roost-run/roost/internal/flags"
)

func helpCommand() command {
	return command{
		Command: flags.Command{
			Name: "help", Usage: []string{"[COMMAND]"}, Short: "say what a command does", Group: setUp,
			Max: 1, Complete: []flags.Hint{flags.Commands},
		},
		run: func(a *app, args flags.Args) (int, error) {
			if len(args.List) == 0 {
				return 0, a.print(overview())
			}
			cmd, err := find(args.List[0])
			if err != nil {
				return 0, err
			}
			return 0, a.print(cmd.Help())
		},
	}
}

// overview is the help of roost itself.
func overview() string {
	var g globals
	var b strings.Builder
	b.WriteString("roost runs containers, without root first.\n\nUsage: roost [global flags] COMMAND [flags] [ARG…]\n")
	for _, group := range []flags.Group{everyday, lifecycle, setUp} {
		var rows [][2]string
		for _, e := range commands() {
			if cmd := e.make(); cmd.Group == group && !cmd.Hidden {
				rows = append(rows, [2]string{cmd.Name, cmd.Short})
			}
		}
		b.WriteString("\n" + string(group) + ":\n" + flags.Columns(rows))
	}
	b.WriteString("\nGlobal flags, which stand before the command:\n" + strings.TrimPrefix(g.table().FlagHelp(), "\nFlags:\n"))
	b.WriteString(`
In a hurry:
    roost run -- sh             a shell in a throw-away copy of this machine
    roost run --rootfs DIR -- CMD
                                a command in a root file system
    roost COMMAND --help        everything about a command
`)
	return b.String()
}
