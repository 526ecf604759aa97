package integration

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// serving runs a service in the foreground that does these things.
func serving(t testing.TB, m *manager, change func(*specs.Spec), flags []string, acts ...string) *exec.Cmd {
	t.Helper()
	changes := playing(t, "notify", acts...)
	if change != nil {
		changes = with(changes, change)
	}
	cmd := command(t, slices.Concat([]string{"run", "--bundle", newBundle(t, changes)}, flags, []string{newID(t)})...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.address, "WATCHDOG_USEC=5000000")
	return cmd
}

func listenAt(t testing.TB) *manager { return newManager(t, filepath.Join(tempDir(t), "manager"), nil) }

// In the foreground roost stands between the two: it is the one that the manager hears, so that NotifyAccess=main does.
func TestNotifyRelay(t *testing.T) {
	needRoost(t) // others pass READY on, and nothing else
	hostile := ownRootfs(t)
	if err := os.Remove(hostile + "/run"); err != nil {
		t.Fatal(err)
	}
	outside := tempDir(t)
	for _, link := range []struct{ to, name string }{{"/elsewhere/run", "run"}, {outside, "elsewhere"}} {
		if err := os.Symlink(link.to, hostile+"/"+link.name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*specs.Spec)
		flags  []string
	}{
		{"plain", nil, nil},
		{"below an init", nil, []string{"--init"}},
		{"a read-only root", rootfs(home.rootfs, true), nil},
		{"a root whose /run is a link", rootfs(hostile, false), nil},
		{"in the host's pid namespace", hostPids, nil},
		{"in the host's network", onHostNetwork, nil},
		{"a configuration that has one already", func(s *specs.Spec) {
			s.Process.Env = append(s.Process.Env, "NOTIFY_SOCKET=/stale", "WATCHDOG_PID=1234", "WATCHDOG_USEC=1")
		}, nil},
		{"with a tmpfs on /run", func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/run", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}})
		}, nil},
		{"kept", nil, []string{"--keep"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := listenAt(t)
			cmd := serving(t, m, c.change, c.flags, "env", "say", `READY=1\nSTATUS=up`, "say", "WATCHDOG=1", "say", `MAINPID=PID\nX=1`, "barrier", "say", "STOPPING=1")
			collect := capture(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"READY=1\nSTATUS=up", "WATCHDOG=1", fmt.Sprintf("MAINPID=%d", cmd.Process.Pid), "BARRIER=1", "STOPPING=1"} {
				got := m.next()
				got.close()
				if got.text != want || got.sender != cmd.Process.Pid {
					t.Errorf("%q from %d, want %q from %d", got.text, got.sender, want, cmd.Process.Pid)
				}
			}
			if r := collect(); r.Code != 0 || r.Stdout != "socket /run/notify/notify.sock, watchdog 5000000, ours true\n" || r.Stderr != "" {
				t.Error(r)
			}
			m.silent()
		})
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("made outside of the root: %v", left)
	}
}

func onHostNetwork(s *specs.Spec) {
	s.Linux.Namespaces = slices.DeleteFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.NetworkNamespace })
	for i, m := range s.Mounts {
		if m.Type == "sysfs" {
			s.Mounts[i] = specs.Mount{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "ro"}}
		}
	}
}

func ownNetwork(s *specs.Spec) {
	onHostNetwork(s)
	s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.NetworkNamespace})
}

// Every key of sd_notify(3) that a service may use, from a user of the container who is not its root.
func TestNotifyKeys(t *testing.T) {
	needRoost(t)
	needSubIDs(t)
	m := listenAt(t)
	all := []string{
		"READY=1", "STATUS=busy", "STOPPING=1", `RELOADING=1\nMONOTONIC_USEC=123456789`, "WATCHDOG=1", "WATCHDOG=trigger", "WATCHDOG_USEC=3000000",
		"EXTEND_TIMEOUT_USEC=1000000", "ERRNO=2", "BUSERROR=org.freedesktop.DBus.Error.TimedOut", "VARLINKERROR=org.varlink.service.InvalidParameter", "EXIT_STATUS=7",
		`FDSTOREREMOVE=1\nFDNAME=gone`,
	}
	var acts []string
	for _, text := range all {
		acts = append(acts, "say", text)
	}
	acts = append(acts, "give", "2", `FDSTORE=1\nFDNAME=pipes\nFDPOLL=0`, "give", "1", "STATUS=with a descriptor that nobody wants")
	cmd := serving(t, m, with(manyIDs(t), func(s *specs.Spec) { s.Process.User.UID, s.Process.User.GID = 1000, 1000 }), nil, acts...)
	if r := finish(t, cmd); r.Code != 0 {
		t.Fatal(r)
	}
	for _, text := range all {
		m.wants(strings.ReplaceAll(text, `\n`, "\n"))
	}
	got := m.next()
	if got.text != "FDSTORE=1\nFDNAME=pipes\nFDPOLL=0" || len(got.files) != 2 {
		t.Fatalf("%q with %d descriptors", got.text, len(got.files))
	}
	for i, f := range got.files {
		if b, err := io.ReadAll(f); err != nil || string(b) != fmt.Sprint(i) {
			t.Errorf("descriptor %d: %q %v", i, b, err)
		}
	}
	got.close()
	if got := m.next(); len(got.files) != 0 {
		t.Errorf("%q with %d descriptors", got.text, len(got.files))
		got.close()
	}
	m.silent()
}

