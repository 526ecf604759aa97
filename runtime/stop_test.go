package runtime

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/launch"
)

var everyStep = flag.Bool("every-step", false, "stop containers at every single step, not only at every thirteenth in the middle")

// shapes are containers whose programs differ in what they fork and wait for.
func (b *box) shapes() map[string]CreateOptions {
	terminal := b.spec("true")
	terminal.Process.Terminal = true
	clocks := b.spec("true")
	clocks.Linux.Namespaces = append(clocks.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
	clocks.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 1}}
	without := b.spec("true")
	without.Root.Path = "rootfs"
	without.Mounts = append([]specs.Mount{
		{Destination: "/", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=755"}},
		{Destination: "/bin", Type: "overlay", Source: "overlay", Options: []string{"lowerdir=" + b.rootfs + "/bin", "upper=tmpfs"}},
		{Destination: "/sbin", Type: "symlink", Source: "bin"},
	}, without.Mounts...)
	under := b.options(b.spec("true"))
	under.Init = true
	shared := b.hooked("true")
	withoutPids(shared)
	hooksUnder := b.options(b.hooked("true"))
	hooksUnder.Init = true
	return map[string]CreateOptions{
		"hooks": b.options(b.hooked("true")), "hooks, no pid namespace": b.options(shared), "hooks, init": hooksUnder,
		"terminal": b.options(terminal), "second fork": b.options(clocks), "no bundle": b.options(without), "init": under,
	}
}

// TestStopAtEveryStep: a container's program that is killed before any of its steps leaves no process, mount or directory,
// whoever it is that ends there, and Create and Run return.
func TestStopAtEveryStep(t *testing.T) {
	b := newBox(t)
	for name, o := range b.shapes() {
		for _, wait := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, wait %v", name, wait), func(t *testing.T) {
				b.t = t
				if _, err := os.Stat("/proc/self/ns/time"); err != nil && name == "second fork" {
					t.Skip("needs a kernel with time namespaces")
				}
				b.stopAll(o, wait)
			})
		}
	}
}

func (b *box) stopAll(o CreateOptions, wait bool) {
	b.t.Helper()
	steps := b.steps(o, wait)
	do := b.store.Run
	if wait {
		do = b.store.Create
	}
	stride, failures, tries := 13, 0, 0
	switch {
	case *everyStep:
		stride = 1
	case testing.Short():
		stride = 31
	}
	// The first steps and the last, where the namespaces are made and the process is let go, one by one.
	for i := 1; i < steps; i++ {
		if near := i < 20 || i > steps-15; !near && i%stride != 0 {
			continue
		}
		o.stopAt, o.ExtraFiles = i, []*os.File{b.w}
		tries++
		c, p, err := do(context.Background(), "stopped", o)
		if err != nil {
			failures++
			var step *LaunchError
			var hook *HookError
			ofHook := errors.As(err, &hook) && hook.Err == hookEnd(255<<8) // it was the hook's process that ended there
			if errors.As(err, &step) || !ofHook && !errors.Is(err, launch.ErrDied) {
				b.t.Errorf("before step %d: %v", i, err)
			}
		} else {
			// The end came after all was set up, or on the other side of a jump.
			if wait {
				_ = c.Start(context.Background())
			}
			if console := p.Console(); console != nil {
				console.Close()
			}
			b.destroy(c, p)
		}
		b.nothingLeft(fmt.Sprintf("before step %d", i))
	}
	b.t.Logf("%d steps, %d stops, %d errors", steps, tries, failures)
	if failures < tries/3 {
		b.t.Errorf("only %d of %d stops were noticed", failures, tries)
	}
}

// steps is how many the program has.
func (b *box) steps(o CreateOptions, wait bool) int {
	b.t.Helper()
	plan, err := b.store.Plan(context.Background(), "stopped", o)
	if err != nil {
		b.t.Fatal(err)
	}
	program, _, err := compile(plan, plan.layout(1, wait), actions{}, false)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(program.Steps)
}

