package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stopItself is SIGSTOP, as somebody else would send it.
func stopItself(b *Builder) {
	pid := b.Slot()
	b.Call("who", unix.SYS_GETPID).Out(pid)
	b.Call("stop", unix.SYS_KILL, pid.Arg(), Const(syscall.SIGSTOP))
}

func TestStoppedChildEndsByTheDeadline(t *testing.T) {
	const patience = 30 * time.Millisecond
	for _, c := range []struct {
		name string
		f    func(b *Builder)
	}{
		{"alone", func(b *Builder) { stopItself(b) }},
		{"after a sync point", func(b *Builder) { b.Sync("first", 0, nil, Arg{}, 0, nil); stopItself(b) }},
		{"before a fork", func(b *Builder) { stopItself(b); b.Fork("fork", unix.CLONE_PARENT) }},
		{"after a fork", func(b *Builder) { b.Fork("fork", unix.CLONE_PARENT); stopItself(b) }},
		{"after a fork and a sync point", func(b *Builder) {
			b.Fork("fork", unix.CLONE_PARENT)
			b.Sync("first", 0, nil, Arg{}, 0, nil)
			stopItself(b)
		}},
		{"a joiner between its fork and its word", func(b *Builder) {
			parent, child := b.Label(), b.Label()
			r := b.Spawn("fork", unix.CLONE_PARENT, b.Slot(), parent)
			b.steps[r.i].nr, b.forks = whoSecond, true // as Fork does
			b.Jump(child)
			b.Place(parent)
			stopItself(b)
			b.Stop(0)
			b.Place(child)
			b.Sync("first", 0, nil, Arg{}, 0, nil)
			stopItself(b)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, 0, func(b *Builder) {
				c.f(b)
				b.Sync("last", patience, nil, Arg{}, 0, nil)
				execute(b, "/bin/true")
			})
			w := newWitness(t)
			child, err := Start(p, Options{Files: []File{w.file()}})
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Drive(t.Context()); !errors.Is(err, ErrDeadline) {
				t.Errorf("%v", err)
			}
			child.Close()
			w.gone(t)
			noChildren(t)
		})
	}
}

// TestKilledChild: somebody else's SIGKILL, at a sync point and between them.
func TestKilledChild(t *testing.T) {
	for _, fork := range []bool{false, true} {
		p := compile(t, 0, func(b *Builder) {
			if fork {
				b.Fork("fork", unix.CLONE_PARENT)
			}
			b.Sync("die", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
				return nil, syscall.Kill(c.Pid(), syscall.SIGKILL)
			})
			execute(b, "/bin/true")
		})
		w := newWitness(t)
		c, err := Start(p, Options{Files: []File{w.file()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Drive(t.Context()); !errors.Is(err, ErrDied) || !strings.Contains(err.Error(), "killed by signal 9") {
			t.Errorf("%v", err)
		}
		if ws, err := c.Wait(); err != nil || ws.Signal() != syscall.SIGKILL {
			t.Errorf("%v, %v", ws, err)
		}
		if err := c.Signal(syscall.SIGTERM); err != syscall.ESRCH {
			t.Errorf("signal after the end: %v", err)
		}
		c.Close()
		c.Close()
		w.gone(t)
	}
}

// TestDiesBeforeTheExecve, after the last sync point: without ExecNext's word it cannot be taken for a payload that ended.
func TestDiesBeforeTheExecve(t *testing.T) {
	p := compile(t, 0, func(b *Builder) {
		b.Sync("last", 0, nil, Arg{}, 0, nil)
		b.Stop(0)
		execute(b, "/bin/true")
	})
	if _, err := start(t, p); !errors.Is(err, ErrDied) {
		t.Error(err)
	}
}

// TestParentDies: a child at a sync point has nothing left to be set up for.
func TestParentDies(t *testing.T) {
	r, w := pipe(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"=parent")
	cmd.ExtraFiles = []*os.File{w}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var pids [2]int
	for i := range pids {
		if _, err := fmt.Fscan(out, &pids[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err != nil {
			t.Errorf("pid %d: %v", pid, err)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	_ = r.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := r.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a child outlived its parent: %v", err)
	}
}

// playParent launches two programs, one with a fork, and lets both wait at a sync point for ever.
func playParent() int {
	w := os.NewFile(3, "pipe")
	for _, fork := range []bool{false, true} {
		b := &Builder{StatusFD: 9}
		if fork {
			b.Fork("fork", unix.CLONE_PARENT)
		}
		b.Sync("wait", 0, nil, Arg{}, 0, func(c *Child, _ []*os.File) ([]byte, error) {
			fmt.Println(c.Pid())
			select {}
		})
		b.Stop(0)
		p, err := b.Program()
		if err != nil {
			return 2
		}
		c, err := Start(p, Options{Files: []File{{w, witnessFD, true}}})
		if err != nil {
			return 2
		}
		go func() { _ = c.Drive(context.Background()) }()
	}
	unix.CloseOnExec(3)
	time.Sleep(time.Hour)
	return 0
}
