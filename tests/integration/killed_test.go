package integration

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// points is at how many moments of its work each command is killed.
const points = 80

// SIGKILL at any moment leaves something that one `delete --force`, or one `gc`, clears completely. The moments are
// spread over the time that the command takes here; that each single step is safe is the launch's own test.
func TestKilledAtAnyMoment(t *testing.T) {
	needRoost(t)
	bundle := newBundle(t, sh("sleep 1000 & sleep 1000 & wait"))
	quick := newBundle(t, nil)
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, id string)
		argv    func(id string) []string
	}{
		{"create", nil, func(id string) []string { return []string{"create", "--bundle", bundle, id} }},
		{"run", nil, func(id string) []string { return []string{"run", "--bundle", quick, id} }},
		{"run detached", nil, func(id string) []string { return []string{"run", "-d", "--bundle", bundle, id} }},
		{"start", func(t *testing.T, id string) { must(t, "create", "--bundle", bundle, id) }, func(id string) []string { return []string{"start", id} }},
		{"exec", func(t *testing.T, id string) { must(t, "run", "-d", "--bundle", bundle, id) }, func(id string) []string { return []string{"exec", id, "/bin/sleep", "1000"} }},
		{"delete", func(t *testing.T, id string) { must(t, "run", "-d", "--bundle", bundle, id) }, func(id string) []string { return []string{"delete", "--force", id} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := newID(t)
			if c.prepare != nil {
				c.prepare(t, id)
			}
			whole := 60 * time.Millisecond
			if c.name != "exec" { // which does not end by itself
				begin := time.Now()
				roost(t, c.argv(id)...)
				whole = time.Since(begin)
			}
			must(t, "delete", "--force", id)
			for i := range points {
				if c.prepare != nil {
					c.prepare(t, id)
				}
				killAfter(t, command(t, c.argv(id)...), whole*time.Duration(i)/points)
				cleared(t, id, i)
				if t.Failed() {
					t.Fatalf("killed after %v of %v", whole*time.Duration(i)/points, whole)
				}
			}
		})
	}
}

// killAfter starts cmd and kills it, and nothing that it started, after d.
func killAfter(t testing.TB, cmd *exec.Cmd, d time.Duration) {
	t.Helper()
	collect := capture(t, cmd)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); time.Since(begin) < d; { // a timer is a millisecond late, which is half of the work
	}
	cmd.Process.Signal(syscall.SIGKILL)
	collect()
}

// cleared clears by id, or, every third time, without knowing it, and looks.
func cleared(t testing.TB, id string, i int) {
	t.Helper()
	if i%3 == 2 {
		must(t, "gc")
		// What is alive, or whole and only waits for delete, is not gc's to touch.
		if roost(t, "state", id).Code == 0 {
			must(t, "delete", "--force", id)
		}
	} else {
		must(t, "delete", "--force", id)
	}
	if left := orphans(); len(left) > 0 {
		t.Errorf("left processes: %q", left)
	}
	if left := containers(stateRoot(t)); len(left) > 0 {
		t.Errorf("left state: %q", left)
	}
	if left := home.ids.cgroups(); len(left) > 0 {
		t.Errorf("left cgroups: %q", left)
	}
}

// The same while several go on at once, and clearing while another of the same id begins.
func TestKilledThenReplaced(t *testing.T) {
	needRoost(t)
	bundle, id := newBundle(t, sh("sleep 0.01; exit 7")), newID(t)
	for i := range 30 {
		killAfter(t, command(t, "run", "--bundle", bundle, id), time.Duration(i)*time.Millisecond/2)
		// What a killed predecessor of the same name left is cleared first. If its payload still lives, that is no
		// leftover, and the next attempt is refused until it has gone.
		eventually(t, "the id can be used again", func() bool {
			return roost(t, "run", "--replace", "--bundle", bundle, id).Code == 7
		})
		if left := containers(stateRoot(t)); len(left) > 0 {
			t.Fatalf("left state: %q", left)
		}
	}
}
