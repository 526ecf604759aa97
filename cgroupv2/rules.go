package cgroupv2

import specs "github.com/opencontainers/runtime-spec/specs-go"

// Access is what may be done with a device, in the kernel's bits (BPF_DEVCG_ACC_*, linux/bpf.h).
type Access uint8

// The bits.
const (
	Mknod Access = 1 << iota
	Read
	Write
	all = Mknod | Read | Write
)

// Any stands for every major or minor number.
const Any = -1

// Rule allows or denies. Of several rules that are about a device, the last decides, each bit of access for itself.
type Rule struct {
	Allow        bool
	Type         byte // 'a' (both), 'b' or 'c'
	Major, Minor int64
	Access       Access
}

// Rules are those of a configuration, and after them, as with other runtimes, what every container needs: to make device
// nodes (which says nothing about using them), the default devices (config-linux.md, "Default Devices") and terminals.
func Rules(list []specs.LinuxDeviceCgroup) []Rule {
	rules := make([]Rule, 0, len(list)+12)
	rules = append(rules, Rule{Type: 'a', Major: Any, Minor: Any, Access: all})
	for _, r := range list {
		rules = append(rules, rule(r))
	}
	for _, t := range []byte{'b', 'c'} {
		rules = append(rules, Rule{true, t, Any, Any, Mknod})
	}
	const memory, tty, pts = 1, 5, 136
	for _, minor := range []int64{3, 5, 7, 8, 9} { // null, zero, full, random, urandom: man 4 null, full, random
		rules = append(rules, Rule{true, 'c', memory, minor, all})
	}
	return append(rules, Rule{true, 'c', tty, 0, all}, Rule{true, 'c', tty, 2, all}, Rule{true, 'c', pts, Any, all})
}

func rule(r specs.LinuxDeviceCgroup) Rule {
	out := Rule{Allow: r.Allow, Type: 'a', Major: Any, Minor: Any}
	if r.Type != "" {
		out.Type = r.Type[0]
	}
	if r.Major != nil {
		out.Major = *r.Major
	}
	if r.Minor != nil {
		out.Minor = *r.Minor
	}
	for _, c := range r.Access {
		switch c {
		case 'm':
			out.Access |= Mknod
		case 'r':
			out.Access |= Read
		case 'w':
			out.Access |= Write
		}
	}
	if r.Access == "" {
		out.Access = all
	}
	if out.Type == 'a' { // config-linux.md: then major and minor mean nothing
		out.Major, out.Minor = Any, Any
	}
	return out
}
