package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const killed = 128 + int(unix.SIGSYS)

// Every action that needs nobody else, and that other calls go on.
func TestSeccompActions(t *testing.T) {
	needSeccomp(t)
	errno := func(n uint) specs.LinuxSeccomp {
		p := denying(specs.ActErrno, "getppid")
		p.Syscalls[0].ErrnoRet = &n
		return p
	}
	getppid, getuid := nr(unix.SYS_GETPPID), nr(unix.SYS_GETUID)
	for _, c := range []struct {
		name    string
		profile specs.LinuxSeccomp
		calls   []string
		code    int
		want    string // what is printed
	}{
		{"allow", denying(specs.ActAllow, "getppid"), []string{getppid, getuid}, 0, "0 0"},
		{"errno", denying(specs.ActErrno, "getppid"), []string{getppid, getuid}, 0, "-1 0"},
		{"errno of choice", errno(uint(unix.EXDEV)), []string{getppid, getuid}, 0, "-18 0"},
		{"errno 0", errno(0), []string{nr(unix.SYS_GETPPID), getuid}, 0, "0 0"},
		{"log", denying(specs.ActLog, "getppid"), []string{getppid, getuid}, 0, "0 0"},
		{"trap", denying(specs.ActTrap, "getppid"), []string{"trap", getppid, getuid}, 0, fmt.Sprintf("trapped %d -38 0", unix.SYS_GETPPID)},
		{"trap without a handler", denying(specs.ActTrap, "getppid"), []string{getuid, getppid}, killed, "0"},
		{"trace without a tracer", denying(specs.ActTrace, "getppid"), []string{getppid, getuid}, 0, "-38 0"},
		{"kill", denying(specs.ActKill, "getppid"), []string{getuid, getppid, getuid}, killed, "0"},
		{"kill thread", denying(specs.ActKillThread, "getppid"), []string{getuid, getppid, getuid}, killed, "0"},
		{"kill process", denying(specs.ActKillProcess, "getppid"), []string{getuid, getppid, getuid}, killed, "0"},
		{"names that nobody knows", denying(specs.ActErrno, "no_such_call", "getppid", "nor_this"), []string{getppid, getuid}, 0, "-1 0"},
		{"nothing at all", specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, []string{getppid, getuid}, 0, "0 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runOnce(t, with(calling(t, c.calls...), filtered(c.profile)))
			got := strings.Join(strings.Fields(r.Stdout), " ")
			if c.name == "trap" { // what a handler leaves in the register is the architecture's own
				f := strings.Fields(got)
				got = strings.Join(append(f[:min(2, len(f))], "-38", f[len(f)-1]), " ")
			}
			if r.Code != c.code || got != c.want {
				t.Errorf("%v, want %d and %q", r, c.code, c.want)
			}
		})
	}
}

func TestSeccompArguments(t *testing.T) {
	needSeccomp(t)
	rule := func(args ...specs.LinuxSeccompArg) specs.LinuxSeccomp {
		p := denying(specs.ActErrno, "personality")
		code := uint(77)
		p.Syscalls[0].ErrnoRet, p.Syscalls[0].Args = &code, args
		return p
	}
	const reads = 0xffffffff // changes nothing and returns the present one
	for _, c := range []struct {
		name    string
		profile specs.LinuxSeccomp
		value   uint64
		denied  bool
	}{
		{"equal", rule(specs.LinuxSeccompArg{Index: 0, Value: reads, Op: specs.OpEqualTo}), reads, true},
		{"not equal", rule(specs.LinuxSeccompArg{Index: 0, Value: 5, Op: specs.OpEqualTo}), reads, false},
		{"greater", rule(specs.LinuxSeccompArg{Index: 0, Value: reads - 1, Op: specs.OpGreaterThan}), reads, true},
		{"no less", rule(specs.LinuxSeccompArg{Index: 0, Value: reads, Op: specs.OpLessThan}), reads, false},
		{"masked", rule(specs.LinuxSeccompArg{Index: 0, Value: 0xff00, ValueTwo: 0xff00, Op: specs.OpMaskedEqual}), reads, true},
		{"masked, another", rule(specs.LinuxSeccompArg{Index: 0, Value: 0xff00, ValueTwo: 0x0f00, Op: specs.OpMaskedEqual}), reads, false},
		{"one of two for one argument", rule(specs.LinuxSeccompArg{Index: 0, Value: 1, Op: specs.OpEqualTo}, specs.LinuxSeccompArg{Index: 0, Value: reads, Op: specs.OpEqualTo}), reads, true},
		{"one of two for two arguments", rule(specs.LinuxSeccompArg{Index: 0, Value: reads, Op: specs.OpEqualTo}, specs.LinuxSeccompArg{Index: 1, Value: 9, Op: specs.OpEqualTo}), reads, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := "0"
			if c.denied {
				want = "-77"
			}
			wantLines(t, runOnce(t, with(calling(t, nr(unix.SYS_PERSONALITY, c.value)), filtered(c.profile))), want)
		})
	}
}

