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

func TestLifecycle(t *testing.T) {
	bundle := newBundle(t, with(sh(sleeper), func(s *specs.Spec) {
		s.Annotations = map[string]string{"com.example.key": "value"}
	}))
	id := newID(t)
	must(t, "create", "--bundle", bundle, id)
	s := wantStatus(t, id, "created")
	if s.Pid <= 0 || s.ID != id || s.Bundle != bundle || s.Version == "" || s.Annotations["com.example.key"] != "value" {
		t.Errorf("state of a created container: %+v", s)
	}
	refuse(t, []string{"container with given ID already exists"}, "create", "--bundle", bundle, id)
	refuse(t, []string{"container with given ID already exists"}, "run", "--bundle", bundle, id)

	must(t, "start", id)
	if r := wantStatus(t, id, "running"); r.Pid != s.Pid {
		t.Errorf("pid was %d when created and is %d now", s.Pid, r.Pid)
	}
	refuse(t, []string{"cannot start an already running container"}, "start", id)
	refuse(t, []string{"cannot delete container " + id + " that is not stopped: running"}, "delete", id)

	catches(t, state(t, id).Pid, syscall.SIGTERM)
	must(t, "kill", id, "TERM")
	stopped(t, id)
	if pid := state(t, id).Pid; pid != 0 {
		t.Errorf("a stopped container has pid %d", pid)
	}
	refuse(t, []string{"container not running"}, "kill", id, "TERM")
	refuse(t, []string{"cannot start a container that has stopped"}, "start", id)
	refuse(t, []string{"cannot exec in a stopped container"}, "exec", id, "/bin/true")

	must(t, "delete", id)
	for _, command := range [][]string{{"state", id}, {"start", id}, {"kill", id, "TERM"}, {"delete", id}, {"exec", id, "true"}} {
		refuse(t, []string{"container does not exist"}, command...)
	}
	must(t, "delete", "--force", id) // what callers do to be sure
}

// A delete --force of each state leaves no process, no mount and no file; the harness looks.
func TestDeleteForce(t *testing.T) {
	for _, c := range []struct {
		name  string
		reach func(t *testing.T, id, bundle string)
	}{
		{"never created", func(*testing.T, string, string) {}},
		{"created", func(t *testing.T, id, b string) { must(t, "create", "--bundle", b, id) }},
		{"running", func(t *testing.T, id, b string) { must(t, "run", "-d", "--bundle", b, id) }},
		{"stopped", func(t *testing.T, id, b string) {
			must(t, "run", "-d", "--bundle", b, id)
			must(t, "kill", id, "KILL")
			stopped(t, id)
		}},
		{"created and killed", func(t *testing.T, id, b string) {
			must(t, "create", "--bundle", b, id)
			must(t, "kill", id, "KILL")
			stopped(t, id)
		}},
		{"stopped by a signal it cannot see", func(t *testing.T, id, b string) {
			must(t, "run", "-d", "--bundle", b, id)
			syscall.Kill(state(t, id).Pid, syscall.SIGSTOP)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bundle, id := newBundle(t, sh("sleep 1000 & sleep 1000 & wait")), newID(t)
			c.reach(t, id, bundle)
			must(t, "delete", "--force", id)
			if left := orphans(); len(left) > 0 {
				t.Errorf("left processes: %q", left)
			}
			if left := containers(stateRoot(t)); len(left) > 0 {
				t.Errorf("left state: %q", left)
			}
		})
	}
}

// Without a pid namespace nothing in the kernel ties a container's processes together but their session and groups.
func TestDeleteForceWithoutPidNamespace(t *testing.T) {
	needRoost(t)
	id := start(t, with(sh("sleep 1000 & (sleep 1000 & ) ; wait"), dropNamespace(specs.PIDNamespace), hostProc))
	must(t, "delete", "--force", id)
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
}

