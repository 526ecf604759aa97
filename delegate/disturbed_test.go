package delegate

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// disturb starts scopes one after the other while something happens to the manager or its bus, again and again.
func disturb(t *testing.T, times int, what func() error) {
	t.Helper()
	real(t)
	if !granted("vm") {
		t.Skip("needs a machine of its own: it disturbs the service manager")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // process 1 of a slow machine takes 7 s to begin anew
	done := make(chan error)
	go func() {
		for range times {
			time.Sleep(300 * time.Millisecond)
			if err := what(); err != nil {
				done <- err
				return
			}
		}
		close(done)
	}()
	defer cancel()
	for i := 0; ; i++ {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			t.Logf("%d scopes", i)
			return
		default:
		}
		begin := time.Now()
		g, err := Acquire(ctx, Request{ID: fmt.Sprintf("%s-%d", name(t), i), Mode: Scope})
		if err != nil {
			t.Fatal(err)
		}
		cmd, pidfd := sleeper(t)
		if err := g.Start(ctx, cmd.Process.Pid, pidfd, nil); err != nil {
			t.Fatal(err)
		}
		if spent := time.Since(begin); spent > time.Second {
			t.Log(spent)
		}
		for _, n := range g.Notes {
			t.Log(n)
		}
		if err := g.Unit.Stop(ctx, nil); err != nil {
			t.Error(err)
		}
		g.Close()
	}
}

func systemctl(arguments ...string) error {
	if os.Geteuid() != 0 {
		arguments = append([]string{"--user"}, arguments...)
	}
	if out, err := exec.Command("systemctl", arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("systemctl %v: %w: %s", arguments, err, out)
	}
	return nil
}

func TestScopesWhileTheManagerIsExecutedAnew(t *testing.T) {
	disturb(t, 2, func() error { return systemctl("daemon-reexec") })
}

func TestScopesWhileTheManagerReloads(t *testing.T) {
	disturb(t, 2, func() error { return systemctl("daemon-reload") })
}

func TestScopesWhileTheBusIsKilled(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user: without the system bus there is no machine")
	}
	// More often, and systemd would start it no more, and wait for its own bus itself.
	disturb(t, 3, func() error {
		_ = systemctl("kill", "--signal=KILL", "dbus.service") // it may just be starting
		return nil
	})
}

// The bus is there and says nothing any more: systemd's own socket is what is left.
func TestAScopeWhileTheBusIsStopped(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user: without the system bus there is no machine")
	}
	ctx := real(t)
	if !granted("vm") {
		t.Skip("needs a machine of its own: it disturbs the service manager")
	}
	if err := systemctl("kill", "--signal=STOP", "dbus.service"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := systemctl("kill", "--signal=CONT", "dbus.service"); err != nil {
			t.Error(err)
		}
	}()
	g, cmd := started(ctx, t, Request{})
	if !g.in(cmd.Process.Pid) || !g.manager.door.direct {
		t.Error(g.manager.tried)
	}
}
