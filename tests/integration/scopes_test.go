package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What a service manager does to containers in scopes of their own, and what they are to it.

// limit is a limit of processes, which is enough to have auto choose a scope.
func limit(n int64) func(*specs.Spec) {
	return func(s *specs.Spec) {
		if s.Linux.Resources == nil {
			s.Linux.Resources = &specs.LinuxResources{}
		}
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &n}
	}
}

// ownScope is the unit of a container that does not name another one.
func ownScope(id string) string { return "roost-" + id + ".scope" }

// A session's own cgroup belongs to root, and is no part of the user manager's tree: as after a login by ssh.
func TestScopeFromSession(t *testing.T) {
	needController(t, "pids")
	if own := cgroupOf(os.Getpid()); !strings.Contains(own, "/session-") {
		missing(t, "vm", "the tests run in "+own+", not in the scope of a session")
	}
	id := start(t, with(sh(sleeper), limit(50)))
	if got := cgroupOf(state(t, id).Pid); !strings.HasSuffix(got, "/"+ownScope(id)) {
		t.Errorf("the container is in %s", got)
	}
	if got := oneLine(read(t, cgroupMount(t)+cgroupOf(state(t, id).Pid)+"/pids.max")); got != "50" {
		t.Errorf("pids.max is %q", got)
	}
	if r := must(t, "exec", id, "cat", "/proc/self/cgroup"); !strings.Contains(r.Stdout, "0::/\n") {
		t.Errorf("exec is elsewhere: %v", r)
	}
	must(t, "update", "--pids-limit", "60", id)
	if got := oneLine(read(t, cgroupMount(t)+cgroupOf(state(t, id).Pid)+"/pids.max")); got != "60" {
		t.Errorf("after update pids.max is %q", got)
	}
	// The manager would write its own value again.
	systemctl(t, "daemon-reload")
	if got := property(t, ownScope(id), "TasksMax"); got != "60" {
		t.Errorf("TasksMax is %s", got)
	}
	must(t, "delete", "--force", id)
	eventually(t, "the scope is gone", func() bool { return property(t, ownScope(id), "LoadState") == "not-found" })
}

// Whoever looks at the manager's tree finds the container by its name.
func TestScopeInStatus(t *testing.T) {
	needBus(t)
	id := newID(t)
	must(t, "run", "--detach", "--cgroups", "scope", "--bundle", newBundle(t, sh(sleeper)), id)
	if got := systemctl(t, "status", ownScope(id)); !strings.Contains(got, id) || !strings.Contains(got, strconv.Itoa(state(t, id).Pid)) {
		t.Errorf("status has neither its name nor its process: %s", got)
	}
	if got := property(t, ownScope(id), "Description"); !strings.Contains(got, id) {
		t.Errorf("Description is %q", got)
	}
	if got := systemctl(t, "status"); !strings.Contains(got, ownScope(id)) {
		t.Errorf("the tree does not have it: %s", got)
	}
}

// To stop the scope is to stop the container; what is left is cleared as usual.
func TestScopeStoppedFromOutside(t *testing.T) {
	needController(t, "pids")
	id := start(t, with(sh(sleeper), limit(50)))
	asleep := func() bool { return roost(t, "exec", id, "pidof", "sleep").Code == 0 } // so it has its handler
	eventually(t, "it sleeps", asleep)
	systemctl(t, "stop", ownScope(id))
	stopped(t, id)
	must(t, "delete", id)

	id = newID(t)
	collect := background(t, command(t, "run", "--bundle", newBundle(t, with(sh("trap 'exit 9' TERM; while :; do sleep 100 & wait; done"), limit(50))), id))
	eventually(t, "it sleeps", asleep)
	systemctl(t, "stop", ownScope(id))
	if r := collect(); r.Code != 9 {
		t.Errorf("run in the foreground: %v", r)
	}
}

