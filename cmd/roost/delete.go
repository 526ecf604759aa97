package main

import (
	"context"
	"errors"

	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/runtime"
)

func deleteCommand() command {
	var force bool
	return command{
		Command: flags.Command{
			Name: "delete", Usage: []string{"[--force] ID"}, Short: "remove a container that has stopped", Group: lifecycle,
			Min: 1, Max: 1, Complete: []flags.Hint{flags.Containers},
			Flags: []flags.Flag{{Name: "force", Short: 'f', To: &force, Help: "kill it first if it runs; one that is not there is no error"}},
		},
		run: func(a *app, args flags.Args) (int, error) {
			err := a.delete(args.List[0], force)
			if force && errors.Is(err, runtime.ErrNotExist) {
				return 0, nil // engines delete twice, and a crash may have been first
			}
			return 0, err
		},
	}
}

// delete goes by the id, not by a loaded container: with force, what cannot be loaded is cleared as well.
func (a *app) delete(id string, force bool) error {
	store, err := a.storeOf(id)
	if err != nil {
		return err
	}
	return store.Delete(context.Background(), id, force)
}
