package delegate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/roost-run/roost/internal/dbus"
	"github.com/roost-run/roost/internal/dbus/bustest"
)

// realDoors are the places where this caller's manager answers.
func realDoors(t *testing.T) (doors []door) {
	t.Helper()
	ctx := real(t)
	c := thisCaller(os.Getenv)
	for _, d := range c.doors(c.which()) {
		m, err := enter(ctx, c, d)
		if err != nil {
			t.Logf("%s: %v", d.Address, err)
			continue
		}
		m.Close()
		doors = append(doors, d)
	}
	return doors
}

// through is this process, with these doors alone.
func through(doors ...door) *caller {
	c := thisCaller(os.Getenv)
	c.places = doors
	return &c
}

func TestEveryDoorOfTheRealOneWorks(t *testing.T) {
	direct := 0
	for _, d := range realDoors(t) {
		t.Run(filepath.Base(d.Address), func(t *testing.T) {
			ctx := real(t)
			g, cmd := started(ctx, t, Request{caller: through(d), ID: name(t)}, Property{Name: "TasksMax", Signature: "t", Value: uint64(77)})
			if !g.in(cmd.Process.Pid) {
				t.Error("not in the scope")
			}
		})
		if d.direct {
			direct++
		}
	}
	if direct == 0 {
		t.Error("systemd's own socket was not found")
	}
	for _, b := range Buses(real(t), nil) {
		if b.Err == nil && b.Version == "" {
			t.Error(b)
		}
	}
}

func TestPIDFDsReachTheRealOne(t *testing.T) {
	ctx := real(t)
	g, err := Acquire(ctx, Request{ID: name(t), Mode: Scope})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	cmd, pidfd := sleeper(t)
	s := &start{g: g, pid: cmd.Process.Pid, pidfd: pidfd, props: g.properties}
	if err := s.run(ctx); err != nil {
		t.Fatal(err)
	}
	version := ""
	for _, b := range Buses(ctx, nil) {
		version += b.Version
	}
	if s.byPID != (versionNumber(version) < knowsPIDFDs) {
		t.Error(version, s.byPID)
	}
	if !g.in(cmd.Process.Pid) {
		t.Error("not in the scope")
	}
	if err := g.Unit.Stop(ctx, nil); err != nil {
		t.Error(err)
	}
}

// One write of ours and systemd's answer: whatever else is needed has left with the authentication, before there was a process.
func TestAScopeCostsOneRoundTrip(t *testing.T) {
	for _, d := range realDoors(t) {
		var writes atomic.Int32
		real := d.Address
		d.Address = bustest.Listen(t, func(client net.Conn) {
			server, err := net.Dial("unix", real)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { server.Close() })
			go func() { _, _ = io.Copy(client, server) }()
			go func() {
				b := make([]byte, 1<<16)
				for {
					n, err := client.Read(b)
					if err != nil {
						return
					}
					writes.Add(1)
					_, _ = server.Write(b[:n])
				}
			}()
		})
		g, err := Acquire(bounded(t), Request{ID: name(t), Mode: Scope, caller: through(d)})
		if err != nil {
			t.Fatal(err)
		}
		before := writes.Load()
		cmd, _ := sleeper(t)
		// The proxy passes no descriptors.
		err = g.Start(bounded(t), cmd.Process.Pid, nil, []Property{{Name: "TasksMax", Signature: "t", Value: uint64(77)}})
		after := writes.Load()
		g.Close()
		if err != nil || before != 1 || after != 2 {
			t.Errorf("%s: %v, %d writes to enter, %d to start", real, err, before, after-before)
		}
		if err := g.Unit.Stop(bounded(t), nil); err != nil {
			t.Error(err)
		}
	}
}

// A user namespace inside of another has ids that nobody outside knows.
func TestFromInsideUserNamespaces(t *testing.T) {
	real(t)
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user: root's bus is the system's, and root of a user namespace has none")
	}
	for depth := 1; depth <= 3; depth++ {
		command := []string{}
		for range depth {
			command = append(command, "unshare", "--user", "--map-root-user")
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		command = append(command, self, "-test.run=^(TestAScopeTakesTheProcess|TestEveryDoorOfTheRealOneWorks|TestPIDFDsReachTheRealOne)$", "-test.v")
		out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
		if err != nil || strings.Contains(string(out), "--- SKIP") || strings.Count(string(out), "\n--- PASS") != 3 {
			t.Errorf("%d: %v\n%s", depth, err, out)
		}
	}
}

// low is a call of the test's own to the real manager.
func low(ctx context.Context, t *testing.T, call dbus.Call) error {
	t.Helper()
	c := thisCaller(os.Getenv)
	m, err := connect(ctx, c, c.which())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	_, err = m.call(ctx, call)
	return err
}

func TestAFailedScopeThatIsLeftIsClearedAway(t *testing.T) {
	ctx := real(t)
	unit := Unit{Bus: thisCaller(nil).which(), Name: escape("roost-"+name(t)) + ".scope"}
	cmd, _ := sleeper(t)
	props := []any{
		Property{Name: "PIDs", Signature: "au", Value: []uint32{uint32(cmd.Process.Pid)}}.wire(),
		Property{Name: "RuntimeMaxUSec", Signature: "t", Value: uint64(10_000)}.wire(),
	}
	if err := low(ctx, t, method("StartTransientUnit", "ssa(sv)a(sa(sv))", unit.Name, "fail", props, []any{})); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for state := ""; state != "failed"; time.Sleep(10 * time.Millisecond) {
		var err error
		if state, err = unit.State(ctx, nil); err != nil || ctx.Err() != nil {
			t.Fatal(state, err)
		}
	}
	g, _ := started(ctx, t, Request{})
	if g.Unit.Name != unit.Name {
		t.Error(g.Unit)
	}
}