// The manager starts itself anew while containers start, run and end.
func TestManagerReexecutes(t *testing.T) {
	needController(t, "pids")
	id := start(t, with(sh(sleeper), limit(50)))
	group := cgroupOf(state(t, id).Pid)
	bundle := newBundle(t, limit(50))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 3 {
			_ = ctl("daemon-reexec").Run()
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		must(t, "run", "--bundle", bundle, newID(t))
	}
	if got := cgroupOf(state(t, id).Pid); got != group || property(t, ownScope(id), "ActiveState") != "active" {
		t.Errorf("was in %s, is in %s", group, got)
	}
	if got := oneLine(read(t, cgroupMount(t)+group+"/pids.max")); got != "50" {
		t.Errorf("pids.max is %q", got)
	}
	catches(t, state(t, id).Pid, syscall.SIGTERM)
	must(t, "kill", id, "TERM")
	stopped(t, id)
}

// busDaemon is the pid of the bus that roost of this user asks.
func busDaemon(t testing.TB) int {
	t.Helper()
	service := "dbus.service"
	systemctl(t, "start", service)
	pid := mainPID(t, service)
	if pid == 0 {
		missing(t, "bus", "no dbus-daemon")
	}
	return pid
}

// Whoever is asked and does not answer ends the attempt within the time that a call may take, and nothing is left of it, also when
// the answer comes late. A bus that dies in the middle of a call, or is stopped, may be gone around: the manager has a socket of its own.
func TestBusInMidCall(t *testing.T) {
	needController(t, "pids")
	needUser(t) // root's bus and manager are everybody's
	bundle := newBundle(t, limit(50))
	manager := firstIn(t, cgroupMount(t)+property(t, "init.scope", "ControlGroup"))
	for _, c := range []struct {
		name    string
		victims []int
		kill    bool
	}{
		{"the daemon is stopped", []int{busDaemon(t)}, false},
		{"the daemon is killed", []int{busDaemon(t)}, true},
		{"the manager is stopped", []int{manager}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, pid := range c.victims {
				suspend(t, pid)
				defer syscall.Kill(pid, syscall.SIGCONT) //nolint:errcheck // it may have been killed
			}
			id := newID(t)
			collect := background(t, command(t, "run", "--bundle", bundle, id))
			if c.kill {
				time.Sleep(time.Second)
				for _, pid := range c.victims {
					if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
				}
			}
			r := collect()
			if c.victims[0] == manager && r.Code == 0 {
				t.Errorf("it ran without anybody who answers: %v", r)
			}
			if r.Code != 0 && !strings.Contains(r.Stderr, "bus") && !strings.Contains(r.Stderr, "unit ") {
				t.Errorf("whom it waited for is not said: %v", r)
			}
			if left := containers(stateRoot(t)); len(left) > 0 {
				t.Errorf("left %v", left)
			}
			for _, pid := range c.victims {
				_ = syscall.Kill(pid, syscall.SIGCONT)
			}
			eventually(t, "the scope is gone, or never came", func() bool {
				out, err := ctl("show", "--value", "--property", "LoadState", ownScope(id)).Output()
				return err == nil && oneLine(out) == "not-found"
			})
		})
	}
	// And then the bus is back.
	eventually(t, "a container runs", func() bool { return roost(t, "run", "--bundle", bundle, newID(t)).Code == 0 })
}

