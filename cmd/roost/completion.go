package main

import (
	_ "embed" // the scripts
	"fmt"

	"github.com/roost-run/roost/internal/flags"
)

// The scripts only ask "roost __complete" and so do not depend on the tables; see generate_test.go.
var (
	//go:embed generated/roost.bash
	bashCompletion string
	//go:embed generated/roost.zsh
	zshCompletion string
	//go:embed generated/roost.fish
	fishCompletion string
)

func completionCommand() command {
	return command{
		Command: flags.Command{
			Name: "completion", Usage: []string{"bash|zsh|fish"}, Short: "print the completion script of a shell", Group: setUp,
			Long: "bash:    roost completion bash > ~/.local/share/bash-completion/completions/roost\n" +
				"zsh:     roost completion zsh > \"${fpath[1]}/_roost\"\n" +
				"fish:    roost completion fish > ~/.config/fish/completions/roost.fish",
			Min: 1, Max: 1, Complete: []flags.Hint{flags.Shells},
		},
		run: func(a *app, args flags.Args) (int, error) {
			switch args.List[0] {
			case "bash":
				return 0, a.print(bashCompletion)
			case "zsh":
				return 0, a.print(zshCompletion)
			case "fish":
				return 0, a.print(fishCompletion)
			}
			return 0, unknownShell(args.List[0])
		},
	}
}

func unknownShell(name string) error {
	return fmt.Errorf("no completions for %q; there are some for bash, zsh and fish", name)
}
