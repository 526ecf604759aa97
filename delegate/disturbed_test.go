package delegate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// disturb starts scopes one after the other while something happens to the manager or its bus, again and again. That the manager answers
// nobody is what silence gets, or, where that is nil, a failure.
func disturb(t *testing.T, times int, what func() error, silence func(error)) {
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
		if err := scopeOnce(ctx, t, i); silence != nil && errors.Is(err, ErrNoBus) {
			silence(err)
		} else if err != nil {
			t.Fatal(err)
		}
		if spent := time.Since(begin); spent > time.Second {
			t.Log(spent)
		}
	}
}

// scopeOnce starts a scope and stops it.
func scopeOnce(ctx context.Context, t *testing.T, i int) error {
	g, err := Acquire(ctx, Request{ID: fmt.Sprintf("%s-%d", name(t), i), Mode: Scope})
	if err != nil {
		return err
	}
	defer g.Close()
	cmd, pidfd := sleeper(t)
	if err := g.Start(ctx, cmd.Process.Pid, pidfd, nil); err != nil {
		return err
	}
	for _, n := range g.Notes {
		t.Log(n)
	}
	return g.Unit.Stop(ctx, nil)
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
	disturb(t, 2, func() error { return systemctl("daemon-reexec") }, nil)
}

func TestScopesWhileTheManagerReloads(t *testing.T) {
	disturb(t, 2, func() error { return systemctl("daemon-reload") }, nil)
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