// TestStopExec: the same for a process that joins. The container goes on.
func TestStopExec(t *testing.T) {
	b := newBox(t)
	c, p := b.run("exec", b.spec("sleep", "1000"))
	process := b.process("true")
	process.Terminal = true
	o := ExecOptions{Process: process, ExtraFiles: []*os.File{b.w}}
	steps := execSteps(t, c, o)
	for o.stopAt = 1; o.stopAt < steps; o.stopAt++ {
		e, err := c.Exec(t.Context(), o)
		if err == nil { // the end came on the other side of a fork or a jump
			if _, err := e.Wait(t.Context()); err != nil {
				t.Error(err)
			}
			e.Console().Close()
		} else if !errors.Is(err, launch.ErrDied) {
			t.Errorf("before step %d: %v", o.stopAt, err)
		}
		if pids, err := c.Processes(); err != nil || len(pids) != 1 {
			t.Errorf("before step %d: left in the container: %v, %v", o.stopAt, pids, err)
		}
	}
	b.destroy(c, p)
	b.nothingLeft("after all")
}

func execSteps(t *testing.T, c *Container, o ExecOptions) int {
	t.Helper()
	target, err := c.joinTarget()
	if err != nil {
		t.Fatal(err)
	}
	defer target.close()
	plan, err := target.plan(c, o)
	if err != nil {
		t.Fatal(err)
	}
	program, _, err := compileExec(execPlan{process: &plan.Process, flags: target.flags, keyring: "_ses." + c.id, deadline: defaultExecDeadline}, layout{extra: 1, joins: 1}, actions{}, false)
	if err != nil {
		t.Fatal(err)
	}
	return len(program.Steps)
}

// TestMakerDies: what a maker that is killed leaves is cleared, whatever of it there is.
func TestMakerDies(t *testing.T) {
	b := newBox(t)
	for name, spoil := range map[string]func(d string) error{
		"nothing":      func(string) error { return nil },
		"no record":    func(d string) error { return os.Remove(d + "/state.json") },
		"empty record": func(d string) error { return os.Truncate(d+"/state.json", 0) },
		"no link":      func(d string) error { return os.Remove(d + "/process") },
		"no config":    func(d string) error { return os.Remove(d + "/config.json") },
		"creating":     func(d string) error { return os.Rename(d+"/start", d+"/creating") },
		"temporary files": func(d string) error {
			return errors.Join(os.WriteFile(d+"/.state.json", nil, 0o600), os.WriteFile(d+"/.exit", nil, 0o600), os.WriteFile(d+"/exit", nil, 0o600))
		},
	} {
		_, p := b.create("left", b.spec("true"))
		if err := spoil(b.store.root + "/left"); err != nil {
			t.Fatal(err)
		}
		if err := b.store.Delete(t.Context(), "left", true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if status, err := p.Wait(t.Context()); err != nil || status.Code != 128+int(syscall.SIGKILL) {
			t.Errorf("%s: %v, %v", name, status, err)
		}
		b.nothingLeft(name)
	}
}

// TestClear takes away what nobody will ask for, and nothing else.
func TestClear(t *testing.T) {
	b := newBox(t)
	_, p := b.run("ended", b.spec("true")) // an engine will ask for it
	b.wait(p)
	b.create("created", b.spec("true"))
	b.run("running", b.spec("sleep", "1000"))
	if err := os.Mkdir(b.store.root+"/half", 0o700); err != nil {
		t.Fatal(err)
	}
	_, old := b.create("old", b.spec("true"))
	raw, err := os.ReadFile(b.store.root + "/old/state.json")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := decodeRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	rec.process.boot = "00000000-0000-0000-0000-000000000000"
	put(t, b.store.root+"/old/state.json", string(rec.encode()))
	_ = old.Signal(syscall.SIGKILL) // as at an earlier boot
	_, _ = old.Wait(t.Context())
	removed, err := b.store.Clear(t.Context())
	if err != nil || fmt.Sprint(removed) != "[half old]" {
		t.Errorf("%v, %v", removed, err)
	}
	if removed, err = b.store.Clear(t.Context()); err != nil || len(removed) > 0 {
		t.Errorf("again: %v, %v", removed, err)
	}
}

// The child of a command that was killed has its lock for a moment longer.
func TestClearAwaitsTheFirstStep(t *testing.T) {
	b := newBox(t)
	d, err := b.store.makeDirectory("killed")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, d.close)
	if removed, err := b.store.Clear(t.Context()); err != nil || fmt.Sprint(removed) != "[killed]" {
		t.Errorf("%v, %v", removed, err)
	}
}
