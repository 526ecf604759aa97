package main

import (
	"fmt"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/runtime"
)

// wiring says how a container and its process are connected to the caller; create, run and exec share it.
type wiring struct {
	consoleSocket, pidFile string
	preserveFDs            int
	noPivot, noNewKeyring  bool
	keepGroups             bool
	pidfdSocket            string
	idMap                  string
	cgroups, lifetime      string
	degrade                []string
	ignored                bool
}

// processFlags are those of every command that starts a process.
func (w *wiring) processFlags() []flags.Flag {
	return []flags.Flag{
		{Name: "console-socket", Arg: "SOCKET", To: &w.consoleSocket, Complete: flags.Files, Help: "send the master of the terminal to this unix socket"},
		{Name: "pid-file", Arg: "FILE", To: &w.pidFile, Complete: flags.Files, Help: "write the pid of the process to this file"},
		{Name: "degrade", Arg: "KIND=POLICY", To: &w.degrade, Help: "deny, warn or ignore when a thing of this kind cannot be had here; see docs/degrading.md"},
		{Name: "keep-groups", To: &w.keepGroups, Help: "leave the process the caller's supplementary groups"},
		{Name: "preserve-fds", Arg: "N", To: &w.preserveFDs, Help: "pass N descriptors: those from 3 on, or, with LISTEN_FDS, those after its own"},
		{Name: "pidfd-socket", Arg: "SOCKET", To: &w.pidfdSocket, Complete: flags.Files, Help: "send a pidfd of the process to this unix socket"},
	}
}

// containerFlags are those of commands that make a container.
func (w *wiring) containerFlags() []flags.Flag {
	return []flags.Flag{
		{Name: "idmap", Arg: "MAP", To: &w.idMap, Help: "ids for a configuration that has no user namespace: auto, single, keep-id or a map such as 0:1000:1,1:100000:65536"},
		{Name: "cgroups", To: &w.cgroups, Words: []string{"auto", "inherit", "split", "scope", "none"}, Help: "how the container comes by a cgroup: below roost's own if that is delegated, a scope of systemd, or not at all"},
		{Name: "lifetime", To: &w.lifetime, Words: []string{"user", "session"}, Help: "how long a scope may last: as long as your service manager, or as your session"},
		{Name: "no-pivot", To: &w.noPivot, Help: "cover the host's root instead of exchanging it: weaker, for a host that runs from an initramfs"},
		{Name: "no-new-keyring", To: &w.noNewKeyring, Help: "leave the caller's session keyring in place"},
		{Name: "no-subreaper", To: &w.ignored, Ignored: true, Hidden: true, Help: "roost is no subreaper"},
	}
}

// createOptions completes o by the flags.
func (w *wiring) createOptions(a *app, o runtime.CreateOptions) (runtime.CreateOptions, error) {
	activation, files, err := passed(w.preserveFDs)
	if err != nil {
		return o, err
	}
	if o.Spec == nil || o.Bundle != "" {
		if o.Bundle, err = filepath.Abs(o.Bundle); err != nil {
			return o, fmt.Errorf("--bundle: %w", err)
		}
	}
	if o.Degrade, err = w.policies(); err != nil {
		return o, err
	}
	o.Stdio = runtime.Stdio{In: a.stdin, Out: a.stdout, Err: a.stderr}
	o.Activation, o.ExtraFiles = activation, files
	o.Notify = notifier(o.Notify.Relay)
	o.IDMap, o.NoPivot, o.NoNewKeyring = w.idMap, w.noPivot, w.noNewKeyring
	o.ConsoleSocket, o.PidFile = w.consoleSocket, w.pidFile
	o.KeepGroups, o.PidfdSocket = w.keepGroups, w.pidfdSocket
	o.Cgroups, o.Lifetime, o.SystemdCgroup = w.cgroups, w.lifetime, a.global.systemdCgroup
	switch a.global.cgroupManager {
	case "disabled":
		o.Cgroups = "none"
	case "systemd":
		o.SystemdCgroup = true
	}
	return o, nil
}

// policies are those of the flags.
func (w *wiring) policies() (p degrade.Policies, err error) {
	if err = p.Set(w.degrade...); err != nil {
		err = fmt.Errorf("--degrade: %w", err)
	}
	return p, err
}

// checkConsole refuses what leaves a terminal without a master, or a socket without a terminal, in runc's words.
func checkConsole(terminal, detach bool, socket string) error {
	switch {
	case terminal && detach && socket == "":
		return fault.New(fault.Usage, "cannot allocate tty if roost will detach without setting console socket").
			Remedy("give --console-socket, or set process.terminal to false")
	case socket != "" && !(terminal && detach):
		return fault.New(fault.Usage, "cannot use console socket if roost will not detach or allocate tty").
			Remedy("set process.terminal to true and detach, or leave --console-socket out")
	}
	return nil
}

// checkBundleConsole is checkConsole for a process that a bundle describes; only then is the bundle read for it.
func checkBundleConsole(bundle, socket string, detach bool) error {
	if !detach && socket == "" {
		return nil
	}
	loaded, err := loadBundle(bundle)
	if err != nil {
		return err
	}
	return checkConsole(loaded.Process != nil && loaded.Process.Terminal, detach, socket)
}

func loadBundle(bundle string) (*specs.Spec, error) {
	raw, err := spec.ReadFile(filepath.Join(bundle, "config.json"))
	if err != nil {
		return nil, err
	}
	loaded, err := spec.Load(raw)
	if err != nil {
		return nil, err
	}
	return loaded.Spec, nil
}
