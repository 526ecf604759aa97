package runtime

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
)

// TestConnect: what becomes of a NOTIFY_SOCKET, from the outside to the process.
func TestConnect(t *testing.T) {
	const own = "/state/box/notify"
	var deny degrade.Policies
	if err := deny.Set("notify=deny"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		in      notifyInput
		network bool // of the container's own
		mounts  []specs.Mount
		source  string
		env     string
		givenUp string
	}{
		{name: "nothing", env: "/stale"},
		{name: "relayed", in: notifyInput{Notify: Notify{Socket: "/run/systemd/notify", Relay: true}}, source: own, env: notifySocket},
		{name: "relayed to an abstract one", in: notifyInput{Notify: Notify{Socket: "@x", Relay: true}}, network: true, source: own, env: notifySocket},
		{name: "bound", in: notifyInput{Notify: Notify{Socket: "/run/systemd/notify"}}, network: true, source: "/run/systemd/notify", env: notifySocket},
		{name: "abstract, in the host's network", in: notifyInput{Notify: Notify{Socket: "@x"}}, env: "@x"},
		{name: "abstract, in another", in: notifyInput{Notify: Notify{Socket: "@x"}}, network: true, env: "/stale", givenUp: "abstract"},
		{name: "gone", in: notifyInput{Notify: Notify{Socket: "/x", Relay: true}, err: errors.New("is not there")}, env: "/stale", givenUp: "is not there"},
		{name: "the configuration's own directory", in: notifyInput{Notify: Notify{Socket: "/x", Relay: true}}, mounts: []specs.Mount{{Destination: "/run/notify/"}}, env: "/stale"},
		{name: "the configuration's own socket", in: notifyInput{Notify: Notify{Socket: "/x"}}, mounts: []specs.Mount{{Destination: notifySocket}}, env: "/stale"},
	} {
		for _, policies := range []degrade.Policies{{}, deny} {
			p := &Plan{New: unix.CLONE_NEWNS, Policies: policies, Process: ProcessPlan{Env: []string{"A=1", "NOTIFY_SOCKET=/stale"}}, Mounts: []Mount{{Destination: "/run", Type: "tmpfs"}}}
			if c.network {
				p.New |= unix.CLONE_NEWNET
			}
			c.in.own = own
			var bad planError
			p.connect(c.in, c.mounts, &bad)
			source := ""
			if last := p.Mounts[len(p.Mounts)-1]; last.Destination == notifySocket {
				source = last.Source
			}
			if source != c.source || !slices.Equal(p.Process.Env, []string{"A=1", "NOTIFY_SOCKET=" + c.env}) || (p.Notify != nil) != (c.env != "/stale") {
				t.Errorf("%s: mount of %q, %q, %+v", c.name, source, p.Process.Env, p.Notify)
			}
			denied := policies.For(degrade.Notify) == degrade.Deny
			if (bad.err() != nil) != (denied && c.givenUp != "") {
				t.Errorf("%s: %v", c.name, bad.err())
			}
			if !denied && (len(p.GivenUp) > 0) != (c.givenUp != "") || len(p.GivenUp) > 0 && !strings.Contains(p.GivenUp[0].Text, c.givenUp) {
				t.Errorf("%s: given up %v", c.name, p.GivenUp)
			}
		}
	}
}

// TestConnectWithoutMounts: what is not to be mounted is not there.
func TestConnectWithoutMounts(t *testing.T) {
	for in, there := range map[Notify]bool{{Socket: "/x"}: false, {Socket: "/x", Relay: true}: false, {Socket: "@x", Relay: true}: false, {Socket: "@x"}: true} {
		p := &Plan{}
		p.connect(notifyInput{Notify: in}, nil, new(planError))
		if (p.Notify != nil) != there || (len(p.GivenUp) == 0) != there || len(p.Mounts) > 0 {
			t.Errorf("%+v: %+v", in, p)
		}
	}
}

// TestConnectedProcess: variables of a watchdog and of sockets go to the process, by its own pid.
func TestConnectedProcess(t *testing.T) {
	p := &Plan{New: unix.CLONE_NEWNS, Process: ProcessPlan{Env: []string{"WATCHDOG_USEC=1", "LISTEN_PID=7", "LISTEN_FDNAMES=x", "WATCHDOG_PID=7", "LISTEN_FDS=9", "B=2"}}}
	p.connect(notifyInput{Notify: Notify{Socket: "/x", Watchdog: "5"}}, nil, new(planError))
	p.Process.activate(Activation{Files: make([]*os.File, 2)})
	want := []string{"B=2", "NOTIFY_SOCKET=" + notifySocket, "WATCHDOG_USEC=5", "LISTEN_FDS=2"}
	if !slices.Equal(p.Process.Env, want) || !slices.Equal(p.Process.OwnPid, []string{"WATCHDOG_PID", "LISTEN_PID"}) {
		t.Errorf("%q %q", p.Process.Env, p.Process.OwnPid)
	}
	var text strings.Builder
	if err := p.WriteText(&text); err != nil || !strings.Contains(text.String(), "told to /x\n") || !strings.Contains(text.String(), "LISTEN_PID=(its pid)") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
