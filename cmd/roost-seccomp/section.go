package main

import (
	"errors"
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
)

// profile is a section that makes sense.
type profile struct {
	byDefault        action
	archs            []specs.Arch // besides the machine's own
	rules            []rule
	flags            uint
	listenerPath     string
	listenerMetadata string
}

// action is what becomes of a system call.
type action struct {
	kind specs.LinuxSeccompAction
	code uint16 // of SCMP_ACT_ERRNO and SCMP_ACT_TRACE
}

// rule is for one name. Its conditions must all hold, each is about another argument.
type rule struct {
	path   string // of the name
	name   string
	action action
	conds  []specs.LinuxSeccompArg
}

// notes collects what is wrong.
type notes []string

func (n *notes) add(path, format string, args ...any) {
	at := "linux.seccomp"
	if path != "" {
		at += "." + path
	}
	*n = append(*n, at+": "+fmt.Sprintf(format, args...))
}

// maxProblems are printed at most.
const maxProblems = 100

// read decodes and checks a section.
func read(raw []byte) (*profile, notes) {
	var bad notes
	if len(raw) > seccomp.MaxSection {
		bad.add("", "more than %d bytes", seccomp.MaxSection)
		return nil, bad
	}
	s, err := spec.DecodeSeccomp(raw)
	if err != nil {
		var all *spec.Error
		if !errors.As(err, &all) {
			bad.add("", "%v", err)
			return nil, bad
		}
		for _, p := range all.Problems {
			bad.add(p.Path, "%s", p.Text)
		}
		return nil, bad
	}
	p := &profile{listenerPath: s.ListenerPath, listenerMetadata: s.ListenerMetadata}
	p.byDefault = bad.action(s.DefaultAction, "defaultAction", s.DefaultErrnoRet, "defaultErrnoRet")
	p.architectures(s.Architectures, &bad)
	for i := range s.Syscalls {
		p.rule(&s.Syscalls[i], fmt.Sprintf("syscalls[%d].", i), &bad)
	}
	p.setFlags(s.Flags, &bad)
	p.listener(&bad)
	if len(bad) > maxProblems {
		more := len(bad) - maxProblems
		bad = bad[:maxProblems]
		bad.add("", "and %d more problems", more)
	}
	return p, bad
}

// action checks an action with its errno: EPERM where none is given, and an error where the action has none (runtime-spec,
// config-linux.md).
func (n *notes) action(kind specs.LinuxSeccompAction, at string, code *uint, codeAt string) action {
	a := action{kind: kind}
	switch kind {
	case "":
		n.add(at, "missing; name one of %s", strings.Join(seccomp.Actions(), ", "))
	case specs.ActKill: // its name before there were two ways to kill
		a.kind = specs.ActKillThread
	case specs.ActErrno:
		a.code = n.code(code, codeAt, 4094) // below MAX_ERRNO, and what libseccomp takes
	case specs.ActTrace:
		a.code = n.code(code, codeAt, 1<<16-1)
	case specs.ActKillProcess, specs.ActKillThread, specs.ActTrap, specs.ActAllow, specs.ActLog, specs.ActNotify:
	default:
		n.add(at, "%q is no action; name one of %s", kind, strings.Join(seccomp.Actions(), ", "))
	}
	if kind != specs.ActErrno && kind != specs.ActTrace && code != nil {
		n.add(codeAt, "%s returns no errno; leave it out, or use SCMP_ACT_ERRNO", kind)
	}
	return a
}

func (n *notes) code(code *uint, at string, most uint) uint16 {
	switch {
	case code == nil:
		return uint16(unix.EPERM)
	case *code > most:
		n.add(at, "%d; must be at most %d", *code, most)
		return 0
	}
	return uint16(*code)
}

func (p *profile) architectures(list []specs.Arch, bad *notes) {
	known := " " + strings.Join(seccomp.Archs(), " ") + " "
	for i, a := range list {
		if !strings.Contains(known, " "+string(a)+" ") {
			bad.add(fmt.Sprintf("architectures[%d]", i), "%q is no architecture; a name is such as SCMP_ARCH_X86_64", a)
			continue
		}
		p.archs = append(p.archs, a)
	}
}

