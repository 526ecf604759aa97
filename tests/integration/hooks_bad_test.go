package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// hookOf gives a container one hook of a kind, and one of poststop that leaves a mark.
func hookOf(kind string, h specs.Hook, mark string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "echo >" + mark}}}}
		list := []specs.Hook{h}
		switch kind {
		case "prestart":
			s.Hooks.Prestart = list //nolint:staticcheck // deprecated, and in use
		case "createRuntime":
			s.Hooks.CreateRuntime = append([]specs.Hook{{Path: "/bin/true"}}, h)
		case "createContainer":
			s.Hooks.CreateContainer = append([]specs.Hook{{Path: "/bin/true"}}, h)
		case "startContainer":
			s.Hooks.StartContainer = list
		case "poststart":
			s.Hooks.Poststart = list
		case "poststop":
			s.Hooks.Poststop = append(list, s.Hooks.Poststop...)
		}
	}
}

// hookAt is the JSON path of that hook.
func hookAt(kind string) string {
	n := 0
	if strings.HasPrefix(kind, "create") {
		n = 1
	}
	return fmt.Sprintf("hooks.%s[%d]", kind, n)
}

func scripted(text string, timeout int) specs.Hook {
	h := specs.Hook{Path: "/bin/sh", Args: []string{"sh", "-c", text}, Env: []string{"PATH=/bin:/usr/bin"}}
	if timeout > 0 {
		h.Timeout = &timeout
	}
	return h
}

// takeMark fails unless the last hook ran, once, since the last time.
func takeMark(t testing.TB, mark string) {
	t.Helper()
	if err := os.Remove(mark); err != nil {
		t.Errorf("poststop did not run: %v", err)
	}
}

// A hook that fails, however it does, fails what it belongs to: one error that says which, how, and what it said. Nothing stays.
func TestBadHooks(t *testing.T) {
	needRoost(t)
	mark := filepath.Join(tempDir(t), "poststop")
	plain := filepath.Join(tempDir(t), "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		hook  specs.Hook
		words []string
		said  string // on its outputs
		slow  bool   // so once is enough
	}{
		{"fails", scripted("echo one; echo two >&2; exit 3", 0), []string{"/bin/sh: exit status 3"}, "one; two", false},
		{"fails in silence", scripted("exit 4", 60), []string{"/bin/sh: exit status 4"}, "", false},
		{"missing", specs.Hook{Path: "/none/such"}, []string{"/none/such: no such file or directory"}, "", false},
		{"not executable", specs.Hook{Path: "/etc/passwd"}, []string{"/etc/passwd: permission denied"}, "", false},
		{"a directory", specs.Hook{Path: "/etc"}, []string{"/etc: permission denied"}, "", false},
		{"kills itself", scripted("echo bye; kill -9 $$", 0), []string{"/bin/sh: killed by signal 9 (killed)"}, "bye", false},
		{"hangs", scripted("echo waiting; sleep 1000 & sleep 1000", 1), []string{"/bin/sh: not done after its timeout of 1s, and killed"}, "waiting", true},
		{"hangs and is deaf", scripted("trap '' TERM INT; echo waiting; while :; do sleep 1000; done", 1), []string{"not done after its timeout of 1s"}, "waiting", true},
		{"says too much", scripted("yes abcdefghijklmnopqrstuvwxyz | head -c 104857600; echo; echo the end; exit 5", 0), []string{"exit status 5"}, "abcdefghijklmnopqrstuvwxyz; a", true},
	} {
		for _, kind := range hookNames {
			if c.name == "hangs and is deaf" && !strings.HasPrefix(kind, "create") {
				continue
			}
			t.Run(c.name+", "+kind, func(t *testing.T) {
				bundle, id := newBundle(t, with(sh(sleeper), hookOf(kind, c.hook, mark))), newID(t)
				words := append([]string{"container " + id + ": ", hookAt(kind) + " "}, c.words...)
				if c.said != "" && kind != "startContainer" { // whose words go to the process's standard error
					words = append(words, "; its output: ", c.said)
				}
				switch kind {
				case "poststop": // a warning: it is gone all the same
					must(t, "create", "--bundle", bundle, id)
					r := must(t, "delete", "--force", id)
					for _, w := range words[1:] {
						if !strings.Contains(r.Stderr, w) {
							t.Errorf("no %q: %v", w, r)
						}
					}
				case "startContainer", "poststart":
					must(t, "create", "--bundle", bundle, id)
					refuse(t, words, "start", id)
					wantStatus(t, id, "stopped")
					must(t, "delete", id)
				default:
					refuse(t, words, "create", "--bundle", bundle, id)
				}
				takeMark(t, mark)
				for _, detach := range []bool{true, false} {
					if kind == "poststop" || c.slow {
						break
					}
					argv := []string{"run", "--bundle", bundle, id}
					if detach {
						argv = append([]string{"run", "-d"}, argv[1:]...)
					}
					r := refuse(t, words, argv...)
					if r.Code != 1 {
						t.Errorf("own errors are 1: %v", r)
					}
					if said := len(r.Stderr); said > 3000 && kind != "startContainer" {
						t.Errorf("%d bytes of error", said)
					}
					takeMark(t, mark)
				}
				if left := containers(stateRoot(t)); len(left) > 0 {
					t.Errorf("left %q", left)
				}
				if left := orphans(); len(left) > 0 {
					t.Errorf("left %q", left)
				}
			})
		}
	}
}

