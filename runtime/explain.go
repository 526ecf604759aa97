package runtime

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

// WriteSyscalls writes the program, a step a line: what it is for, and the call.
func (p *Plan) WriteSyscalls(w io.Writer) error {
	program, _, err := compile(p, p.layout(0, false), actions{}, false)
	if err != nil {
		return err
	}
	return writeProgram(w, program)
}

func writeProgram(w io.Writer, program *launch.Program) error {
	fmt.Fprintf(w, "# clone3 flags %s, %d steps, %d bytes\n", flagNames(program.Flags), len(program.Steps), program.Size())
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for i, s := range program.Steps {
		fmt.Fprintf(t, "%d\t%s\t%s\n", i, s.Label, s.Call)
	}
	return t.Flush()
}

// WriteText writes the Plan for people.
func (p *Plan) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("container", "%s", p.ID)
	line("bundle", "%s", p.Bundle)
	p.explainNamespaces(line)
	line("root", "%s%s%s%s", p.Root.Path, onlyIf(p.Root.Readonly, ", read-only"), onlyIf(p.Root.Change == MoveRoot, ", moved over the host's"),
		onlyIf(p.Root.Change == Chroot, ", by chroot alone"))
	for _, m := range p.Mounts {
		line("mount", "%s", m.describe())
	}
	for _, d := range p.Devices {
		line("device", "%s %d:%d%s", d.Path, d.Major, d.Minor, onlyIf(d.Make, ", made if possible")+onlyIf(!d.Make, ", bound from the host"))
	}
	p.Cgroup.explain(line)
	for _, path := range p.Masked {
		line("hidden", "%s", path)
	}
	for _, path := range p.Readonly {
		line("read-only", "%s", path)
	}
	if p.MountLabel != "" {
		line("SELinux label", "%s, of new file systems", p.MountLabel)
	}
	for _, s := range p.Sysctls {
		line("kernel parameter", "%s = %s, of the %s namespace", s.Name, s.Value, s.Namespace)
	}
	for _, d := range p.NetDevices {
		line("network device", "%s of the host, as %s", d.Name, d.New)
	}
	p.Process.explain(line, p.Init)
	if n := p.Notify; n != nil {
		line("readiness", "told to %s%s", n.Socket, onlyIf(n.Relayed, ", passed on by roost"))
	}
	for _, h := range p.Hooks.all() {
		line("hook", "%s %s %q%s", h.At, h.Path, h.Args, onlyIf(h.Timeout != 0, fmt.Sprintf(", for at most %v", h.Timeout)))
	}
	for _, g := range p.GivenUp {
		line("given up", "%s", g)
	}
	return t.Flush()
}

func onlyIf(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

func (p *Plan) explainNamespaces(line func(name, format string, args ...any)) {
	switch u := p.User; u.Kind {
	case userns.None:
		line("user namespace", "the caller's")
	case userns.Join:
		line("user namespace", "%s", u.Path)
	default:
		line("user namespace", "new, maps written by %s; %s", u.Writer, u.Source)
		line("  user ids", "%s", u.Mapping.UIDs)
		line("  group ids", "%s", u.Mapping.GIDs)
	}
	line("new namespaces", "%s", flagNames(p.New))
	for _, j := range p.Join {
		line("joined", "%s %s", flagNames(j.Flag), j.Path)
	}
	if p.Hostname != "" {
		line("host name", "%s", p.Hostname)
	}
}

func (m *Mount) describe() string {
	var words []string
	switch {
	case m.Options.Remount:
		words = append(words, m.Destination+" is changed")
	case m.Type == "symlink":
		return fmt.Sprintf("%s is a link to %s", m.Destination, m.Source)
	case m.Bind:
		words = append(words, fmt.Sprintf("%s is %s of the host", m.Destination, m.Source))
		if m.Options.Recursive {
			words = append(words, "with what is mounted below")
		}
	default:
		words = append(words, fmt.Sprintf("%s is a new %s", m.Destination, m.Type))
	}
	o := m.Options
	for _, flags := range []struct {
		set, clear uint64
		where      string
	}{{o.Set, o.Clear, ""}, {o.RecSet, o.RecClear, " with all below"}} {
		for _, word := range attributeWords(flags.set, flags.clear) {
			if word == "ro" {
				word = "read-only"
			}
			words = append(words, word+flags.where)
		}
	}
	words = append(append(append(words, o.Data...), o.SBFlags...), linkWords(o)...)
	if o.TmpCopyUp {
		words = append(words, "with a copy of what it covers")
	}
	if ids := m.IDs.asJSON(); ids != nil {
		words = append(words, "id-mapped by "+onlyIf(ids.Of != "container", m.IDs.Mapping.String())+onlyIf(ids.Of == "container", "the container's user namespace"))
	}
	if m.Else != "" && !m.Bind {
		words = append(words, "or, where that is refused, "+m.Else+" of the host")
	}
	return strings.Join(words, ", ")
}

func (p *ProcessPlan) explain(line func(name, format string, args ...any), init bool) {
	line("process", "%q%s", p.Args, onlyIf(init, ", below a minimal pid 1"))
	line("  directory", "%s", p.Cwd)
	line("  user", "%d:%d%s", p.UID, p.GID, onlyIf(len(p.Groups) > 0, fmt.Sprintf(", groups %v", p.Groups)))
	if p.KeepGroups {
		line("  groups", "the caller's, whatever they are")
	}
	if p.Terminal {
		line("  terminal", "its own")
	}
	for _, s := range []struct {
		name string
		set  uint64
	}{{"bounding", p.Capabilities.Bounding}, {"permitted", p.Capabilities.Permitted}, {"effective", p.Capabilities.Effective}, {"inheritable", p.Capabilities.Inheritable}, {"ambient", p.Capabilities.Ambient}} {
		line("  "+s.name+" capabilities", "%s", capabilityNames(s.set))
	}
	if p.NoNewPrivs {
		line("  no_new_privs", "set: nothing it executes gains privileges")
	}
	if f := p.Filter; f != nil {
		line("  system calls", "filtered by %d instructions%s", f.Count(), onlyIf(f.Notifies(), ", or decided about at "+f.ListenerPath))
	}
	if p.AppArmor != "" {
		line("  AppArmor profile", "%s", p.AppArmor)
	}
	if p.SELinux != "" {
		line("  SELinux label", "%s", p.SELinux)
	}
	p.Scheduling.explain(line)
	for _, e := range p.Env {
		line("  environment", "%s", e)
	}
	for _, name := range p.OwnPid {
		line("  environment", "%s=(its pid)", name)
	}
}

func capabilityNames(set uint64) string { return orNone(capabilityWords(set)) }

func capabilityWords(set uint64) []string {
	names := []string{}
	for n, name := range spec.Capabilities() {
		if set&(1<<n) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func flagNames(flags uint64) string { return orNone(namespaceWords(flags)) }

func namespaceWords(flags uint64) []string {
	names := []string{}
	for _, k := range kinds {
		if flags&k.flag != 0 {
			names = append(names, k.name)
		}
	}
	return names
}

func orNone(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, " ")
}