func (p *profile) rule(s *specs.LinuxSyscall, at string, bad *notes) {
	a := bad.action(s.Action, at+"action", s.ErrnoRet, at+"errnoRet")
	if len(s.Names) == 0 {
		bad.add(at+"names", "empty; name a system call, or take the rule out")
	}
	used, twice := 0, false
	for i, c := range s.Args {
		here := fmt.Sprintf("%sargs[%d].", at, i)
		if c.Index > 5 {
			bad.add(here+"index", "%d; a system call has the arguments 0 to 5", c.Index)
			continue
		}
		if !strings.Contains(" "+strings.Join(seccomp.Operators(), " ")+" ", " "+string(c.Op)+" ") || c.Op == "" {
			bad.add(here+"op", "%q is no operator; name one of %s", c.Op, strings.Join(seccomp.Operators(), ", "))
		}
		twice = twice || used&(1<<c.Index) != 0
		used |= 1 << c.Index
	}
	for i, name := range s.Names {
		r := rule{path: fmt.Sprintf("%snames[%d]", at, i), name: name, action: a, conds: s.Args}
		if name == "" || strings.IndexByte(name, 0) >= 0 {
			bad.add(r.path, "%q is no name of a system call", name)
			continue
		}
		if !twice {
			p.rules = append(p.rules, r)
			continue
		}
		// libseccomp compares an argument once in a rule. Several conditions for one argument mean that one of all of them is
		// enough: so do the other runtimes.
		for k := range s.Args {
			r.conds = s.Args[k : k+1]
			p.rules = append(p.rules, r)
		}
	}
}

// setFlags: without any list, not even an empty one, speculation is not slowed down. So does runc; the kernel itself came to
// that default in 5.16.
func (p *profile) setFlags(list []specs.LinuxSeccompFlag, bad *notes) {
	if list == nil {
		p.flags = seccomp.FlagSpecAllow
	}
	for i, name := range list {
		flag, names := uint(0), []string(nil)
		for _, f := range seccomp.KnownFlags() {
			names = append(names, f.Name)
			if f.Name == string(name) {
				flag = f.Flag
			}
		}
		if flag == 0 {
			bad.add(fmt.Sprintf("flags[%d]", i), "%q is no flag; known are %s", name, strings.Join(names, ", "))
		}
		p.flags |= flag
	}
}

// listener settles who is notified.
func (p *profile) listener(bad *notes) {
	notifies := p.byDefault.kind == specs.ActNotify
	for _, r := range p.rules {
		notifies = notifies || r.action.kind == specs.ActNotify
	}
	switch l := p.listenerPath; {
	case l == "" && p.listenerMetadata != "":
		bad.add("listenerMetadata", "there is no listenerPath to send it to; add one, or leave it out")
	case l == "" && notifies:
		bad.add("listenerPath", "missing; SCMP_ACT_NOTIFY needs the path of a socket that the descriptor is sent to")
	case l != "" && (!path.IsAbs(l) || strings.IndexByte(l, 0) >= 0 || len(l) > seccomp.MaxPath):
		bad.add("listenerPath", "%.100q is not the absolute path of a socket", l)
	}
	if len(p.listenerMetadata) > seccomp.MaxMetadata {
		bad.add("listenerMetadata", "%d bytes, where at most %d are passed on", len(p.listenerMetadata), seccomp.MaxMetadata)
	}
	if !notifies {
		p.listenerPath, p.listenerMetadata = "", ""
		p.flags &^= seccomp.FlagWaitKillableRecv // nobody receives
		return
	}
	p.flags |= seccomp.FlagNewListener
	p.flags &^= seccomp.FlagTSync // there is one thread, and the kernel refuses both together
	p.checkSendmsg(bad)
}

// checkSendmsg refuses a filter that would hang: the descriptor by which somebody is notified is sent by sendmsg, when the
// filter is in force already.
func (p *profile) checkSendmsg(bad *notes) {
	const text = "the runtime sends the listener its descriptor by sendmsg: nobody could answer yet; "
	free := false // whatever its arguments are
	for _, r := range p.rules {
		if r.name != "sendmsg" {
			continue
		}
		if r.action.kind == specs.ActNotify {
			bad.add(r.path, text+"choose another action for it")
		}
		free = free || len(r.conds) == 0
	}
	if p.byDefault.kind == specs.ActNotify && !free {
		bad.add("defaultAction", text+"add a rule that allows sendmsg, or choose another default")
	}
}