func TestKill(t *testing.T) {
	for _, c := range []struct {
		signal string
		want   string // what the payload says; "" means it is gone
	}{
		{"USR1", "usr1"}, {"SIGUSR1", "usr1"}, {"10", "usr1"}, {"sigusr1", "usr1"}, {"", "term"}, {"KILL", ""}, {"9", ""},
	} {
		t.Run("signal "+c.signal, func(t *testing.T) {
			dir := tempDir(t)
			id := start(t, with(sh("trap 'echo usr1 >/out/said' USR1; trap 'echo term >/out/said' TERM; echo up >/out/up; while :; do sleep 1 & wait; done"), bind(dir, "/out")))
			eventually(t, "the payload is up", func() bool { return exists(dir + "/up") })
			args := []string{"kill", id}
			if c.signal != "" {
				args = append(args, c.signal)
			}
			must(t, args...)
			if c.want == "" {
				stopped(t, id)
			} else {
				eventually(t, "the payload says "+c.want, func() bool {
					said, _ := os.ReadFile(dir + "/said")
					return oneLine(said) == c.want
				})
			}
			must(t, "delete", "--force", id)
		})
	}
	id := start(t, sh(sleeper))
	for _, bad := range []string{"NOSUCH", "0x9", "-1", "65", "SIG", "1e1"} {
		refuse(t, nil, "kill", id, bad)
	}
	must(t, "delete", "--force", id)
}

func TestList(t *testing.T) {
	if r := must(t, "list", "--format", "json"); strings.TrimSpace(r.Stdout) != "null" {
		t.Errorf("an empty list is %q, want null as runc prints it", r.Stdout)
	}
	if r := must(t, "list", "-q"); r.Stdout != "" {
		t.Errorf("an empty list is %q", r.Stdout)
	}
	a := start(t, sh(sleeper))
	b := newID(t)
	must(t, "create", "--bundle", newBundle(t, nil), b)

	var all []struct {
		ID, Status, Bundle, Owner string
		Pid                       int
		Created                   time.Time
	}
	r := must(t, "list", "--format", "json")
	if err := json.Unmarshal([]byte(r.Stdout), &all); err != nil || len(all) != 2 {
		t.Fatalf("%v: %s", err, r.Stdout)
	}
	if all[0].ID != a || all[0].Status != "running" || all[1].ID != b || all[1].Status != "created" {
		t.Errorf("list: %+v", all)
	}
	if want := loginName(); all[0].Owner != want {
		t.Errorf("owner is %q, want %q", all[0].Owner, want)
	}
	if age := time.Since(all[0].Created); age < 0 || age > time.Hour {
		t.Errorf("created %v ago", age)
	}
	table := lines(must(t, "list").Stdout)
	if got := strings.Fields(table[0]); strings.Join(got, " ") != "ID PID STATUS BUNDLE CREATED OWNER" || len(table) != 3 {
		t.Errorf("table: %q", table)
	}
	if r := must(t, "list", "--quiet"); strings.Join(lines(r.Stdout), " ") != a+" "+b {
		t.Errorf("list -q: %q", r.Stdout)
	}
	must(t, "delete", "--force", a)
	must(t, "delete", "--force", b)
}

