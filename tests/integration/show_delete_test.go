package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// nothingLeft is what a delete --force has to leave of any state.
func nothingLeft(t testing.TB) {
	t.Helper()
	if left := containers(stateRoot(t)); len(left) > 0 {
		t.Errorf("left state: %q", left)
	}
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
}

// A create that was stopped (SIGSTOP) in the middle of its work, or whose child was, has the lock. A forced delete gets it all
// the same once what the create waits for has ended; if the create itself does not go on, delete says so instead of waiting
// for ever.
func TestDeleteWhileCreating(t *testing.T) {
	needRoost(t)
	needStrace(t)
	bundle := newBundle(t, sh(sleeper))
	calls := []string{"clone3", "setsid", "capset"} // the last two are the child's
	if os.Getenv("ROOST_TEST_LONG") != "" {
		calls = append(calls, "flock", "mkfifoat", "mknodat", "socketpair", "symlinkat", "renameat", "ppoll", "pivot_root")
	}
	for _, call := range calls {
		t.Run("after "+call, func(t *testing.T) {
			id := newID(t)
			plain := command(t, "create", "--bundle", bundle, id)
			trace := []string{"-D", "-f", "-q", "-o", os.DevNull, "-e", "trace=" + call, "-e", "inject=" + call + ":signal=SIGSTOP:when=1"}
			cmd := exec.Command("strace", append(trace, plain.Args...)...)
			collect := capture(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond) // by then it is done, or stopped
			r := roost(t, "delete", "--force", id)
			t.Logf("delete: exit %d %s", r.Code, r.Stderr)
			if r.Code != 0 && !strings.Contains(r.Stderr, "is at work on it") {
				t.Error(r)
			}
			syscall.Kill(cmd.Process.Pid, syscall.SIGKILL)
			collect()
			must(t, "delete", "--force", id)
			nothingLeft(t)
		})
	}
}

// Whatever lies in a container's directory, a forced delete clears it, and gc what nobody ever finished.
func TestDeleteHalfMade(t *testing.T) {
	needRoost(t)
	for _, c := range []struct {
		name string
		make func(dir string)
		gc   bool // clears it, too
	}{
		{"nothing", func(string) {}, true},
		{"a FIFO", func(d string) { syscall.Mkfifo(d+"/creating", 0o600) }, true},
		{"all FIFOs", func(d string) {
			for _, n := range []string{"creating", "start", "result"} {
				syscall.Mkfifo(d+"/"+n, 0o600)
			}
		}, true},
		{"a temporary file", func(d string) { os.WriteFile(d+"/.state.json", []byte("{"), 0o600) }, true},
		{"a configuration", func(d string) { os.WriteFile(d+"/config.json", []byte("{}"), 0o600) }, true},
		{"a process that is nobody", func(d string) { os.Symlink("4194303 1 no-boot/no-namespace", d+"/process") }, true},
		{"a process that is no process", func(d string) { os.Symlink("-1 x", d+"/process") }, true},
		{"process is a file", func(d string) { os.WriteFile(d+"/process", nil, 0o600) }, true},
		{"process is a directory", func(d string) { os.MkdirAll(d+"/process/deep/er", 0o700) }, true},
		{"process is pid 1", func(d string) { os.Symlink("1 0 "+boot(t), d+"/process") }, true},
		{"process is ourselves, by pid only", func(d string) { os.Symlink(fmt.Sprintf("%d 1 %s", os.Getpid(), boot(t)), d+"/process") }, true},
		{"a root with files", func(d string) {
			os.MkdirAll(d+"/rootfs/a/b", 0o755)
			os.WriteFile(d+"/rootfs/a/file", nil, 0o600)
			os.Symlink("/", d+"/rootfs/a/host")
		}, true},
		{"a link to the host", func(d string) { os.Symlink(home.rootfs, d+"/rootfs") }, true},
		{"somebody's file", func(d string) { os.WriteFile(d+"/notes.txt", nil, 0o600) }, true},
		{"state.json is a directory with files", func(d string) {
			os.MkdirAll(d+"/state.json", 0o700)
			os.WriteFile(d+"/state.json/x", nil, 0o600)
		}, false},
		{"state.json of another container", func(d string) { os.WriteFile(d+"/state.json", []byte(`{"record":1,"id":"other","pid":2}`), 0o600) }, false},
		{"state.json of the future", func(d string) { os.WriteFile(d+"/state.json", []byte(`{"record":99}`), 0o600) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, gc := range []bool{false, true} {
				id := newID(t)
				dir := filepath.Join(stateRoot(t), id)
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				c.make(dir)
				refuse(t, nil, "state", id)
				roost(t, "list")
				if gc {
					roost(t, "gc")
					if exists(dir) == c.gc {
						t.Errorf("gc: still there: %v, want %v", exists(dir), !c.gc)
					}
				}
				must(t, "delete", "--force", id)
				nothingLeft(t)
			}
		})
	}
	if !exists(home.rootfs + "/etc/canary") {
		t.Fatal("a link was followed")
	}
}