// What a hostile service says goes no further than a service's own affairs.
func TestNotifyHostile(t *testing.T) {
	needRoost(t)
	m := listenAt(t)
	cmd := serving(t, m, nil, nil,
		"say", `NOTIFYACCESS=all\nX_SYSTEMD_SHUTDOWN=halt\nSTATUS=one`, "say", `MAINPID=4711\nSTATUS=two`, "say", "", "say", `\n\n`, "say", "MAINPID=0",
		"long", "4097", "long", "100000", "give", "253", "X=1", "give", "250", "FDSTORE=1", "give", "2", "BARRIER=1", "say", "BARRIER=1",
		"say", "STATUS=\x1b]0;title\x07\xff", "long", "4096", "flood", "500", "barrier")
	if r := finish(t, cmd); r.Code != 0 || r.Stderr != "" {
		t.Fatal(r)
	}
	m.wants("STATUS=one", "STATUS=two", "FDSTORE=1", "STATUS=?]0;title??", "STATUS="+strings.Repeat("x", 4096-len("STATUS=")))
	for i := range 500 {
		m.wants(fmt.Sprintf("STATUS=%d", i))
	}
	m.wants("BARRIER=1")
	m.silent()
}

// A child of the service names itself: that is a process which the manager sees under another number.
func TestNotifyMainPidOfChild(t *testing.T) {
	needRoost(t)
	m := listenAt(t)
	cmd := serving(t, m, nil, nil, "child", "MAINPID=PID", "child", `READY=1\nMAINPID=1`, "barrier")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	got := m.next()
	pid := 0
	if _, err := fmt.Sscanf(got.text, "MAINPID=%d", &pid); err != nil || pid < 10 || pid == cmd.Process.Pid {
		t.Errorf("%q", got.text)
	}
	m.wants("BARRIER=1", fmt.Sprintf("READY=1\nMAINPID=%d", cmd.Process.Pid), "BARRIER=1", "BARRIER=1")
	if code := await(t, cmd); code != 0 {
		t.Error(code)
	}
}

// The sender of a barrier waits for the manager, not for us.
func TestNotifyBarrierWaits(t *testing.T) {
	needRoost(t)
	hold := make(chan struct{})
	m := newManager(t, filepath.Join(tempDir(t), "manager"), hold)
	dir := tempDir(t)
	cmd := serving(t, m, bind(dir, "/out"), nil, "say", "READY=1", "barrier")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hold <- struct{}{}
	m.wants("READY=1")
	time.Sleep(100 * time.Millisecond)
	if syscall.Kill(cmd.Process.Pid, 0) != nil {
		t.Error("the barrier let the service go before the manager did")
	}
	hold <- struct{}{}
	m.wants("BARRIER=1")
	if code := await(t, cmd); code != 0 {
		t.Error(code)
	}
}

// While we are stopped the kernel keeps a few messages, and the service waits; nothing is lost, and nothing grows.
func TestNotifyWhileStopped(t *testing.T) {
	needRoost(t)
	m := listenAt(t)
	cmd := serving(t, m, nil, nil, "say", "READY=1", "wait", "flood", "2000", "barrier")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.wants("READY=1")
	suspend(t, cmd.Process.Pid)
	fmt.Fprintln(in)
	time.Sleep(200 * time.Millisecond)
	m.silent()
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		m.wants(fmt.Sprintf("STATUS=%d", i))
	}
	m.wants("BARRIER=1")
	if code := await(t, cmd); code != 0 {
		t.Error(code)
	}
}

