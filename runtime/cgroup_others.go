package runtime

import (
	"context"
	"os"
)

// removeOthers takes away cgroups that a container has given to its users. Their ids are sub-ids of the caller's, over whose directories only the
// root of a user namespace that has them may dispose; systemd of an ordinary user is no better off, and leaves them, too.
func removeOthers(ctx context.Context, path string) error {
	p, err := Unshare(ctx, UnshareOptions{
		Args: []string{"find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"},
		Env:  os.Environ(),
	})
	if err != nil {
		return err
	}
	_, err = p.Wait(ctx)
	return err
}
