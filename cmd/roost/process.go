package main

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/byhand"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/flags"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/runtime"
)

// processOptions are the flags that change the container's process into the one of an exec.
type processOptions struct {
	file           string
	cwd            string
	env, gids, cap []string
	tty, noNewPriv bool
	apparmor       string
	selinux        string
}

func (o *processOptions) changes() []flags.Flag {
	return []flags.Flag{
		{Name: "process", Short: 'p', Arg: "FILE", To: &o.file, Complete: flags.Files, Help: "read the process from a JSON file; only --tty changes it"},
		{Name: "tty", Short: 't', To: &o.tty, Help: "give the process a terminal"},
		{Name: "env", Short: 'e', Arg: "NAME[=VALUE]", To: &o.env, Help: "set a variable; without a value, to the caller's"},
		{Name: "cwd", Arg: "DIR", To: &o.cwd, Help: "start in this directory of the container"},
		{Name: "additional-gids", Short: 'g', Arg: "GID", To: &o.gids, Help: "one more group"},
		{Name: "cap", Short: 'c', Arg: "CAP", To: &o.cap, Help: "one more capability"},
		{Name: "apparmor", Arg: "PROFILE", To: &o.apparmor, Help: "execute under this AppArmor profile"},
		{Name: "process-label", Arg: "LABEL", To: &o.selinux, Help: "execute under this SELinux label"},
		{Name: "no-new-privs", To: &o.noNewPriv, Help: "no program may give the process more privileges"},
	}
}

// process makes the process of an exec: from the file alone, or from the container's own process and the flags.
func (o *processOptions) process(a *app, c *runtime.Container, argv []string, user bool) (*specs.Process, error) {
	var p *specs.Process
	var err error
	if o.file != "" {
		p, err = o.fromFile(argv, user)
	} else {
		p, err = o.fromContainer(c, argv)
	}
	if err != nil {
		return nil, err
	}
	p.Terminal = p.Terminal || o.tty
	if p.Terminal && p.ConsoleSize == nil && terminal.IsTerminal(a.stdin) {
		// Set before the process starts, since one that asks at once must not be told 0 by 0.
		if rows, cols, err := terminal.Size(a.stdin); err == nil {
			p.ConsoleSize = &specs.Box{Height: uint(rows), Width: uint(cols)}
		}
	}
	return p, nil
}

func (o *processOptions) fromFile(argv []string, user bool) (*specs.Process, error) {
	if len(argv) > 0 {
		return nil, fmt.Errorf("unexpected argument %q: --process says what to run", argv[0])
	}
	if user || o.cwd != "" || o.env != nil || o.gids != nil || o.cap != nil || o.noNewPriv || o.apparmor != "" || o.selinux != "" {
		return nil, fault.New(fault.Usage, "--process says everything but the terminal").
			Remedy("leave --user, --cwd, --env, --additional-gids, --cap, --apparmor, --process-label and --no-new-privs out, or the file")
	}
	raw, err := spec.ReadFile(o.file)
	if err != nil {
		return nil, err
	}
	p, _, err := spec.LoadProcess(raw)
	return p, err
}

func (o *processOptions) fromContainer(c *runtime.Container, argv []string) (*specs.Process, error) {
	if len(argv) > 0 && argv[0] == "--" { // a habit from programs that mix flags and arguments
		argv = argv[1:]
	}
	if len(argv) == 0 {
		return nil, fault.New(fault.Usage, "a command is missing").Remedy("write it after the id, or give --process FILE")
	}
	p, err := c.DefaultProcess()
	if err != nil {
		return nil, err
	}
	p.Args, p.Terminal, p.ConsoleSize = argv, false, nil
	if o.cwd != "" {
		if !path.IsAbs(o.cwd) {
			return nil, fault.New(fault.Usage, "--cwd %s: not absolute", o.cwd).Remedy("start with a /")
		}
		p.Cwd = o.cwd
	}
	p.NoNewPrivileges = p.NoNewPrivileges || o.noNewPriv
	if o.apparmor != "" {
		p.ApparmorProfile = o.apparmor
	}
	if o.selinux != "" {
		p.SelinuxLabel = o.selinux
	}
	if p.Env, err = replaced(p.Env, o.env); err != nil {
		return nil, err
	}
	if err := addGroups(p, o.gids); err != nil {
		return nil, err
	}
	if err := addCapabilities(p, o.cap); err != nil {
		return nil, err
	}
	_, err = spec.ValidateProcess(p)
	return p, err
}

// replaced adds variables; one that is there already is changed, since programs differ in which of two they take.
func replaced(env, given []string) ([]string, error) {
	set, err := byhand.ResolveEnv(given, os.Environ())
	if err != nil {
		return nil, err
	}
	for _, e := range set {
		name, _, _ := strings.Cut(e, "=")
		kept := env[:0:0]
		for _, old := range env {
			if !strings.HasPrefix(old, name+"=") {
				kept = append(kept, old)
			}
		}
		env = append(kept, e)
	}
	return env, nil
}

func addGroups(p *specs.Process, gids []string) error {
	for _, word := range gids {
		gid, err := strconv.ParseUint(word, 10, 32)
		if err != nil || gid == 1<<32-1 {
			return fault.New(fault.Usage, "--additional-gids %q: not a group number", word).Remedy("give one from 0 to 4294967294")
		}
		p.User.AdditionalGids = append(p.User.AdditionalGids, uint32(gid))
	}
	return nil
}

// addCapabilities leaves the inheritable and ambient sets alone: in them a capability would pass to every program
// that the process starts, of whatever user (CVE-2022-29162).
func addCapabilities(p *specs.Process, names []string) error {
	if len(names) == 0 {
		return nil
	}
	var caps specs.LinuxCapabilities
	if p.Capabilities != nil {
		caps = *p.Capabilities
	}
	for _, name := range names {
		if _, ok := spec.Capability(name); !ok {
			return fault.New(fault.Usage, "--cap %q: no such capability", name).Remedy("names are those of capabilities(7), such as CAP_NET_RAW")
		}
		caps.Bounding = append(caps.Bounding, name)
		caps.Permitted = append(caps.Permitted, name)
		caps.Effective = append(caps.Effective, name)
	}
	p.Capabilities = &caps
	return nil
}
