package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Until a container is set up, its mount namespace has the host's root. Whoever is root could join it like that; exec waits.
func TestExecWhileItIsMade(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, with(sh("exec sleep 1000"), func(s *specs.Spec) {
		replaceMount(s, specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"})
		for i := range 300 { // it takes its time
			mounted(specs.Mount{Destination: fmt.Sprintf("/tmp/%d", i), Type: "tmpfs", Source: "tmpfs"})(s)
		}
	}))
	for _, how := range [][]string{{"run", "-d"}, {"create"}} {
		for range 10 {
			id := newID(t)
			var made sync.WaitGroup
			made.Go(func() { must(t, append(append([]string{}, how...), "--bundle", bundle, id)...) })
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
				r := roost(t, "exec", id, "/bin/sh", "-c", "cat /etc/canary && [ $$ -lt 100 ]")
				if r.Code == 255 && strings.Contains(r.Stderr, "does not exist") {
					continue
				}
				if r.Code == 0 && how[0] == "create" || r.Code != 0 && how[0] == "run" || r.Code == 0 && r.Stdout != "untouched\n" {
					t.Errorf("%v: %v", how, r)
				}
				break
			}
			made.Wait()
			must(t, "delete", "--force", id)
		}
	}
}

// hunter stops each process that joins the container, and nobody else: whoever is an image of the runtime is one.
const hunter = `while :; do for p in /proc/[0-9]*; do
	read -r comm <$p/comm && case $comm in roost:*) kill -STOP ${p#/proc/} && echo got >>/out/got;; esac
done; done 2>/dev/null`

// Whoever is stopped while joining ends by the deadline, 10 s, and the container is none the worse for it.
func TestExecStoppedEndsByItsDeadline(t *testing.T) {
	needRoost(t)
	dir := tempDir(t)
	id := start(t, with(sh(hunter+" & "+hunter+" & "+sleeper), bind(dir, "/out")))
	done := make(chan []result, 1)
	go func() { done <- together(6, func(int) result { return roost(t, "exec", id, "/bin/true") }) }()
	var results []result
	select {
	case results = <-done:
	case <-time.After(22 * time.Second): // the deadline counts up to the joining, and again up to the execve
		// A payload that was stopped in the moment after its execve stays so: that is between it and its neighbours.
		for _, pid := range processes(t, id) {
			if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.HasPrefix(string(comm), "roost") {
				t.Errorf("process %d is still joining", pid)
			}
		}
	}
	if !exists(dir + "/got") {
		t.Log("the container was never fast enough to stop anybody")
	}
	wantStatus(t, id, "running")
	must(t, "delete", "--force", id)
	if results == nil {
		results = <-done
	}
	for _, r := range results {
		if r.Code != 0 && r.Code != 137 && (r.Code != 255 || !strings.Contains(r.Stderr, "took too long")) {
			t.Error(r)
		}
	}
}

// processes are those that ps names.
func processes(t testing.TB, id string) (pids []int) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, "ps", "--format", "json", id).Stdout), &pids); err != nil {
		t.Fatal(err)
	}
	return pids
}

// spy notes down whatever it can read of any process but itself, its parent and the container's first.
const spy = `echo up >/out/up
while [ ! -e /out/stop ]; do
	for p in /proc/[0-9]*; do
		case $p in /proc/1|/proc/$$) continue;; esac
		read -r comm <$p/comm || continue
		case $comm in roost:*) ;; *) continue;; esac
		echo seen; tr '\0' ' ' <$p/cmdline; tr '\0' ' ' <$p/environ; cat $p/maps $p/smaps $p/numa_maps $p/stack $p/syscall; readlink $p/exe $p/cwd
		ls -l $p/map_files; tr '\0' ' ' <$p/auxv; cat $p/mountinfo $p/limits $p/wchan $p/cgroup $p/personality
	done >>/out/seen 2>/dev/null
done; echo gone >/out/gone`

// 200 processes join a container in which others look for them all the time: none is more to them than a name.
func TestJoinersShowNothing(t *testing.T) {
	needRoost(t)
	const secret = "s3cret-of-the-host"
	dir := tempDir(t)
	id := start(t, with(sh("( "+spy+" ) & "+sleeper), bind(dir, "/out")))
	eventually(t, "the spy is up", func() bool { return exists(dir + "/up") })
	for i := range 200 {
		cmd := command(t, "exec", id, "/bin/sh", "-c", "ls /proc/self/fd | tr '\\n' ' '")
		cmd.Env = append(os.Environ(), "HOST_SECRET="+secret)
		r := finish(t, cmd)
		if r.Code != 0 {
			t.Fatal(r)
		}
		if got := strings.Fields(r.Stdout); len(got) != 4 { // the streams, and ls's own
			t.Fatalf("exec %d has descriptors %v", i, got)
		}
	}
	os.WriteFile(dir+"/stop", nil, 0o644)
	eventually(t, "the spy is done", func() bool { return exists(dir + "/gone") })
	raw, _ := os.ReadFile(dir + "/seen")
	seen := string(raw)
	t.Logf("seen %d times", strings.Count(seen, "seen\n"))
	// What was an image of ours when it was found may be the payload when it is read: that may be seen.
	for _, word := range []string{secret, home.roost, stateRoot(t)} {
		if strings.Contains(seen, word) {
			t.Errorf("a process in the container read %q of a joiner's: %.2000s", word, seen)
		}
	}
	must(t, "delete", "--force", id)
}
