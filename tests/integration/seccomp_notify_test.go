package integration

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// An agent decides: a value, an errno, or that the call goes on.
func TestSeccompNotify(t *testing.T) {
	needSeccomp(t)
	a := newAgent(t, func(nr int) (int64, int32, bool) {
		switch nr {
		case unix.SYS_GETPPID:
			return 4242, 0, false
		case unix.SYS_MKDIRAT:
			return 0, int32(unix.EXDEV), false
		}
		return 0, 0, true
	})
	change := with(calling(t, nr(unix.SYS_GETPPID), nr(unix.SYS_MKDIRAT), nr(unix.SYS_GETUID)), notifying(a, "getppid", "mkdirat", "getuid"),
		func(s *specs.Spec) { s.Annotations = map[string]string{"org.example.colour": "blue"} })
	for _, nnp := range []bool{true, false} {
		for _, how := range []string{"run", "create"} {
			bundle := newBundle(t, with(change, func(s *specs.Spec) { s.Process.NoNewPrivileges = nnp }))
			id := newID(t)
			before, _ := a.decided()
			if how == "run" {
				wantLines(t, must(t, "run", "--bundle", bundle, id), "4242", "-18", "0")
			} else {
				out := filepath.Join(tempDir(t), "out")
				f, err := os.Create(out)
				if err != nil {
					t.Fatal(err)
				}
				cmd := command(t, "create", "--bundle", bundle, id)
				cmd.Stdout = f
				if r := finish(t, cmd); r.Code != 0 {
					t.Fatalf("%v", r)
				}
				f.Close()
				must(t, "start", id)
				stopped(t, id)
				if raw, _ := os.ReadFile(out); !slices.Equal(strings.Fields(string(raw)), []string{"4242", "-18", "0"}) {
					t.Errorf("%s", raw)
				}
			}
			states, _ := a.decided()
			if len(states) != len(before)+1 {
				t.Fatalf("%d states, not %d", len(states), len(before)+1)
			}
			s := states[len(states)-1]
			if s.Pid <= 1 || s.Metadata != `what "it" is` || !slices.Equal(s.Fds, []string{specs.SeccompFdName}) || s.Version == "" {
				t.Errorf("%+v", s)
			}
			if s.State.ID != id || s.State.Pid != s.Pid || s.State.Status != specs.StateCreating || s.State.Bundle != bundle || s.State.Annotations["org.example.colour"] != "blue" {
				t.Errorf("%+v", s.State)
			}
		}
	}
}

// What is executed has nothing of that: neither the socket nor the descriptor.
func TestSeccompNotifyLeaksNothing(t *testing.T) {
	needSeccomp(t)
	a := newAgent(t, nil)
	plain := output(t, "ls -l /proc/self/fd | wc -l")
	if got := output(t, "ls -l /proc/self/fd | wc -l", notifying(a, "getppid")); got != plain {
		t.Errorf("%s descriptors, not %s", got, plain)
	}
}

// exec is another process below a filter of its own, and the agent gets that, too.
func TestSeccompNotifyExec(t *testing.T) {
	needSeccomp(t)
	a := newAgent(t, func(int) (int64, int32, bool) { return 7, 0, false })
	id := start(t, with(calling(t), sh(sleeper), notifying(a, "getppid")))
	for range 2 {
		wantLines(t, must(t, "exec", id, "/call", nr(unix.SYS_GETPPID), nr(unix.SYS_GETUID)), "7", "0")
	}
	states, _ := a.decided()
	if len(states) != 3 {
		t.Fatalf("%d states", len(states))
	}
	first := wantStatus(t, id, "running")
	for i, s := range states[1:] {
		if s.State.ID != id || s.State.Pid != first.Pid || s.State.Status != specs.StateRunning || s.Pid == first.Pid || s.Pid <= 1 || s.Metadata != `what "it" is` {
			t.Errorf("%d: %+v", i, s)
		}
	}
}

// An agent may be asked about all but sendmsg: it has what it answers with by then.
func TestSeccompNotifyAboutEverything(t *testing.T) {
	needSeccomp(t)
	needRoost(t) // others need more of its own calls let through
	a := newAgent(t, nil)
	p := specs.LinuxSeccomp{DefaultAction: specs.ActNotify, ListenerPath: a.path, Syscalls: []specs.LinuxSyscall{{Names: []string{"sendmsg"}, Action: specs.ActAllow}}}
	for _, nnp := range []bool{true, false} {
		r := runOnce(t, with(sh("echo done; exit 3"), filtered(p), func(s *specs.Spec) { s.Process.NoNewPrivileges = nnp }))
		if r.Code != 3 || r.Stdout != "done\n" {
			t.Errorf("%v", r)
		}
	}
	if _, seen := a.decided(); !slices.Contains(seen, int(unix.SYS_EXECVE)) || !slices.Contains(seen, int(unix.SYS_EXIT_GROUP)) {
		t.Errorf("asked about %v", seen)
	}
	refuse(t, []string{"linux.seccomp.syscalls[0].names[1]", "sendmsg"}, "run", "--bundle", newBundle(t, notifying(a, "getppid", "sendmsg")), newID(t))
}

// Somebody who is not there, or not any more, is an error that says so, and leaves nothing.
func TestSeccompNotifyNobody(t *testing.T) {
	needSeccomp(t)
	needRoost(t)
	dir := tempDir(t)
	datagram, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: dir + "/datagram", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer datagram.Close()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, word := range map[string]string{dir + "/missing": "nobody listens", dir + "/file": "nobody listens", dir + "/datagram": "of another type"} {
		p := denying(specs.ActNotify, "getppid")
		p.ListenerPath = path
		bundle := newBundle(t, filtered(p))
		for _, how := range []string{"run", "create"} {
			refuse(t, []string{"linux.seccomp.listenerPath", path, word}, how, "--bundle", bundle, newID(t))
		}
	}
	a := newAgent(t, nil)
	bundle := newBundle(t, notifying(a, "getppid"))
	id := newID(t)
	must(t, "create", "--bundle", bundle, id)
	must(t, "delete", "--force", id) // the agent sees an end, and nothing else
	id = newID(t)
	must(t, "create", "--bundle", bundle, id)
	a.gone()
	refuse(t, []string{"hand the seccomp listener over", "broken pipe"}, "start", id)
	stopped(t, id)
	refuse(t, []string{"listenerPath", "nobody listens"}, "run", "--bundle", bundle, newID(t))
}

// An agent that dies leaves ENOSYS behind, not processes that wait for ever: the runtime keeps no descriptor that would hold its
// filter open.
func TestSeccompNotifyAgentDies(t *testing.T) {
	needSeccomp(t)
	needRoost(t)
	a := newAgent(t, nil)
	a.quits = true
	r := runOnce(t, with(calling(t, nr(unix.SYS_GETPPID), nr(unix.SYS_GETUID)), notifying(a, "getppid")))
	wantLines(t, r, "-38", "0")
	refuse(t, []string{"exec /bin/true", "has to allow execve"}, "run", "--bundle", newBundle(t, notifying(a, "execve")), newID(t))
}