// 32-bit code on a 64-bit machine is code of another architecture, with other numbers: what the profile does not name is killed.
func TestSeccompOtherArchitecture(t *testing.T) {
	needSeccomp(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("amd64: the payload has the 32-bit entry of x86 only")
	}
	const getppid32, getuid32, x32 = "32:64", "32:199", 0x40000000
	if r := runOnce(t, calling(t, getppid32)); r.Code != 0 || strings.TrimSpace(r.Stdout) != "0" { // user-mode Linux takes it for a number of its own
		t.Skipf("32-bit: this kernel has no entry for 32-bit code: %v", r)
	}
	getppid, getuid := nr(unix.SYS_GETPPID), nr(unix.SYS_GETUID)
	profile := func(archs ...specs.Arch) func(*specs.Spec) {
		p := denying(specs.ActErrno, "getppid")
		p.Architectures = archs
		return filtered(p)
	}
	for _, archs := range [][]specs.Arch{nil, {specs.ArchX86_64}} {
		if r := runOnce(t, with(calling(t, getppid, getuid32, getuid), profile(archs...))); r.Code != killed || strings.TrimSpace(r.Stdout) != "-1" {
			t.Errorf("32-bit code with %v: %v", archs, r)
		}
		if r := runOnce(t, with(calling(t, getuid, nr(unix.SYS_GETUID|x32)), profile(archs...))); r.Code != killed || strings.TrimSpace(r.Stdout) != "0" {
			t.Errorf("x32 code with %v: %v", archs, r)
		}
	}
	both := profile(specs.ArchX86_64, specs.ArchX86)
	wantLines(t, runOnce(t, with(calling(t, getppid, getppid32, getuid32, getuid), both)), "-1", "-1", "0", "0")
	if r := runOnce(t, with(calling(t, getuid, nr(unix.SYS_GETUID|x32)), both)); r.Code != killed {
		t.Errorf("x32 code: %v", r)
	}
	// Whether the kernel has x32 or not, the filter lets it through.
	all := profile(specs.ArchX86_64, specs.ArchX86, specs.ArchX32)
	if r := runOnce(t, with(calling(t, getuid, nr(unix.SYS_GETUID|x32), getppid), all)); r.Code != 0 || lines(r.Stdout)[2] != "-1" {
		t.Errorf("x32 code with x32: %v", r)
	}
}

// The profile that is shipped: what it is to let through, what not, and what is newer than it.
func TestSeccompDefaultProfile(t *testing.T) {
	needSeccomp(t)
	p := filtered(defaultProfile(t))
	out := output(t, "mkdir /dev/shm/x && echo made >/dev/shm/x/y && cat /dev/shm/x/y && (sleep 0; echo child) && ls / >/dev/null && rm -r /dev/shm/x; grep Seccomp: /proc/self/status", p)
	if f := strings.Fields(out); !slices.Equal(f, []string{"made", "child", "Seccomp:", "2"}) {
		t.Errorf("%q", out)
	}
	const newNet = unix.CLONE_NEWNET
	wantLines(t, runOnce(t, with(calling(t,
		nr(unix.SYS_KEXEC_LOAD), nr(unix.SYS_BPF, 1<<20), nr(unix.SYS_MOUNT), nr(unix.SYS_UNSHARE, newNet), nr(unix.SYS_SETNS), nr(unix.SYS_KEYCTL, 0),
		nr(unix.SYS_CLONE, newNet|uint64(unix.SIGCHLD)), nr(unix.SYS_PERSONALITY, 1), nr(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM),
		nr(unix.SYS_CLONE3, 0, 0), nr(unix.SYS_IO_URING_SETUP, 0, 0), nr(1000), nr(4000),
		nr(unix.SYS_PERSONALITY, 0xffffffff), nr(unix.SYS_GETUID),
	), p)), "-1", "-1", "-1", "-1", "-1", "-1", "-1", "-1", "-1", "-38", "-38", "-38", "-38", "0", "0")
}

