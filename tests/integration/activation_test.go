package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// playListen is a socket-activated program: it answers one connection at each of its sockets, and says what it was told.
func playListen() error {
	n := 0
	if _, err := fmt.Sscan(os.Getenv("LISTEN_FDS"), &n); err != nil {
		return fmt.Errorf("LISTEN_FDS: %w", err)
	}
	self := "another"
	if os.Getenv("LISTEN_PID") == fmt.Sprint(os.Getpid()) {
		self = "itself"
	}
	fmt.Printf("pid %s, names %q, %d times LISTEN_PID\n", self, os.Getenv("LISTEN_FDNAMES"), strings.Count(strings.Join(os.Environ(), "\n"), "LISTEN_PID="))
	for fd := 3; fd < 3+n; fd++ {
		l, err := net.FileListener(os.NewFile(uintptr(fd), "socket"))
		if err != nil {
			return fmt.Errorf("descriptor %d: %w", fd, err)
		}
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintf(c, "descriptor %d", fd)
		c.Close()
	}
	// Where nothing was preserved the number may belong to Go's runtime, which keeps the cgroup's cpu.max open.
	if target, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", 3+n)); strings.HasSuffix(target, "/cpu.max") {
		return nil
	}
	rest := os.NewFile(uintptr(3+n), "preserved")
	if text, err := io.ReadAll(rest); err == nil {
		fmt.Printf("preserved: %s", text)
	}
	return nil
}

// activated gives cmd n listening sockets from 3 on. What it returns connects to each and wants the answer of playListen.
func activated(t testing.TB, cmd *exec.Cmd, n int) (answers func()) {
	t.Helper()
	dir := tempDir(t)
	for i := range n {
		l, err := net.Listen("unix", fmt.Sprintf("%s/%d", dir, i))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		f, err := l.(*net.UnixListener).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	cmd.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", n))
	return func() {
		t.Helper()
		for i := range n {
			c, err := net.Dial("unix", fmt.Sprintf("%s/%d", dir, i))
			if err != nil {
				t.Error(err)
				continue
			}
			got, err := io.ReadAll(c)
			c.Close()
			if want := fmt.Sprintf("descriptor %d", 3+i); string(got) != want || err != nil {
				t.Errorf("socket %d answers %q, want %q: %v", i, got, want, err)
			}
		}
	}
}

// own puts a shell before the runtime, so that LISTEN_PID can be its pid, as a service manager sets it.
func own(cmd *exec.Cmd) {
	cmd.Args = append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh"}, cmd.Args...)
	cmd.Path = "/bin/sh"
}

// stale is what a configuration may say of the activation of somebody else.
func stale(s *specs.Spec) {
	s.Process.Env = append(s.Process.Env, "LISTEN_PID=4711", "LISTEN_FDS=9", "LISTEN_FDNAMES=stale", "LISTEN_PIDFDID=1")
}

func hostPids(s *specs.Spec) {
	var kept []specs.LinuxNamespace
	for _, n := range s.Linux.Namespaces {
		if n.Type != specs.PIDNamespace {
			kept = append(kept, n)
		}
	}
	s.Linux.Namespaces = kept
	for i, m := range s.Mounts { // a proc of its own takes a pid namespace of its own
		if m.Destination == "/proc" {
			s.Mounts[i] = specs.Mount{Destination: "/proc", Type: "bind", Source: "/proc", Options: []string{"rbind"}}
		}
	}
}

// A socket-activated service gets its sockets by number and name, and the pid that it has itself, whatever stands between.
func TestActivationRun(t *testing.T) {
	needRoost(t) // others pass neither names nor, below an init or without a pid namespace, the right pid
	canary, err := os.Open(home.rootfs + "/etc/canary")
	if err != nil {
		t.Fatal(err)
	}
	defer canary.Close()
	for _, c := range []struct {
		name   string
		change func(*specs.Spec)
		flags  []string
		own    bool
	}{
		{name: "without LISTEN_PID"},
		{name: "with LISTEN_PID", own: true},
		{name: "the configuration's give way", change: stale},
		{name: "below an init", flags: []string{"--init"}},
		{name: "in the host's pid namespace", change: hostPids},
		{name: "in the host's pid namespace, below an init", change: hostPids, flags: []string{"--init"}},
		{name: "in front of preserved ones", flags: []string{"--preserve-fds", "1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := playing(t, "listen")
			if c.change != nil {
				changes = with(changes, c.change)
			}
			args := append(append([]string{"run", "--bundle", newBundle(t, changes)}, c.flags...), newID(t))
			cmd := command(t, args...)
			answers := activated(t, cmd, 2)
			cmd.Env = append(cmd.Env, "LISTEN_FDNAMES=web:admin socket")
			cmd.ExtraFiles = append(cmd.ExtraFiles, canary)
			if c.own {
				own(cmd)
			}
			collect := capture(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			answers()
			r := collect()
			want := "pid itself, names \"web:admin socket\", 1 times LISTEN_PID\n"
			if len(c.flags) > 0 && c.flags[0] == "--preserve-fds" {
				want += "preserved: untouched\n"
			}
			if r.Code != 0 || r.Stdout != want {
				t.Errorf("want %s: %v", want, r)
			}
		})
	}
}

// The sockets wait with the created container, and reach a process that enters as well.
func TestActivationCreateExec(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	id := newID(t)
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := command(t, "create", "--bundle", newBundle(t, playing(t, "listen")), id)
	answers := activated(t, cmd, 2)
	cmd.Stdout = out
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	must(t, "start", id)
	answers()
	stopped(t, id)
	if got := content(out); got != "pid itself, names \"\", 1 times LISTEN_PID\n" {
		t.Error(got)
	}
	must(t, "delete", id)

	id = start(t, with(playing(t, "listen"), sh(sleeper)))
	cmd = command(t, "exec", "--env", helperEnv+"=listen", id, "/helper")
	answers = activated(t, cmd, 3)
	own(cmd)
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	answers()
	if r := collect(); r.Code != 0 || !strings.HasPrefix(r.Stdout, "pid itself, ") {
		t.Error(r)
	}
	must(t, "delete", "--force", id)
}

// What is meant for another process is not ours to hand on, and what is not open is an error, not somebody else's file.
func TestActivationRefused(t *testing.T) {
	needRoost(t)
	cmd := command(t, "run", "--bundle", newBundle(t, sh("env; ls /proc/1/fd; true")), newID(t))
	activated(t, cmd, 2)
	cmd.Env = append(cmd.Env, "LISTEN_PID=1")
	if r := finish(t, cmd); r.Code != 0 || strings.Contains(r.Stdout, "LISTEN_") || strings.Contains(r.Stdout, "3\n4") {
		t.Errorf("for another process: %v", r)
	}
	for env, word := range map[string]string{"LISTEN_FDS=3": "descriptor 5 is not open", "LISTEN_FDS=many": "not a number"} {
		cmd := command(t, "run", "--bundle", newBundle(t, nil), newID(t))
		activated(t, cmd, 2)
		cmd.Env = append(cmd.Env, env)
		if r := finish(t, cmd); r.Code != 1 || !strings.Contains(r.Stderr, word) {
			t.Errorf("%s: %v", env, r)
		}
	}
}