// One entry that cannot be read must not hide the others.
func TestListSkipsBroken(t *testing.T) {
	needRoost(t)
	id := start(t, sh(sleeper))
	broken := filepath.Join(stateRoot(t), "broken")
	if err := os.Mkdir(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken+"/state.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := must(t, "list", "-q")
	if !strings.Contains(r.Stdout, id) || strings.Contains(r.Stdout, "broken") {
		t.Errorf("list: %v", r)
	}
	must(t, "delete", "--force", "broken")
	must(t, "delete", "--force", id)
}

// needTable is for the table of ps, which the host's own ps makes. That of Debian 12 does not run under user-mode Linux.
func needTable(t testing.TB) {
	t.Helper()
	if out, err := exec.Command("ps", "-ef").CombinedOutput(); err != nil {
		missing(t, "ps", fmt.Sprintf("%v: %s; install procps", err, out))
	}
}

func TestPs(t *testing.T) {
	needRoost(t) // others need a cgroup for it
	id := start(t, sh("sleep 1001 & sleep 1002 & wait"))
	init := state(t, id).Pid
	eventually(t, "three processes", func() bool {
		var pids []int
		r := must(t, "ps", "--format", "json", id)
		if err := json.Unmarshal([]byte(r.Stdout), &pids); err != nil {
			t.Fatalf("%v: %s", err, r.Stdout)
		}
		return len(pids) == 3 && pids[0] == init
	})
	needTable(t)
	table := must(t, "ps", id).Stdout
	if !strings.Contains(table, "PID") || !strings.Contains(table, "sleep 1001") || len(lines(table)) != 4 {
		t.Errorf("ps: %s", table)
	}
	table = must(t, "ps", id, "-o", "pid,args").Stdout
	if !strings.Contains(table, strconv.Itoa(init)) || !strings.Contains(table, "sleep 1002") {
		t.Errorf("ps -o pid,args: %s", table)
	}
	must(t, "delete", "--force", id)
}

func TestWait(t *testing.T) {
	needRoost(t)
	t.Run("kept", func(t *testing.T) {
		id := newID(t)
		if r := roost(t, "run", "--keep", "--bundle", newBundle(t, sh("exit 7")), id); r.Code != 7 {
			t.Fatalf("run: %v", r)
		}
		wantStatus(t, id, "stopped")
		if r := roost(t, "wait", id); r.Code != 7 && strings.TrimSpace(r.Stdout) != "7" {
			t.Errorf("wait after run --keep does not tell 7: %v", r)
		}
		must(t, "delete", id)
	})
	t.Run("while it runs", func(t *testing.T) {
		id := start(t, sh(sleeper))
		waiter := command(t, "wait", id)
		collect := capture(t, waiter)
		if err := waiter.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		wantStatus(t, id, "running")
		must(t, "kill", id, "KILL")
		t.Logf("wait for a container whose status nobody is told: %v", collect())
		wantStatus(t, id, "stopped")
		must(t, "delete", id)
	})
}

// What a crash left is found without knowing its name, and what lives is left alone.
func TestGC(t *testing.T) {
	needRoost(t)
	alive := start(t, sh(sleeper))
	half := filepath.Join(stateRoot(t), "half")
	if err := os.Mkdir(half, 0o700); err != nil {
		t.Fatal(err)
	}
	must(t, "gc")
	if exists(half) {
		t.Errorf("gc left a directory that create never finished")
	}
	wantStatus(t, alive, "running")
	must(t, "delete", "--force", alive)
}

// A state file that something spoiled must not keep a container for ever.
func TestSpoiledState(t *testing.T) {
	needRoost(t)
	for _, c := range []struct {
		name  string
		spoil func(path string) error
	}{
		{"empty", func(p string) error { return os.WriteFile(p, nil, 0o600) }},
		{"half", func(p string) error {
			raw, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			return os.WriteFile(p, raw[:len(raw)/2], 0o600)
		}},
		{"zeros", func(p string) error { return os.WriteFile(p, make([]byte, 512), 0o600) }},
		{"fifo", func(p string) error { os.Remove(p); return syscall.Mkfifo(p, 0o600) }},
		{"directory", func(p string) error { os.Remove(p); return os.Mkdir(p, 0o700) }},
		{"gone", os.Remove},
	} {
		for _, status := range []string{"created", "running"} {
			t.Run(status+"/"+c.name, func(t *testing.T) {
				id := newID(t)
				must(t, "create", "--bundle", newBundle(t, sh(sleeper)), id)
				if status == "running" {
					must(t, "start", id)
				}
				if err := c.spoil(filepath.Join(stateRoot(t), id, "state.json")); err != nil {
					t.Fatal(err)
				}
				roost(t, "state", id) // any answer, but an answer
				roost(t, "list")
				must(t, "delete", "--force", id)
				if left := orphans(); len(left) > 0 {
					t.Errorf("left processes: %q", left)
				}
			})
		}
	}
}

// A pid that another process has by now is not the container's: it must not be shown, and above all not killed.
func TestPidReuse(t *testing.T) {
	needRoost(t)
	id := start(t, sh(sleeper))
	pid := state(t, id).Pid
	path := filepath.Join(stateRoot(t), id, "state.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Start times are counted in hundredths of a second: the other process must not begin in the same one.
	time.Sleep(50 * time.Millisecond)
	victim := exec.Command("sleep", "1000")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { victim.Process.Kill(); victim.Wait() }()
	must(t, "kill", id, "KILL")
	stopped(t, id)
	forged := strings.Replace(string(raw), strconv.Itoa(pid), strconv.Itoa(victim.Process.Pid), 1)
	if forged == string(raw) {
		t.Fatalf("no pid %d in %s", pid, raw)
	}
	if err := os.WriteFile(path, []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, id, "stopped")
	must(t, "delete", "--force", id)
	if err := victim.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process that has the pid now was killed: %v", err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