// Where something before the hooks fails, no hook runs: nothing was done yet that others would have to undo.
func TestNoHooksForNothing(t *testing.T) {
	needRoost(t)
	mark := filepath.Join(tempDir(t), "mark")
	r := refuse(t, []string{"/no/such/source"}, "run", "--bundle", newBundle(t, with(bind("/no/such/source", "/mnt"), hookOf("createRuntime", scripted("echo >"+mark, 0), mark))), newID(t))
	if exists(mark) {
		t.Errorf("a hook ran: %v", r)
	}
	refuse(t, []string{"/no/such/program"}, "run", "--bundle", newBundle(t, with(args("/no/such/program"), hookOf("createRuntime", specs.Hook{Path: "/bin/true"}, mark))), newID(t))
	takeMark(t, mark)
}

// A hook without a limit may take as long as it wants, but not longer than who waits for it.
func TestHookInterrupted(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	mark := filepath.Join(dir, "poststop")
	for _, kind := range hookNames {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			if sig != syscall.SIGTERM && kind != "createRuntime" {
				continue
			}
			t.Run(fmt.Sprint(kind, ", ", sig), func(t *testing.T) {
				where := dir
				if kind == "startContainer" {
					where = "/mnt"
				}
				hang := scripted("echo >"+where+"/hangs; exec sleep 1000", 0)
				bundle, id := newBundle(t, with(sh(sleeper), bind(dir, "/mnt"), hookOf(kind, hang, mark))), newID(t)
				interrupt := func(argv ...string) result {
					cmd := command(t, argv...)
					collect := capture(t, cmd)
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					eventually(t, "the hook hangs", func() bool { return os.Remove(dir+"/hangs") == nil })
					if err := cmd.Process.Signal(sig); err != nil {
						t.Fatal(err)
					}
					return collect()
				}
				switch kind {
				case "startContainer", "poststart":
					must(t, "create", "--bundle", bundle, id)
					if r := interrupt("start", id); r.Code != 1 || !strings.Contains(r.Stderr, "interrupted: "+sig.String()) {
						t.Error(r)
					}
					wantStatus(t, id, "stopped")
					must(t, "delete", id)
				case "poststop":
					must(t, "create", "--bundle", bundle, id)
					if r := interrupt("delete", "--force", id); r.Code != 0 || !strings.Contains(r.Stderr, hookAt(kind)) {
						t.Error(r)
					}
				default:
					if r := interrupt("create", "--bundle", bundle, id); r.Code != 1 || !strings.Contains(r.Stderr, "interrupted: "+sig.String()) {
						t.Error(r)
					}
				}
				takeMark(t, mark)
				if kind == "poststop" {
					return
				}
				if r := interrupt("run", "--bundle", bundle, id); r.Code != 1 || !strings.Contains(r.Stderr, "interrupted: "+sig.String()) {
					t.Error(r)
				}
				takeMark(t, mark)
				if left := containers(stateRoot(t)); len(left) > 0 {
					t.Errorf("left %q", left)
				}
			})
		}
	}
}