func TestAScopeThatIsStoppedFromOutside(t *testing.T) {
	ctx := real(t)
	g, cmd := started(ctx, t, Request{})
	command := []string{"systemctl"}
	if g.Unit.Bus == UserBus {
		command = append(command, "--user")
	}
	if out, err := exec.Command(command[0], append(command[1:], "stop", g.Unit.Name)...).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Error(err)
	}
	if state, err := g.Unit.State(ctx, nil); state != "inactive" || err != nil {
		t.Error(state, err)
	}
	if _, err := g.Unit.SetProperties(ctx, nil, []Property{{Name: "TasksMax", Signature: "t", Value: uint64(5)}}); !errors.Is(err, ErrNoUnit) {
		t.Error(err)
	}
	if err := g.Unit.Attach(ctx, nil, "", os.Getpid()); !errors.Is(err, ErrNoUnit) {
		t.Error(err)
	}
}

func TestAProcessOfAForeignSessionIsAttached(t *testing.T) {
	ctx := real(t)
	g, _ := started(ctx, t, Request{})
	if err := os.Mkdir(path.Join(g.Path, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, below := range []string{"", "/below"} {
		cmd, _ := sleeper(t)
		if err := g.Unit.Attach(ctx, nil, below, cmd.Process.Pid); err != nil {
			t.Error(below, err)
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", cmd.Process.Pid))
		if err != nil || !strings.HasSuffix(strings.TrimSpace(string(b)), path.Base(g.Path)+below) {
			t.Errorf("%q: %s %v", below, b, err)
		}
	}
}

func TestLimitsOfAScope(t *testing.T) {
	ctx := real(t)
	limited := pids(t)
	if limited == nil {
		lacking(t, "pids", "the controller pids, delegated")
	}
	files := []File{{Name: "pids.max", Value: "33"}, {Name: "memory.max", Value: "67108864"}, {Name: "memory.oom.group", Value: "1"}, {Name: "cpu.max", Value: "50000 100000"}, {Name: "cpu.weight", Value: "79"}, {Name: "io.weight", Value: "default 50"}}
	props, _ := Properties(files)
	g, _ := started(ctx, t, Request{Controllers: []string{"pids", "memory", "cpu"}}, props...)
	check := func(want ...string) {
		t.Helper()
		for i := 0; i < len(want); i += 2 {
			if b, err := os.ReadFile(path.Join(g.Path, want[i])); strings.TrimSpace(string(b)) != want[i+1] {
				t.Errorf("%s: %q %v, want %q", want[i], b, err, want[i+1])
			}
		}
	}
	check("pids.max", "33", "memory.max", "67108864", "memory.oom.group", "1", "cpu.max", "50000 100000", "cpu.weight", "79")
	props, _ = Properties([]File{{Name: "pids.max", Value: "44"}, {Name: "cpu.max", Value: "max"}})
	if dropped, err := g.Unit.SetProperties(ctx, nil, props); err != nil || len(dropped) != 0 {
		t.Error(dropped, err)
	}
	check("pids.max", "44", "cpu.max", "max 100000", "memory.max", "67108864")
}

func TestLifetimeSession(t *testing.T) {
	ctx := real(t)
	session := thisCaller(nil).session()
	g, err := Acquire(ctx, Request{ID: name(t), Mode: Scope, Lifetime: Session})
	if thisCaller(nil).root && session == "" {
		if !errors.Is(err, ErrLifetime) {
			t.Error(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	cmd, pidfd := sleeper(t)
	// The machine has no desktop, and root's session is the user's, if it is one.
	err = g.Start(ctx, cmd.Process.Pid, pidfd, nil)
	if alive := low(ctx, t, method("GetUnit", "s", session)) == nil; alive != (err == nil) || err != nil && !errors.Is(err, ErrLifetime) {
		t.Error(session, alive, err)
	}
	if err := g.Unit.Stop(ctx, nil); err != nil {
		t.Error(err)
	}
}

func TestAnnotationsReachTheScope(t *testing.T) {
	ctx := real(t)
	annotations := map[string]string{annotationPrefix + "TimeoutStopSec": "uint64 7", annotationPrefix + "Description": "'what it is'", annotationPrefix + "DeviceAllow": "@a(ss) []"}
	g, _ := started(ctx, t, Request{Annotations: annotations})
	c := thisCaller(nil)
	m, err := connect(ctx, c, c.which())
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for property, want := range map[string]any{unitInterface + " Description": "what it is", systemd + ".Scope TimeoutStopUSec": uint64(7_000_000)} {
		iface, name, _ := strings.Cut(property, " ")
		if body, err := m.call(ctx, get(g.Unit.objectPath(), iface, name)); err != nil || variant(body) != want {
			t.Error(name, body, err)
		}
	}
	if dropped := len(g.Dropped) == 1; dropped == c.root {
		t.Error(g.Dropped)
	}
	_, err = Acquire(ctx, Request{ID: name(t), Mode: Scope, Annotations: map[string]string{annotationPrefix + "Slice": "'x.slice'"}})
	if err == nil || !strings.Contains(err.Error(), annotationPrefix+"Slice") {
		t.Error(err)
	}
}
