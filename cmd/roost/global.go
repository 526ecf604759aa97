package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/runtime"
)

// globals are the flags before the command.
type globals struct {
	root                         string
	logFile, logFormat, logLevel string
	debug, version               bool
	systemdCgroup                bool
	cgroupManager, rootless      string
}

func (g *globals) table() *flags.Command {
	g.logFormat, g.logLevel = "text", "warning"
	return &flags.Command{
		Stop: true, Max: -1, Usage: []string{"[global flags] COMMAND [flags] [ARG…]"},
		Short: "run containers, without root first",
		Long: "Runs OCI containers for the person who calls it: no root, no daemon, no set-up. Engines such as podman and\n" +
			"containerd call it as they call runc. Each command has a page of its own.\n\n" +
			"run and exec return the status of the process that they ran, 128 and the number when a signal killed it. Own errors\n" +
			"are 1, those of exec 255, wait returns 254 for a status that nobody knows, and check 2 for warnings, 3 for errors.",
		Complete: []flags.Hint{flags.Commands},
		Flags: []flags.Flag{
			{Name: "root", Arg: "DIR", To: &g.root, Complete: flags.Dirs,
				Help: "where the state of containers is kept; by default /run/roost for root, else roost in $XDG_RUNTIME_DIR, /run/user/UID or /tmp/roost-UID, the first that serves"},
			{Name: "log", Arg: "FILE", To: &g.logFile, Complete: flags.Files, Help: "append messages to this file; a fatal one is also printed on stderr"},
			{Name: "log-format", To: &g.logFormat, Words: []string{"text", "json"}, Help: "json writes exactly one record, the fatal one"},
			{Name: "log-level", To: &g.logLevel, Words: []string{"error", "warning", "info", "debug"}, Help: "the least severe messages to write"},
			{Name: "debug", To: &g.debug, Help: "the same as --log-level=debug; for the text format"},
			{Name: "systemd-cgroup", To: &g.systemdCgroup, Help: "linux.cgroupsPath is SLICE:PREFIX:NAME, and systemd makes a scope of that name"},
			{Name: "cgroup-manager", To: &g.cgroupManager, Words: []string{"systemd", "cgroupfs", "disabled"}, Help: "systemd is --systemd-cgroup, disabled is --cgroups none"},
			{Name: "rootless", To: &g.rootless, Ignored: true, Words: []string{"true", "false", "auto"}, Help: "whether the caller is root is looked up, not believed"},
			{Name: "version", Short: 'v', To: &g.version, Help: "print the version"},
		},
	}
}

// setup makes the global flags act: first the log, so that whatever is wrong after it is found there.
func (a *app) setup() error {
	if err := a.log.open(&a.global, a.stderr); err != nil {
		return err
	}
	return a.global.cleanRoot()
}

func (g *globals) cleanRoot() error {
	if g.root == "" {
		return nil
	}
	root, err := filepath.Abs(g.root)
	if err != nil {
		return fmt.Errorf("--root %s: %w", g.root, err)
	}
	if root == "/" {
		return fault.New(fault.Usage, "--root /: the root of the file system cannot hold the state").Remedy("name a directory of its own")
	}
	g.root = root
	return nil
}

// misplaced tells about a global flag that was written behind the command.
func misplaced(err error) error {
	var unknown *flags.UnknownError
	if errors.As(err, &unknown) && new(globals).table().Find(unknown.Name) != nil {
		return fault.New(fault.Usage, "unknown flag %s of %s", unknown.Flag, unknown.Command).Remedy("it is a global flag: put it before %s", unknown.Command)
	}
	return err
}

func (g *globals) stateRoot() (string, error) {
	if g.root != "" {
		return g.root, nil
	}
	return runtime.DefaultRoot()
}

// store opens the state root for a command that makes containers.
func (a *app) store() (*runtime.Store, error) {
	root, err := a.global.stateRoot()
	if err != nil {
		return nil, err
	}
	return a.open(root)
}

func (a *app) open(root string) (*runtime.Store, error) {
	store, err := runtime.Open(root, a.log.slog())
	if err == nil {
		store.HookContext = terminal.Interruptible
	}
	return store, err
}

// existing opens the state root for a command that looks at containers: a root that is not there is not made, and
// the error is an fs.ErrNotExist.
func (a *app) existing() (*runtime.Store, error) {
	root, err := a.global.stateRoot()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(root); err != nil {
		return nil, err
	}
	return a.open(root)
}

// storeOf opens the state root for a look at a container. Where there is no state root there are no containers.
func (a *app) storeOf(id string) (*runtime.Store, error) {
	store, err := a.existing()
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("container %s: %w", id, runtime.ErrNotExist)
	}
	return store, err
}

// load finds a container.
func (a *app) load(id string) (*runtime.Container, error) {
	store, err := a.storeOf(id)
	if err != nil {
		return nil, err
	}
	return store.Load(id)
}
