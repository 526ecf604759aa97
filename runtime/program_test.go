package runtime

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/userns"
)

// program is one of all those that are looked at below.
type program struct {
	name string
	plan *Plan // nil for an exec
	*launch.Program
}

func programs(t *testing.T) (list []program) {
	for _, p := range plans() {
		plan, err := p.plan(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, wait := range []bool{false, true} {
			compiled, _, err := compile(plan, plan.layout(2, wait), actions{}, false)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, program{p.name, plan, compiled})
		}
	}
	for _, e := range execs() {
		list = append(list, program{e.name, nil, e.compile(t)})
	}
	return list
}

// call is a step's text taken apart.
type call struct {
	at   int
	name string
	args []string
}

// str is the string that an argument points to.
func (c call) str(i int) (string, bool) {
	if i >= len(c.args) || !strings.HasPrefix(c.args[i], `"`) {
		return "", false
	}
	s, err := strconv.Unquote(c.args[i])
	return s, err == nil
}

func (c call) is(name string, args ...string) bool {
	return c.name == name && len(c.args) >= len(args) && slices.Equal(c.args[:len(args)], args)
}

func (p program) calls() []call {
	list := make([]call, len(p.Steps))
	for i, s := range p.Steps {
		name, rest, _ := strings.Cut(s.Call, "(")
		list[i] = call{i, name, arguments(rest)}
	}
	return list
}

// arguments splits at commas outside of quotes, up to the closing parenthesis.
func arguments(s string) (args []string) {
	quoted, begin := false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ',' || c == ')':
			if begin < i {
				args = append(args, strings.TrimSpace(s[begin:i]))
			}
			if begin = i + 1; c == ')' {
				return args
			}
		}
	}
	return args
}

// words reads 64-bit words at an address such as "data+8" out of the program: the arena's header has, as its seventh 32-bit
// word, where the data begins.
func (p program) words(t *testing.T, address string, n int) []uint64 {
	t.Helper()
	arena := p.Arena()
	off, err := strconv.Atoi(strings.TrimPrefix(address, "data+"))
	if err != nil {
		t.Fatalf("%q is no address of data", address)
	}
	off += int(binary.NativeEndian.Uint32(arena[24:]))
	words := make([]uint64, n)
	for i := range words {
		words[i] = binary.NativeEndian.Uint64(arena[off+8*i:])
	}
	return words
}

// index is the first step that fits, or -1.
func index(calls []call, fits func(call) bool) int { return slices.IndexFunc(calls, fits) }

func notDumpable(c call) bool {
	return c.is("prctl", strconv.Itoa(unix.PR_SET_DUMPABLE), "0")
}

// TestDumpable: our own files in /proc are written before they are closed to us, and they are closed before any process of the
// container can see us.
func TestDumpable(t *testing.T) {
	for _, p := range programs(t) {
		calls := p.calls()
		private := index(calls, notDumpable)
		if private < 0 {
			t.Errorf("%s: stays dumpable", p.name)
			continue
		}
		for _, c := range calls {
			self := false
			for i := range c.args {
				s, ok := c.str(i)
				self = self || ok && strings.HasPrefix(s, "/proc/")
			}
			if self && c.at > private && c.name == "openat" {
				t.Errorf("%s: step %d opens a file of /proc after step %d: %s", p.name, c.at, private, p.Steps[c.at].Call)
			}
		}
		// A hook on the host may have to look at us. As long as nobody else can, we are open to it.
		late := p.plan != nil && p.plan.Hooks.onHost() && !p.joins(unix.CLONE_NEWUSER) && !p.joins(unix.CLONE_NEWPID)
		for what, fits := range map[string]func(call) bool{
			"joins a user namespace": func(c call) bool { return c.name == "setns" && c.args[1] == strconv.Itoa(unix.CLONE_NEWUSER) },
			"joins a container":      func(c call) bool { return c.name == "setns" && p.plan == nil },
			"forks": func(c call) bool {
				// A process that holds an id map has nothing of ours to see, and is gone at once.
				return c.name == "clone3" && (!late || p.Steps[c.at].Label != firstProcess) && p.Steps[c.at].Label != labelIDMap
			},
			"mounts on the root": func(c call) bool { return c.name == "move_mount" && !late },
			"changes the root":   func(c call) bool { return c.name == "pivot_root" },
			"executes":           func(c call) bool { return c.name == "execve" },
		} {
			if at := index(calls, fits); at >= 0 && at < private {
				t.Errorf("%s: %s at step %d, while it is dumpable until step %d", p.name, what, at, private)
			}
		}
		// It is made so again right before the hooks, since a change of ids may have taken it.
		again := index(calls, func(c call) bool { return c.is("prctl", strconv.Itoa(unix.PR_SET_DUMPABLE), "1") })
		if late != (again >= 0) || late && (calls[again+1].name != "sync" || private != again+2) {
			t.Errorf("%s: dumpable again at step %d, and not at step %d", p.name, again, private)
		}
	}
}