// Detached, nobody stays to relay: the container is given the manager's own socket.
func TestNotifyDetached(t *testing.T) {
	needRoost(t)
	for name, acts := range map[string][]string{"run": {"run", "-d"}, "create": {"create"}} {
		t.Run(name, func(t *testing.T) {
			m := listenAt(t)
			id := newID(t)
			bundle := newBundle(t, playing(t, "notify", "env", "say", `READY=1\nX_OWN=1`, "barrier"))
			cmd := command(t, append(acts, "--bundle", bundle, id)...)
			cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.address)
			if r := finish(t, cmd); r.Code != 0 || r.Stderr != "" {
				t.Fatal(r)
			}
			if name == "create" {
				must(t, "start", id)
			}
			first := m.next()
			if first.text != "READY=1\nX_OWN=1" || first.sender == cmd.Process.Pid {
				t.Errorf("%q from %d", first.text, first.sender)
			}
			m.wants("BARRIER=1")
			stopped(t, id)
			must(t, "delete", id)
		})
	}
}

// What cannot be reached is given up as the policy says, and never silently.
func TestNotifyGivenUp(t *testing.T) {
	needRoost(t)
	abstract := newManager(t, fmt.Sprintf("@roost-test-%d-%d", os.Getpid(), time.Now().UnixNano()), nil)
	file := filepath.Join(tempDir(t), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, socket, word string }{
		{"abstract", abstract.address, "an abstract socket cannot be reached"},
		{"not there", file + "-gone", "no such file"},
		{"not a socket", file, "not a socket"},
		{"of a virtual machine", "vsock:2:4711", "neither an absolute path nor @"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := newID(t)
			bundle := newBundle(t, with(sh(sleeper), ownNetwork))
			for _, policy := range []string{"", "notify=ignore", "notify=deny"} {
				args := []string{"run", "-d", "--bundle", bundle}
				if policy != "" {
					args = append(args, "--degrade", policy)
				}
				cmd := command(t, append(args, id)...)
				cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+c.socket)
				r := finish(t, cmd)
				if (r.Code == 1) != (policy == "notify=deny") || strings.Contains(r.Stderr, c.word) != (policy != "notify=ignore") {
					t.Errorf("%s: %v", policy, r)
				}
				if r.Code != 0 {
					continue
				}
				if given := state(t, id).Annotations["run.roost.degraded"]; !strings.Contains(given, c.word) {
					t.Errorf("%s: listed is %q", policy, given)
				}
				must(t, "delete", "--force", id)
			}
		})
	}
	// In the host's network an abstract socket is where it always was; and in the foreground it is relayed to.
	cmd := serving(t, abstract, onHostNetwork, []string{"-d"}, "env", "say", "READY=1", "barrier")
	out := filepath.Join(tempDir(t), "out")
	stdout, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	cmd.Stdout = stdout
	if r := finish(t, cmd); r.Code != 0 || r.Stderr != "" {
		t.Fatal(r)
	}
	abstract.wants("READY=1", "BARRIER=1")
	if raw, _ := os.ReadFile(out); !strings.HasPrefix(string(raw), "socket "+abstract.address) {
		t.Errorf("%q", raw)
	}
	id := cmd.Args[len(cmd.Args)-1]
	stopped(t, id)
	must(t, "delete", id)
	if r := finish(t, serving(t, abstract, nil, nil, "say", "READY=1")); r.Code != 0 || r.Stderr != "" {
		t.Error(r)
	}
	abstract.wants("READY=1")
}

// A manager that has gone is told of once, and the service lives on.
func TestNotifyManagerGone(t *testing.T) {
	needRoost(t)
	m := listenAt(t)
	cmd := serving(t, m, nil, nil, "say", "READY=1", "barrier", "wait", "say", "STATUS=x", "say", "STATUS=y")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.wants("READY=1", "BARRIER=1")
	if err := os.Remove(m.address); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in)
	if r := collect(); r.Code != 0 || strings.Count(r.Stderr, "readiness messages are not passed on") != 1 {
		t.Error(r)
	}
}

// A configuration that brings a socket of its own there, as engines do, keeps it.
func TestNotifyOfConfiguration(t *testing.T) {
	needRoost(t)
	m, theirs := listenAt(t), listenAt(t)
	cmd := serving(t, m, with(bind(filepath.Dir(theirs.address), "/run/notify"), func(s *specs.Spec) {
		s.Process.Env = append(s.Process.Env, "NOTIFY_SOCKET=/run/notify/manager")
	}), nil, "say", "READY=1")
	if r := finish(t, cmd); r.Code != 0 || r.Stderr != "" {
		t.Fatal(r)
	}
	theirs.wants("READY=1")
	m.silent()
}
