package delegate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/cgroupfs"
)

// real skips where there is no service manager of this user's. In the test machine there is one.
func real(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	c := thisCaller(os.Getenv)
	m, err := connect(ctx, c, c.which())
	if err != nil {
		lacking(t, "bus", "a service manager: "+err.Error())
	}
	m.Close()
	return ctx
}

// lacking skips, naming what is missing, unless the set-up promised it.
func lacking(t *testing.T, grant, what string) {
	t.Helper()
	if granted(grant) {
		t.Fatalf("%s: the set-up provides it, and yet there is none: %s", grant, what)
	}
	t.Skip("needs", what)
}

func granted(grant string) bool {
	return slices.Contains(strings.Split(os.Getenv("ROOST_TEST_GRANTS"), ","), grant)
}

// sleeper is a process that waits, with its pidfd.
func sleeper(t *testing.T) (*exec.Cmd, *os.File) {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	pidfd := os.NewFile(uintptr(fd), "pidfd")
	t.Cleanup(func() { pidfd.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, pidfd
}

func name(t *testing.T) string { return fmt.Sprintf("t%d-%s", os.Getpid(), t.Name()) }

// started is a scope with a sleeper in it.
func started(ctx context.Context, t *testing.T, r Request, props ...Property) (*Grant, *exec.Cmd) {
	t.Helper()
	if r.ID == "" {
		r.ID = name(t)
	}
	r.Mode = Scope
	g, err := Acquire(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	cmd, pidfd := sleeper(t)
	if err := g.Start(ctx, cmd.Process.Pid, pidfd, props); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Unit.Stop(context.Background(), nil); err != nil {
			t.Error(err)
		}
	})
	return g, cmd
}

func TestAScopeTakesTheProcess(t *testing.T) {
	ctx := real(t)
	g, cmd := started(ctx, t, Request{})
	cgroup, err := cgroupfs.Of(cmd.Process.Pid)
	if err != nil || path.Join(g.mount, cgroup) != g.Path || path.Base(cgroup) != g.Unit.Name {
		t.Errorf("%s %v, granted %s", cgroup, err, g.Path)
	}
	if err := unwritable(g.Path, "", "cgroup.procs", "cgroup.subtree_control"); err != nil {
		t.Error("not delegated:", err)
	}
	if state, err := g.Unit.State(ctx, nil); state != "active" || err != nil {
		t.Error(state, err)
	}
	if len(g.Dropped) != 0 {
		t.Error("dropped:", g.Dropped)
	}
	if err := g.Unit.Stop(ctx, nil); err != nil {
		t.Error(err)
	}
	if err := g.Unit.Stop(ctx, nil); err != nil {
		t.Error("again:", err)
	}
	if _, err := os.Stat(g.Path); !os.IsNotExist(err) {
		t.Error("left behind:", err)
	}
}

func TestAnUnknownPropertyIsDroppedAndReported(t *testing.T) {
	ctx := real(t)
	bogus := Property{Name: "BogusProperty", Signature: "s", Value: "x"}
	g, _ := started(ctx, t, Request{}, bogus, Property{Name: "TasksMax", Signature: "t", Value: uint64(100)}, Property{Name: "BogusToo", Signature: "b", Value: true})
	if len(g.Dropped) != 2 || g.Dropped[0].Name != bogus.Name || g.Dropped[1].Name != "BogusToo" {
		t.Error(g.Dropped)
	}
	dropped, err := g.Unit.SetProperties(ctx, nil, []Property{bogus, {Name: "TasksMax", Signature: "t", Value: uint64(50)}})
	if err != nil || len(dropped) != 1 || dropped[0].Name != bogus.Name {
		t.Error(dropped, err)
	}
}

func TestALivingUnitIsNotTaken(t *testing.T) {
	ctx := real(t)
	started(ctx, t, Request{})
	g, err := Acquire(ctx, Request{ID: name(t), Mode: Scope})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	cmd, pidfd := sleeper(t)
	if err := g.Start(ctx, cmd.Process.Pid, pidfd, nil); !errors.Is(err, ErrUnitExists) {
		t.Error(err)
	}
	if g.in(cmd.Process.Pid) {
		t.Error("the process was moved")
	}
}