// boot is what a process is of besides its pid and its start.
func boot(t testing.TB) string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	return oneLine(raw) + "/" + namespace
}

// gc must not end what lives only because it cannot read what is written about it.
func TestGCSparesTheUnreadable(t *testing.T) {
	needRoost(t)
	id := start(t, sh(sleeper))
	pid := state(t, id).Pid
	path := filepath.Join(stateRoot(t), id, "state.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, spoilt := range []string{"", string(raw[:len(raw)/2]), strings.Replace(string(raw), `"record":1`, `"record":2`, 1)} {
		os.WriteFile(path, []byte(spoilt), 0o600)
		roost(t, "gc")
		if syscall.Kill(pid, 0) != nil || !exists(path) {
			t.Fatalf("gc ended a container whose record is %.40q", spoilt)
		}
	}
	os.WriteFile(path, raw, 0o600)
	wantStatus(t, id, "running")
	must(t, "delete", "--force", id)
}

// A foreground command that is slow to clear up must not take away what has its container's id by then.
func TestSuccessorOfTheSameID(t *testing.T) {
	needRoost(t)
	for name, changes := range map[string]func(*specs.Spec){
		"with a pid namespace": nil, "without": with(dropNamespace(specs.PIDNamespace), hostProc),
	} {
		t.Run(name, func(t *testing.T) {
			bundle, id := newBundle(t, with(sh(sleeper), func(s *specs.Spec) {
				if changes != nil {
					changes(s)
				}
			})), newID(t)
			first := command(t, "run", "--bundle", bundle, id)
			collect := capture(t, first)
			if err := first.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the first runs", func() bool { return roost(t, "exec", id, "/bin/true").Code == 0 })
			suspend(t, first.Process.Pid)
			must(t, "delete", "--force", id)
			must(t, "run", "-d", "--bundle", bundle, id)
			second := state(t, id).Pid
			first.Process.Signal(syscall.SIGCONT)
			if r := collect(); r.Code != 137 || r.Stderr != "" {
				t.Errorf("the first: %v", r)
			}
			if got := wantStatus(t, id, "running").Pid; got != second {
				t.Errorf("pid %d, was %d", got, second)
			}
			must(t, "delete", "--force", id)
		})
	}
}

// Starts, kills and deletes of one container at once: each says yes or gives a reason, and the last delete has nothing left to do.
func TestStartKillDeleteRaces(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, sh("exec sleep 1000"))
	for range 15 {
		id := newID(t)
		must(t, "create", "--bundle", bundle, id)
		calls := [][]string{{"start", id}, {"kill", id, "KILL"}, {"delete", "--force", id}, {"exec", id, "/bin/true"}, {"start", id}, {"state", id}, {"delete", id}, {"kill", "--all", id, "TERM"}}
		for i, r := range together(len(calls), func(i int) result { return roost(t, calls[i]...) }) {
			ended := calls[i][0] == "exec" && r.Code == 137 // killed with the container: that is the process's status, and no error
			if r.Code != 0 && r.Stderr == "" && !ended || strings.Contains(r.Stderr, "panic") || strings.Contains(r.Stderr, "no such file") {
				t.Errorf("%v: %v", calls[i], r)
			}
		}
		must(t, "delete", "--force", id)
		nothingLeft(t)
	}
}

// Signals by their names and numbers, real-time ones among them. Without a pid namespace the payload is no pid 1, and dies of them.
func TestKillByName(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, with(args("/bin/sleep", "1000"), dropNamespace(specs.PIDNamespace), hostProc))
	for word, n := range map[string]int{"RTMIN": 34, "SIGRTMIN+3": 37, "rtmax-1": 63, "RTMAX": 64, "40": 40, "SIGHUP": 1, "usr2": 12, "ABRT": 6, "6": 6} {
		id := newID(t)
		cmd := command(t, "run", "--bundle", bundle, id)
		collect := capture(t, cmd)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it runs", func() bool { return roost(t, "exec", id, "/bin/true").Code == 0 })
		must(t, "kill", id, "0")
		must(t, "kill", id, word)
		if r := collect(); r.Code != 128+n || r.Stderr != "" {
			t.Errorf("%s: want status %d: %v", word, 128+n, r)
		}
	}
	nothingLeft(t)
}

// A reader of the output that stalls does not keep the container.
func TestStalledReader(t *testing.T) {
	needRoost(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	id := newID(t)
	cmd := command(t, "run", "--bundle", newBundle(t, sh("exec yes")), id)
	cmd.Stdout = w
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	eventually(t, "it runs", func() bool { return roost(t, "state", id).Code == 0 })
	time.Sleep(200 * time.Millisecond)
	must(t, "delete", "--force", id)
	if got := collect(); got.Code != 137 {
		t.Error(got)
	}
	nothingLeft(t)
}
