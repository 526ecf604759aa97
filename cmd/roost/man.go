package main

import (
	"embed"
	"errors"
	"os"
	"path/filepath"

	"github.com/roost-run/roost/internal/flags"
)

//go:embed generated/*.1
var manPages embed.FS

func manCommand() command {
	return command{
		Command: flags.Command{
			Name: "man", Usage: []string{"DIR"}, Short: "write the man pages into a directory", Hidden: true, Group: setUp,
			Long: "Packagers and make install call this.", Min: 1, Max: 1, Complete: []flags.Hint{flags.Dirs},
		},
		run: func(_ *app, args flags.Args) (int, error) { return 0, writePages(args.List[0]) },
	}
}

func writePages(dir string) error {
	const from = "generated"
	pages, err := manPages.ReadDir(from)
	if err != nil {
		return err
	}
	err = os.MkdirAll(dir, 0o755)
	for _, page := range pages {
		text, readErr := manPages.ReadFile(from + "/" + page.Name())
		err = errors.Join(err, readErr)
		if err != nil {
			return err
		}
		err = os.WriteFile(filepath.Join(dir, page.Name()), text, 0o644)
	}
	return err
}
