package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/byhand"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/runtime"
)

// byHandSection is the heading of flags that have no meaning for a bundle.
const byHandSection = "Flags of containers without a bundle"

// handOptions are what takes the place of a bundle.
type handOptions struct {
	byhand.Options
	limits handLimits
}

// flags are in podman's names; run, spec and explain have them.
func (o *handOptions) flags() []flags.Flag {
	list := []flags.Flag{
		{Name: "rootfs", Arg: "DIR", To: &o.Rootfs, Complete: flags.Dirs, Help: "the root file system, written to in place"},
		{Name: "name", Arg: "ID", To: &o.Name, Help: "the container's id; made up without it"},
		{Name: "env", Short: 'e', Arg: "NAME[=VALUE]", To: &o.Env, Help: "set a variable; without a value, to the caller's"},
		{Name: "env-file", Arg: "FILE", To: &o.EnvFiles, Complete: flags.Files, Help: "read variables from a file"},
		{Name: "workdir", Short: 'w', Arg: "DIR", To: &o.Workdir, Help: "start in this directory of the container"},
		{Name: "user", Short: 'u', Arg: "USER[:GROUP]", To: &o.User, Help: "run as this user of the container, a name or a number"},
		{Name: "volume", Short: 'v', Arg: "SRC[:DST[:ro]]", To: &o.Volumes, Complete: flags.Files, Help: "show a file or directory of the host; without DST at its own path"},
		{Name: "mount", Arg: "SPEC", To: &o.Mounts, Help: "the same, and tmpfs, in podman's words: type=bind,src=…,dst=…,ro"},
		{Name: "tmpfs", Arg: "DST[:OPTIONS]", To: &o.Tmpfs, Help: "an empty directory in memory"},
		{Name: "home", To: &o.Home, Help: "show your home directory, writable"},
		{Name: "hostname", Arg: "NAME", To: &o.Hostname, Help: "the host name inside"},
		{Name: "read-only", To: &o.ReadOnly, Help: "do not let the root file system be written to"},
		{Name: "cap-add", Arg: "CAP", To: &o.CapAdd, Help: "give a capability more"},
		{Name: "cap-drop", Arg: "CAP", To: &o.CapDrop, Help: "give a capability less; ALL for none"},
		{Name: "net", Arg: "none|host|container:ID", To: &o.Net, Help: "the network"},
		{Name: "network", Arg: "none|host|container:ID", To: &o.Net, Hidden: true, Help: "the same as --net"},
		{Name: "pid", Arg: "private|host|container:ID", To: &o.PID, Help: "which processes are seen"},
		{Name: "ipc", Arg: "private|host|container:ID", To: &o.IPC, Help: "whose System V and POSIX queues and memory"},
		{Name: "uts", Arg: "private|host|container:ID", To: &o.UTS, Help: "whose host name"},
		{Name: "userns", Arg: "private|host|keep-id|container:ID", To: &o.UserNS, Help: "whose ids"},
	}
	list = append(list, o.limits.flags()...)
	for i := range list {
		list[i].Section = byHandSection
	}
	return list
}

// isByHand tells the two forms of run, spec and explain apart: a command after "--", or a --rootfs, needs no bundle.
// With --bundle, "--" only ends the flags, as it does for callers who guard an id with it.
func isByHand(o *handOptions, bundle string, args flags.Args) bool {
	return o.Rootfs != "" || args.Dash >= 0 && bundle == ""
}

// byHandSpec builds the configuration that a bundle would hold, and completes o by the arguments.
func (a *app) byHandSpec(o *handOptions, args flags.Args) (*specs.Spec, error) {
	if args.Dash > 0 {
		return nil, a.beforeDash(args.List[0])
	}
	if len(args.List) == 0 {
		return nil, fault.New(fault.Usage, "a command is missing").Remedy("write it after --, as in: roost run -- sh")
	}
	o.Args = args.List
	facts, err := byhand.Gather(o.Options, a.running)
	if err != nil {
		return nil, err
	}
	limits, wrong := o.limits.read()
	s, err := byhand.Build(o.Options, facts, spec.Default())
	if err = errors.Join(err, wrong); err != nil {
		return nil, err
	}
	if limits != nil {
		if base := s.Linux.Resources; base != nil {
			limits.Devices = base.Devices
		}
		s.Linux.Resources = limits
	}
	return s, nil
}

func (a *app) beforeDash(word string) error {
	if byhand.LooksLikeImage(word) {
		return byhand.ImageError(word)
	}
	return fault.New(fault.Usage, "unexpected argument %q before --", word).
		Remedy("name the container with --name, and a root file system with --rootfs")
}

// running answers for --pid container:ID and its like.
func (a *app) running(id string) (pid int, err error) {
	c, err := a.load(id)
	if err != nil {
		return 0, err
	}
	state, err := c.State()
	if err == nil && state.Pid == 0 {
		err = fmt.Errorf("%s: %w", id, runtime.ErrNotRunning)
	}
	return state.Pid, err
}

// madeUpName is the command's name and six random digits; a collision is an error of create like any other.
func madeUpName(command string) (string, error) {
	var random [3]byte
	if _, err := unix.Getrandom(random[:], 0); err != nil {
		return "", fault.New(fault.Usage, "make up a name: %w", err).Remedy("give one with --name")
	}
	keep := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}
	base := strings.Map(keep, filepath.Base(command))
	if base == "" {
		base = "run"
	}
	return base[:min(len(base), 32)] + "-" + hex.EncodeToString(random[:]), nil
}

// onlyByHand refuses flags that would have no effect on a bundle.
func onlyByHand(cmd *flags.Command) error {
	for _, f := range cmd.Flags {
		if f.Given && f.Section == byHandSection {
			return fault.New(fault.Usage, "flag --%s is for containers without a bundle", f.Name).
				Remedy("add --rootfs DIR or write the command after --, or change config.json instead")
		}
	}
	return nil
}

// imageError recognises an image reference where an id stands and no bundle is near.
func imageError(args flags.Args, bundle string) error {
	if len(args.List) == 0 || !byhand.LooksLikeImage(args.List[0]) {
		return nil
	}
	var st unix.Stat_t
	if len(args.List) == 1 && unix.Stat(filepath.Join(bundle, "config.json"), &st) == nil {
		return nil
	}
	return byhand.ImageError(args.List[0])
}