// joins reports whether a namespace of this kind is one that exists already.
func (p program) joins(flag uint64) bool {
	return p.plan.has(flag) && p.plan.New&flag == 0 && (flag != unix.CLONE_NEWUSER || p.plan.User.Kind == userns.Join)
}

// TestPathsOfTheContainer: a path that the container's files decide about is given to the kernel with RESOLVE_IN_ROOT, to the
// bounded walks, or after the pivot; all else is done by descriptor. A call with a string that is not named here fails the
// test, so that it is thought about.
func TestPathsOfTheContainer(t *testing.T) {
	for _, p := range programs(t) {
		calls := p.calls()
		pivot := index(calls, func(c call) bool { return c.name == "pivot_root" || c.name == "chroot" })
		if p.plan == nil {
			pivot = index(calls, func(c call) bool { return c.name == "setns" }) // what comes after is inside
		}
		for _, c := range calls {
			inside := c.at > pivot
			for i := range c.args {
				s, ok := c.str(i)
				if ok && !p.mayName(t, c, i, s, inside) {
					t.Errorf("%s: step %d (%s): %s", p.name, c.at, p.Steps[c.at].Label, p.Steps[c.at].Call)
				}
			}
		}
	}
}

func (p program) mayName(t *testing.T, c call, i int, s string, inside bool) bool {
	cwd := strconv.Itoa(unix.AT_FDCWD)
	switch c.name {
	case "fsopen", "fsconfig", "fsetxattr", "keyctl", "sethostname", "setdomainname", "write", "sync":
		return true // no paths but of lower directories, which are the host's
	case "mkdir all in root", "make target in root":
		return !strings.HasPrefix(s, "/") && path.Clean("/"+s) == "/"+s
	case "openat2":
		resolve := p.words(t, c.args[2], 3)[2]
		if same := uint64(unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS); resolve&^unix.RESOLVE_NO_SYMLINKS == same {
			return c.args[0] != cwd // in one mount, of a proc that is none of the container's
		}
		return c.args[0] != cwd && resolve&unix.RESOLVE_IN_ROOT != 0 && resolve&(unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_SYMLINKS) != 0
	case "mknodat", "symlinkat", "unlinkat", "fchownat", "mkdirat":
		if c.name == "symlinkat" && i == 0 {
			return true // what the link says
		}
		return !strings.Contains(s, "/") && s != ".." && c.args[i-1] != cwd
	case "openat":
		if c.args[0] != cwd { // one name in a directory that was resolved, and no link
			flags, err := strconv.ParseUint(c.args[2], 0, 64)
			return err == nil && flags&unix.O_NOFOLLOW != 0 && !strings.Contains(s, "/") && s != ".."
		}
		return p.isHosts(s) || inside && s == "/" || p.isOutside(s) && !inside
	case "readlinkat":
		return p.isHosts(s) && !inside
	case "open_tree":
		return s == "" || c.args[0] == cwd && p.isHosts(s) && !inside
	case "fspick":
		return s == ""
	case "move_mount": // onto the host's root, without pivot_root
		return s == "" || s == "/" && p.plan.Root.Change == MoveRoot && c.args[2] == cwd
	case "mount_setattr":
		return s == "" || s == "/"
	case "umount2":
		return s == "." || p.isOutside(s) && !inside
	case "pivot_root", "chroot":
		return s == "."
	case "execve":
		return inside || i > 0 || p.isHook(s)
	case "chdir", "find executable":
		return inside || i > 0
	}
	return false
}

// isOutside reports whether it is a mount of the host that is to go.
func (p program) isOutside(s string) bool {
	return p.plan != nil && slices.ContainsFunc(p.plan.Root.Outside, func(m HostMount) bool { return m.Path == s })
}

// isHook reports whether it is the program of a hook that comes before the root is changed.
func (p program) isHook(s string) bool {
	return p.plan != nil && slices.ContainsFunc(p.plan.Hooks.CreateContainer, func(h Hook) bool { return h.Path == s })
}

// isHosts reports whether a path is one that the caller named, or our own.
func (p program) isHosts(s string) bool {
	if strings.HasPrefix(s+"/", "/proc/self/") || s == "/dev/null" || s == "/proc" {
		return true
	}
	if p.plan == nil {
		return false
	}
	hosts := []string{p.plan.Root.Path}
	for _, m := range p.plan.Mounts {
		hosts = append(hosts, m.Source, m.Else)
	}
	for _, d := range p.plan.Devices {
		hosts = append(hosts, d.Path) // the host's node, whose number is looked at
	}
	return slices.Contains(hosts, s)
}

// TestCwdIsInside: the working directory is looked at after the last step that can change it (CVE-2024-21626).
func TestCwdIsInside(t *testing.T) {
	for _, p := range programs(t) {
		calls := p.calls()
		verified, changed := -1, -1
		for _, c := range calls {
			switch {
			case c.name == "chdir", c.name == "fchdir":
				changed = c.at
			case c.name == "verify" && c.args[1] == strconv.Itoa(launch.CwdInside):
				verified = c.at
			}
		}
		if changed < 0 || verified < changed {
			t.Errorf("%s: changed at step %d, looked at at %d", p.name, changed, verified)
		}
	}
}