// A filter without no_new_privs takes CAP_SYS_ADMIN, which the process must not have in the end, nor anybody else in there.
func TestSeccompWithoutNoNewPrivileges(t *testing.T) {
	needSeccomp(t)
	script := `for p in 1 self; do grep -e NoNewPrivs -e Cap -e Seccomp: /proc/$p/status; done; mkdir /dev/shm/x 2>&1; id -u`
	for _, c := range []struct {
		name   string
		change func(*specs.Spec)
		flags  []string
	}{
		{"plain", nil, nil},
		{"another user", func(s *specs.Spec) { s.Process.User.UID, s.Process.User.GID = 33, 33 }, nil},
		{"below an init", nil, []string{"--init"}},
		{"with ambient capabilities", func(s *specs.Spec) {
			c := s.Process.Capabilities
			c.Inheritable, c.Ambient = []string{"CAP_KILL"}, []string{"CAP_KILL"}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.flags != nil {
				needRoost(t)
			}
			needSubIDs(t)
			ids := func(*specs.Spec) {}
			if c.name == "another user" && !isRoot() {
				ids = manyIDs(t)
			}
			change := with(sh(script), ids, filtered(denying(specs.ActErrno, "mkdir", "mkdirat")), func(s *specs.Spec) {
				s.Process.NoNewPrivileges = false
				if c.change != nil {
					c.change(s)
				}
			})
			r := runOnce(t, change, c.flags...)
			if r.Code != 0 || !strings.Contains(r.Stdout, "Operation not permitted") || strings.Count(r.Stdout, "NoNewPrivs:\t0") != 2 {
				t.Fatalf("%v", r)
			}
			const admin = 1 << unix.CAP_SYS_ADMIN
			sets := 0
			for _, line := range lines(r.Stdout) {
				var name string
				var set uint64
				if n, _ := fmt.Sscanf(line, "%s %x", &name, &set); n == 2 && strings.HasPrefix(name, "Cap") {
					sets++
					if set&admin != 0 {
						t.Errorf("CAP_SYS_ADMIN is left: %s", line)
					}
					if c.name == "with ambient capabilities" && name == "CapAmb:" && set != 1<<unix.CAP_KILL {
						t.Errorf("ambient: %s", line)
					}
				}
			}
			if sets != 10 {
				t.Errorf("%d sets of capabilities: %s", sets, r.Stdout)
			}
			want := 2 // pid 1 and the process
			if c.flags != nil {
				want = 1 // the init is roost's own
			}
			if n := strings.Count(r.Stdout, "Seccomp:\t2"); n != want {
				t.Errorf("%d filtered processes: %s", n, r.Stdout)
			}
		})
	}
}

// exec comes below the same filter, also when nobody could compile it any more and the bundle is gone.
func TestSeccompExec(t *testing.T) {
	needSeccomp(t)
	needRoost(t)
	roost := lonely(t, true)
	id := newID(t)
	bundle := newBundle(t, with(calling(t), sh(sleeper), filtered(denying(specs.ActErrno, "getppid"))))
	if r := finish(t, roost("run", "--detach", "--bundle", bundle, id)); r.Code != 0 {
		t.Fatal(r)
	}
	os.Remove(filepath.Join(bundle, "config.json"))
	os.Remove(filepath.Join(filepath.Dir(roost().Path), "roost-seccomp"))
	os.RemoveAll(filepath.Join(stateRoot(t), ".seccomp:filters"))
	getppid, getuid := nr(unix.SYS_GETPPID), nr(unix.SYS_GETUID)
	wantLines(t, finish(t, roost("exec", id, "/call", getppid, getuid)), "-1", "0")
	// With less, and with more.
	wantLines(t, finish(t, roost("exec", "--cap", "CAP_SYS_ADMIN", id, "/call", getppid, getuid)), "-1", "0")
	wantLines(t, finish(t, roost("exec", "--no-new-privs", id, "/call", getppid, getuid)), "-1", "0")
	// A filter that got lost is no reason to go without.
	kept := filepath.Join(stateRoot(t), id, "seccomp")
	if err := os.Truncate(kept, 10); err != nil {
		t.Fatal(err)
	}
	refuse(t, []string{"its filter of system calls", "damaged"}, "exec", id, "/bin/true")
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	refuse(t, []string{"its filter of system calls", "no such file"}, "exec", id, "/bin/true")
}

// A profile that stops the runtime itself is told, at create or start, and by run.
func TestSeccompWithoutExecve(t *testing.T) {
	needSeccomp(t)
	needRoost(t) // others stop at other calls
	bundle := newBundle(t, filtered(denying(specs.ActErrno, "execve")))
	refuse(t, []string{"exec /bin/true", "operation not permitted", "has to allow execve"}, "run", "--bundle", bundle, newID(t))
	id := newID(t)
	must(t, "create", "--bundle", bundle, id)
	refuse(t, []string{"exec /bin/true", "operation not permitted", "has to allow execve"}, "start", id)
	bundle = newBundle(t, with(filtered(denying(specs.ActErrno, "capset")), func(s *specs.Spec) { s.Process.NoNewPrivileges = false }))
	refuse(t, []string{"set the capabilities", "has to allow capset"}, "run", "--bundle", bundle, newID(t))
	id = newID(t)
	must(t, "create", "--bundle", bundle, id)
	refuse(t, []string{"set the capabilities", "has to allow capset"}, "start", id)
	// Nothing else is needed: an empty program for which all but execve is denied.
	all := specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{Names: []string{"execve", "exit", "exit_group"}, Action: specs.ActAllow}}}
	if r := runOnce(t, filtered(all)); r.Code == 1 && strings.Contains(r.Stderr, "roost") {
		t.Errorf("%v", r)
	}
}
