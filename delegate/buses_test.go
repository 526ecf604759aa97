package delegate

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/roost-run/roost/internal/dbus/bustest"
)

func TestDoors(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	const bus, runtime = "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"
	for _, c := range []struct {
		name string
		caller
		bus  string
		want string
	}{
		{"a login", caller{getenv: env(bus, "unix:path=/run/user/7/bus", runtime, "/run/user/7"), host: "7"}, UserBus, "/run/user/7/bus /run/user/7/systemd/private!"},
		{"a desktop's own", caller{getenv: env(bus, "unix:abstract=/tmp/x;tcp:host=y;unix:path=/z", runtime, "/run/user/7"), host: "7"}, UserBus,
			"@/tmp/x /z - /run/user/7/bus /run/user/7/systemd/private!"},
		{"no environment", caller{getenv: env(), host: "7"}, UserBus, "/run/user/7/bus /run/user/7/systemd/private!"},
		{"another directory", caller{getenv: env(runtime, "/tmp/r"), host: "7"}, UserBus, "/tmp/r/bus /run/user/7/bus /tmp/r/systemd/private! /run/user/7/systemd/private!"},
		{"a relative directory", caller{getenv: env(runtime, "r"), host: "7"}, UserBus, "/run/user/7/bus /run/user/7/systemd/private!"},
		{"ids that nothing tells of", caller{getenv: env(runtime, "/r")}, UserBus, "/r/bus /r/systemd/private!"},
		{"root", caller{getenv: env(bus, "unix:path=/evil", runtime, "/evil"), host: "0", root: true}, SystemBus, "/run/dbus/system_bus_socket /run/systemd/private!"},
	} {
		got := []string{}
		for _, d := range c.doors(c.bus) {
			one := d.Address
			if d.Err != nil {
				one = "-"
			}
			if d.direct {
				one += "!"
			}
			got = append(got, one)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

func TestOuter(t *testing.T) {
	const whole = "         0          0 4294967295\n"
	for _, c := range []struct {
		text string
		uid  int
		host string
		root bool
	}{
		{whole, 0, "0", true}, {whole, 1000, "1000", false}, {"0 1000 1\n1 100000 65536\n", 0, "1000", false},
		{"0 1000 1\n1 100000 65536\n", 1, "100000", false}, {"0 1000 1\n", 5, "", false}, {"", 0, "", false},
		{"0 0 65536\n", 0, "0", false}, // root of a user namespace of the machine's root
	} {
		if host, root := outer(c.text, c.uid); host != c.host || root != c.root {
			t.Errorf("%q %d: %q %v", c.text, c.uid, host, root)
		}
	}
}

func listener(t *testing.T, serve func(net.Conn)) door {
	return door{Tried: Tried{Bus: UserBus, From: "a listener", Address: bustest.Listen(t, serve)}}
}

func TestABusThatDoesNotAnswerIsPassed(t *testing.T) {
	t.Parallel()
	good := newFake(t, done)
	stopped := newFake(t, done)
	stopped.bus.Stop()
	nobody := bustest.Start(t) // without a service manager
	for name, bad := range map[string]door{
		"missing":       {Tried: Tried{Address: "/nonexistent/bus"}},
		"unreadable":    {Tried: Tried{Err: errors.New("no address")}},
		"stopped":       stopped.door(),
		"silent":        listener(t, func(net.Conn) {}),
		"hangs up":      listener(t, func(c net.Conn) { c.Close() }),
		"without owner": {Tried: Tried{Address: nobody.Path}},
	} {
		begin := time.Now()
		if g, err := attempt(bounded(t), t, by(bad, good.door())); !accepted(g, err) {
			t.Errorf("%s: %v", name, err)
		}
		if spent := time.Since(begin); spent > 3*toAnswer {
			t.Errorf("%s: %v", name, spent)
		}
	}
}

func TestNoBusSaysWhatWasTried(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	missing := door{Tried: Tried{Bus: UserBus, From: "$XDG_RUNTIME_DIR/bus", Address: "/nonexistent/bus"}}
	_, err := attempt(ctx, t, by(missing))
	var none *NoBusError
	if !errors.Is(err, ErrNoBus) || !errors.As(err, &none) || len(none.Tried) != 1 || !errors.Is(none.Tried[0].Err, os.ErrNotExist) ||
		!strings.Contains(err.Error(), "$XDG_RUNTIME_DIR/bus") || !strings.Contains(err.Error(), "loginctl enable-linger") {
		t.Error(err)
	}
	_, err = attempt(ctx, t, by(missing, listener(t, func(net.Conn) {})))
	if !errors.Is(err, ErrNoBus) || !strings.Contains(err.Error(), "does not answer") || !strings.Contains(err.Error(), "systemctl --user status") {
		t.Error(err)
	}
}

func TestABusThatEndsInMidCall(t *testing.T) {
	t.Parallel()
	good := newFake(t, done)
	kill := func(f *fake, _ map[string]godbus.Variant) (string, *godbus.Error) {
		f.bus.Kill()
		return "done", nil
	}
	if g, err := attempt(bounded(t), t, by(newFake(t, kill).door(), good.door())); !accepted(g, err) {
		t.Error("with another:", err)
	}
	if _, err := attempt(bounded(t), t, by(newFake(t, kill).door())); !errors.Is(err, ErrNoBus) || !strings.Contains(err.Error(), "EOF") {
		t.Error("without:", err)
	}
	afterReply := func(f *fake, _ map[string]godbus.Variant) (string, *godbus.Error) {
		time.AfterFunc(100*time.Millisecond, f.bus.Kill)
		return "", nil
	}
	if g, err := attempt(bounded(t), t, by(newFake(t, afterReply).door(), good.door())); !accepted(g, err) {
		t.Error("after the reply:", err)
	}
}

// Whatever waits for a bus is stopped by its context, after it had answered once too.
func TestABusThatStopsInBetween(t *testing.T) {
	t.Parallel()
	f := newFake(t, done)
	g, err := Acquire(bounded(t), Request{ID: "x", Mode: Scope, caller: by(f.door())})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	cmd, pidfd := sleeper(t)
	f.bus.Stop()
	for name, try := range map[string]func(context.Context) error{
		"start":  func(ctx context.Context) error { return g.Start(ctx, cmd.Process.Pid, pidfd, nil) },
		"stop":   func(ctx context.Context) error { return g.Unit.Stop(ctx, nil) },
		"attach": func(ctx context.Context) error { return g.Unit.Attach(ctx, nil, "", 1) },
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		begin := time.Now()
		if err := try(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		if spent := time.Since(begin); spent > 5*time.Second {
			t.Errorf("%s: %v", name, spent)
		}
		cancel()
	}
}

func TestStopIsTolerant(t *testing.T) {
	f := newFake(t, done)
	u := Unit{UserBus, "roost-x.scope", by(f.door())}
	if err := u.Stop(bounded(t), nil); err != nil {
		t.Error(err)
	}
	if err := u.Attach(bounded(t), nil, "/below", 5, 6); err != nil || f.count(`AttachProcessesToUnit roost-x.scope "/below" 2`) != 1 {
		t.Error(err, f.calls)
	}
}