// TestNothingElse: system calls that no container of this version makes.
func TestNothingElse(t *testing.T) {
	allowed := []string{
		"umask", "openat", "openat2", "open_tree", "close", "close_range", "write", "prctl", "prlimit64", "setns", "unshare", "clone3", "exit_group",
		"mount_setattr", "move_mount", "fsopen", "fsconfig", "fsmount", "pivot_root", "umount2", "setsid", "keyctl", "sethostname", "setdomainname",
		"setgroups", "setresgid", "setresuid", "capset", "chdir", "fchdir", "fchown", "fchownat", "mknodat", "mkdirat", "symlinkat", "unlinkat",
		"ioctl", "dup3", "read", "execve", "getpid", "setpgid", "rt_sigprocmask", "lseek",
		"fsetxattr", "socket", "sched_setattr", "sched_setaffinity", "ioprio_set", "set_mempolicy", "personality",
		"readlinkat", "fspick", "chroot", "eventfd2", "ppoll", "kill",
		// what is no system call
		"sync", "tell", "jump", "jump if failed", "verify", "find executable", "mkdir all in root", "make target in root", "reap", "report to",
		"copy tree", "make like", "wait",
		"about", "finish", "seccomp", "send file",
	}
	for _, p := range programs(t) {
		for _, c := range p.calls() {
			if !slices.Contains(allowed, c.name) || c.is("prctl", strconv.Itoa(unix.PR_SET_SECCOMP)) {
				t.Errorf("%s: step %d: %s", p.name, c.at, p.Steps[c.at].Call)
			}
		}
	}
}

// TestOrder of what takes away what an earlier step needs (capabilities(7)).
func TestOrder(t *testing.T) {
	prctl := func(n int) func(call) bool { return func(c call) bool { return c.is("prctl", strconv.Itoa(n)) } }
	called := func(name string) func(call) bool { return func(c call) bool { return c.name == name } }
	last := func(calls []call, fits func(call) bool) int {
		for i := len(calls) - 1; i >= 0; i-- {
			if fits(calls[i]) {
				return i
			}
		}
		return -1
	}
	order := []struct {
		name string
		fits func(call) bool
		may  bool // be absent
	}{
		{"pivot_root", called("pivot_root"), true},
		{"the bounding set", prctl(unix.PR_CAPBSET_DROP), false},
		{"keepcaps", prctl(unix.PR_SET_KEEPCAPS), false},
		{"the group", called("setresgid"), false},
		{"the user", called("setresuid"), false},
		{"the capabilities", called("capset"), false},
		{"ambient ones", func(c call) bool {
			return c.is("prctl", strconv.Itoa(unix.PR_CAP_AMBIENT), strconv.Itoa(unix.PR_CAP_AMBIENT_RAISE))
		}, true},
		{"no_new_privs", prctl(unix.PR_SET_NO_NEW_PRIVS), false},
		{"the executable", called("find executable"), false},
		{"the last sync point", called("sync"), false},
		{"closing", called("close_range"), false},
		{"the filter", called("seccomp"), true},
		{"execve", called("execve"), false},
	}
	for _, p := range programs(t) {
		calls := p.calls()
		before, at := "the start", -1
		for _, o := range order {
			i := last(calls, o.fits)
			if i < 0 && o.may {
				continue
			}
			if i < at {
				t.Errorf("%s: %s is step %d, %s step %d", p.name, o.name, i, before, at)
			}
			before, at = o.name, i
		}
		if at != len(calls)-1 {
			t.Errorf("%s: execve is step %d of %d", p.name, at, len(calls))
		}
	}
}

// TestBareIsTheSame: the words of an error come from a second compilation, so both must be the same program.
func TestBareIsTheSame(t *testing.T) {
	for _, p := range plans() {
		plan, err := p.plan(t)
		if err != nil {
			t.Fatal(err)
		}
		var arenas [3][]byte
		for i, bare := range []bool{true, false, true} {
			compiled, _, err := compile(plan, plan.layout(0, true), actions{}, bare)
			if err != nil {
				t.Fatal(err)
			}
			arenas[i] = compiled.Arena()
		}
		if !bytes.Equal(arenas[0], arenas[1]) || !bytes.Equal(arenas[0], arenas[2]) {
			t.Errorf("%s: not the same program", p.name)
		}
	}
}

// TestWritesNothingLate: the compiler refuses to write a file of our own in /proc once it is closed to us.
func TestWritesNothingLate(t *testing.T) {
	c := &compiler{process: &ProcessPlan{}}
	c.goPrivate()
	c.oomScore(&ProcessPlan{OOMScoreAdj: new(int)})
	if c.err != errPrivate {
		t.Error(c.err)
	}
}