// delete --force does not wait for a hook that hangs: it ends the container, and the hook with it.
func TestDeleteWhileHookHangs(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	for _, kind := range []string{"prestart", "createRuntime", "createContainer", "startContainer"} {
		where := dir
		if kind == "startContainer" {
			where = "/mnt"
		}
		mark := filepath.Join(dir, "poststop")
		bundle, id := newBundle(t, with(sh(sleeper), bind(dir, "/mnt"), hookOf(kind, scripted("echo >"+where+"/hangs; exec sleep 1000", 0), mark))), newID(t)
		cmd := command(t, "run", "-d", "--bundle", bundle, id)
		collect := capture(t, cmd)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the hook hangs", func() bool { return os.Remove(dir+"/hangs") == nil })
		must(t, "delete", "--force", id)
		if r := collect(); r.Code != 1 {
			t.Error(kind, r)
		}
		eventually(t, "the last hook", func() bool { return os.Remove(mark) == nil })
		if left := containers(stateRoot(t)); len(left) > 0 {
			t.Errorf("%s: left %q", kind, left)
		}
	}
}

// A maker that is killed while a hook runs leaves what gc clears, and nothing that runs but the hook on the host.
func TestKilledWhileHookHangs(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	for _, kind := range []string{"createRuntime", "createContainer", "startContainer"} {
		where := dir
		if kind == "startContainer" {
			where = "/mnt"
		}
		mark := filepath.Join(dir, "poststop")
		bundle, id := newBundle(t, with(sh(sleeper), bind(dir, "/mnt"), hookOf(kind, scripted("echo $$ >"+where+"/hangs; exec sleep 1000", 0), mark))), newID(t)
		cmd := command(t, "run", "--bundle", bundle, id)
		collect := capture(t, cmd)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := 0
		eventually(t, "the hook hangs", func() bool {
			raw, _ := os.ReadFile(dir + "/hangs")
			pid, _ = strconv.Atoi(strings.TrimSpace(string(raw)))
			return pid != 0
		})
		os.Remove(dir + "/hangs")
		cmd.Process.Kill()
		collect()
		if kind == "createRuntime" {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if r := must(t, "gc"); strings.TrimSpace(r.Stdout) != id {
			t.Error(kind, r)
		}
		takeMark(t, mark)
		if left := orphans(); len(left) > 0 {
			t.Errorf("%s: left %q", kind, left)
		}
	}
}

// What a hook leaves in the background is not waited for. On the host it goes on; in the container it is the container's.
func TestHookBackground(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	mark := filepath.Join(dir, "poststop")
	for _, kind := range hookNames {
		for _, pids := range []bool{true, false} {
			where := dir
			if kind == "startContainer" {
				where = "/mnt"
			}
			// Its outputs stay open: they are what could be waited for.
			hook := scripted("sleep 1000 & echo $! >"+where+"/pid", 0)
			change := with(sh("exit 7"), bind(dir, "/mnt"), hookOf(kind, hook, mark))
			if !pids {
				change = with(change, dropNamespace(specs.PIDNamespace), hostProc)
			}
			begin := time.Now()
			if r := runOnce(t, change); r.Code != 7 || time.Since(begin) > patience/2 {
				t.Errorf("%s: %v", kind, r)
			}
			takeMark(t, mark)
			raw, err := os.ReadFile(dir + "/pid")
			if err != nil {
				t.Fatal(err)
			}
			os.Remove(dir + "/pid")
			if kind == "createContainer" || kind == "startContainer" {
				if left := orphans(); len(left) > 0 {
					t.Errorf("%s: left %q", kind, left)
				}
				continue
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
			if err == nil {
				err = syscall.Kill(pid, syscall.SIGKILL)
			}
			if err != nil {
				t.Errorf("%s: what it left running: %v", kind, err)
			}
		}
	}
}

// A large state, by its annotations, is more than a pipe holds, and reaches a hook that does not read it as well as one that does.
func TestHookLargeState(t *testing.T) {
	needRoost(t)
	large := strings.Repeat("x", 200_000)
	for _, script := range []string{"exit 0", "[ $(wc -c) -gt 200000 ]"} {
		for _, kind := range hookNames {
			r := runOnce(t, with(sh("exit 7"), hookOf(kind, scripted(script, 0), "/dev/null"), func(s *specs.Spec) { s.Annotations = map[string]string{"large": large} }))
			if r.Code != 7 || r.Stderr != "" {
				t.Errorf("%s: %s: %v", kind, script, r)
			}
		}
	}
}
