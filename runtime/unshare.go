package runtime

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// UnshareOptions is a command to be run in the user namespace that containers get.
type UnshareOptions struct {
	IDMap  string   // as in CreateOptions
	Args   []string // the command, looked up in PATH
	Env    []string
	Stdio  Stdio
	Forked func() (ready func()) // as in CreateOptions
}

// Unshare runs a command as root of a user namespace with the ids that containers get, and a mount namespace, but with all of
// the host's files: to unpack root file systems and to clear away what belongs to sub-ids. A caller who is privileged already
// gets the command as it is.
func Unshare(ctx context.Context, o UnshareOptions) (*Process, error) {
	if len(o.Args) == 0 {
		return nil, errors.New("no command to run")
	}
	caller, err := userns.Self()
	if err != nil {
		return nil, err
	}
	choice, err := userns.Choose(ctx, caller, userns.Request{IDMap: o.IDMap})
	if err != nil {
		return nil, fault.Default(fault.IDMap, err)
	}
	c := &compiler{plan: &Plan{User: choice}, process: &ProcessPlan{}, at: layout{}}
	c.StatusFD = c.at.status()
	if choice.Kind == userns.Create {
		c.Flags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS
	}
	maps := make(chan error, 1)
	c.act.mapIDs = func(int) error { return <-maps }
	program, err := c.unshare(o, choice)
	if err != nil {
		return nil, err
	}
	files, opened, err := inheritedFiles(o.Stdio, nil)
	defer closeFiles(opened)
	if err != nil {
		return nil, err
	}
	child, err := launch.Start(program, launch.Options{Files: files})
	if err != nil {
		return nil, userns.CloneError(err)
	}
	if choice.Kind == userns.Create && choice.Writer != userns.BySelf {
		go func() { maps <- fault.Default(fault.IDMap, userns.WriteMaps(ctx, child.Pid(), choice)) }()
	}
	if o.Forked != nil {
		o.Forked()()
	}
	p := &Process{child: child}
	if err := child.Drive(ctx); err != nil {
		p.close()
		return nil, fmt.Errorf("unshare: %w", aboutUserNamespace(inWords(err, func() (*launch.Program, error) { return program, nil }), choice))
	}
	return p, nil
}

func (c *compiler) unshare(o UnshareOptions, choice userns.Choice) (*launch.Program, error) {
	if choice.Kind == userns.Create && choice.Writer == userns.BySelf {
		c.mapSelf()
	}
	if choice.Kind == userns.Create {
		c.identity()
		c.propagate("make mounts private", launch.Const(unix.AT_FDCWD), c.String("/"), unix.MS_REC|unix.MS_SLAVE)
	}
	restoreFileLimit(&c.Builder)
	env := make([]launch.Arg, len(o.Env))
	for i, e := range o.Env {
		env[i] = c.String(e)
	}
	p := &ProcessPlan{Args: o.Args, Paths: searchPaths(o.Args[0], o.Env)}
	c.exec(p, c.find(p), env)
	return c.Program()
}