// firstIn is the first process of a cgroup.
func firstIn(t testing.TB, group string) int {
	t.Helper()
	pid, err := strconv.Atoi(lines(string(read(t, group+"/cgroup.procs")))[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func background(t testing.TB, cmd *exec.Cmd) func() result {
	t.Helper()
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return collect
}

// visitor runs a command as the ordinary user of the machine, in a session of that user's own.
func visitor(t testing.TB, args ...string) result {
	t.Helper()
	line := []string{"--quiet", "--pipe", "--wait", "--collect", "-p", "PAMName=login", "-p", "User=tester", "-p", "WorkingDirectory=/", "--"}
	cmd := exec.Command("systemd-run", append(line, args...)...)
	return finish(t, cmd)
}

// needVisitor is for what root prepares, and an ordinary user then meets.
func needVisitor(t testing.TB) {
	t.Helper()
	needRoot(t)
	needBus(t)
	if exec.Command("id", "tester").Run() != nil {
		missing(t, "vm", "no account tester; run it in the machine (tests/vm/README.md)")
	}
}

// visitorBundle is a bundle that the visitor can run.
func visitorBundle(t testing.TB, mutate func(*specs.Spec)) string {
	t.Helper()
	dir := tempDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if r := visitor(t, home.roost, "spec", "--rootless", "--bundle", dir); r.Code != 0 {
		t.Fatal(r)
	}
	var s specs.Spec
	if err := json.Unmarshal(read(t, dir+"/config.json"), &s); err != nil {
		t.Fatal(err)
	}
	s.Root.Path = home.rootfs
	s.Process.Terminal = false
	s.Process.Args = []string{"/bin/true"}
	mutate(&s)
	writeConfig(t, dir, &s)
	return dir
}

// Where a user's manager ends with the last session, so does what it started; whoever starts something to stay is told.
func TestLingering(t *testing.T) {
	needVisitor(t)
	needController(t, "pids")
	bundle := visitorBundle(t, with(sh(sleeper), limit(50)))
	const flag = "/var/lib/systemd/linger/tester"
	for _, lingers := range []bool{false, true} {
		word := "disable-linger"
		if lingers {
			word = "enable-linger"
		}
		if out, err := exec.Command("loginctl", word, "tester").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if exists(flag) != lingers {
			t.Fatalf("%s: %v", flag, !lingers)
		}
		r := visitor(t, "/bin/sh", "-c", fmt.Sprintf("%s run -d --bundle %s stay && %[1]s state stay >/dev/null; s=$?; %[1]s delete --force stay; exit $s", home.roost, bundle))
		if r.Code != 0 || strings.Contains(r.Stderr, "linger") == lingers {
			t.Errorf("lingering %v: %v", lingers, r)
		}
	}
	exec.Command("loginctl", "disable-linger", "tester").Run()
}

// A cgroup that an administrator made and gave away, as pam does for a login: who sits in it uses it, who sits elsewhere is told
// that a process cannot be moved there.
func TestAdministratorsCgroup(t *testing.T) {
	needVisitor(t)
	needController(t, "pids")
	mount := cgroupMount(t)
	group := filepath.Join(mount, "given-to-tester")
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(t, "the cgroup is empty", func() bool {
			return exec.Command("find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+").Run() == nil
		})
	})
	if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("+pids"), 0); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
		if err := os.Chown(filepath.Join(group, file), 1000, 1000); err != nil {
			t.Fatal(err)
		}
	}
	script := func(cgroups string) string {
		return fmt.Sprintf("%s run --cgroups %s --bundle %s given", home.roost, cgroups, visitorBundle(t, with(sh("cat /sys/fs/cgroup/pids.max; true"), limit(50))))
	}
	r := visitor(t, "/bin/sh", "-c", script("inherit"))
	if r.Code == 0 {
		t.Errorf("from elsewhere, with nothing that was delegated: %v", r)
	}
	bundle := visitorBundle(t, with(limit(50), func(s *specs.Spec) { s.Linux.CgroupsPath = "/given-to-tester/one" }))
	// auto has a scope made instead, with the limit in it, and says why it is there.
	r = visitor(t, home.roost, "explain", "--bundle", bundle)
	if r.Code != 0 || !strings.Contains(r.Stdout, `linux.cgroupsPath "/given-to-tester/one" is not used`) {
		t.Errorf("from elsewhere, by its path: %v", r)
	}
	if r := visitor(t, home.roost, "run", "--bundle", bundle, "given"); r.Code != 0 {
		t.Errorf("from elsewhere, in a scope: %v", r)
	}
	// In it: root puts the shell there, as pam would.
	cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("mkdir %s/login && chown -R tester:tester %[1]s/login && echo $$ >%[1]s/login/cgroup.procs && exec setpriv --reuid 1000 --regid 1000 --init-groups --inh-caps=-all env -i PATH=/usr/bin:/usr/sbin XDG_RUNTIME_DIR=/run/user/1000 HOME=/home/tester sh -c \"$1\"", group), "sh", script("split"))
	if r := finish(t, cmd); r.Code != 0 || strings.TrimSpace(r.Stdout) != "50" {
		t.Errorf("in it: %v", r)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
