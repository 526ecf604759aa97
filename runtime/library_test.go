package runtime

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestLife is a container from create to delete, with what each state allows.
func TestLife(t *testing.T) {
	b := newBox(t)
	keepsDescriptors(t, func() {
		r, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer out.Close()
		line := func() string { text, _ := bufio.NewReader(r).ReadString('\n'); return text }
		o := b.options(b.script("echo started; exec sleep 1000"))
		o.Stdio.Out = out
		c, p, err := b.store.Create(t.Context(), "life", o)
		if err != nil {
			t.Fatal(err)
		}
		b.is(c, Created, p.Pid())
		if err := c.Destroy(t.Context(), false); !errors.Is(err, ErrRunning) {
			t.Errorf("delete of a created container: %v", err)
		}
		if _, err := c.Exec(t.Context(), ExecOptions{Process: b.process("true")}); !errors.Is(err, ErrNotRunning) {
			t.Errorf("exec in a created container: %v", err)
		}
		if err := c.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.is(c, Running, p.Pid())
		if text := line(); text != "started\n" {
			t.Errorf("%q", text)
		}
		if err := c.Start(t.Context()); err == nil {
			t.Error("started twice")
		}
		if err := c.Signal(t.Context(), syscall.SIGKILL, false); err != nil {
			t.Error(err)
		}
		if code := b.wait(p); code != 137 {
			t.Error(code)
		}
		b.is(c, Stopped, 0)
		if err := c.Signal(t.Context(), syscall.SIGTERM, false); !errors.Is(err, ErrNotRunning) {
			t.Errorf("signal to a stopped container: %v", err)
		}
		if err := p.Signal(syscall.SIGTERM); !errors.Is(err, ErrNotRunning) {
			t.Errorf("signal to a process that has ended: %v", err)
		}
		if err := c.Start(t.Context()); !errors.Is(err, ErrNotRunning) {
			t.Errorf("start of a stopped container: %v", err)
		}
		if err := c.Destroy(t.Context(), false); err != nil {
			t.Error(err)
		}
		b.nothingLeft("after its life")
	})
}

func (b *box) is(c *Container, status Status, pid int) {
	b.t.Helper()
	s, err := c.State()
	if err != nil || s.Status != status || s.Pid != pid || s.ID != c.ID() || s.Rootfs != b.rootfs {
		b.t.Errorf("%+v, %v; not %s", s, err, status)
	}
	list, problems, err := b.store.List(b.t.Context())
	if err != nil || len(problems) > 0 || len(list) != 1 || list[0].Status != status {
		b.t.Errorf("list: %+v, %v, %v", list, problems, err)
	}
}

// process is for an exec.
func (b *box) process(args ...string) *specs.Process {
	return &specs.Process{Args: args, Cwd: "/", Env: []string{"PATH=/bin", "MARK=" + ownMark()}}
}

// TestSeveralProcesses run in one container, each with a status of its own; the container is the first one's.
func TestSeveralProcesses(t *testing.T) {
	b := newBox(t)
	c, first := b.run("several", b.spec("sleep", "1000"))
	var others []*Process
	for range 3 {
		p, err := c.Exec(t.Context(), ExecOptions{Process: b.process("sh", "-c", "sleep 1000 & wait"), ExtraFiles: []*os.File{b.w}})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, p)
	}
	until(t, "seven processes", func() bool {
		pids, err := c.Processes()
		return err == nil && len(pids) == 7
	})
	pids, err := c.Processes()
	if err != nil || !slices.IsSorted(pids) || !slices.Contains(pids, first.Pid()) || !slices.Contains(pids, others[2].Pid()) {
		t.Errorf("%v, %v; the first is %d", pids, err, first.Pid())
	}
	if err := others[0].Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if code := b.wait(others[0]); code != 128+15 {
		t.Error(code)
	}
	p, err := c.Exec(t.Context(), ExecOptions{Process: b.process("sh", "-c", "exit 42")})
	if err != nil {
		t.Fatal(err)
	}
	if code := b.wait(p); code != 42 {
		t.Error(code)
	}
	b.is(c, Running, first.Pid())
	if err := c.Signal(t.Context(), syscall.SIGKILL, true); err != nil {
		t.Error(err)
	}
	for _, p := range append(others[1:], first) {
		if code := b.wait(p); code != 137 {
			t.Errorf("%d: %d", p.Pid(), code)
		}
	}
	if pids, err := c.Processes(); err != nil || len(pids) > 0 {
		t.Errorf("after the end: %v, %v", pids, err)
	}
	if err := c.Destroy(t.Context(), false); err != nil {
		t.Error(err)
	}
	b.nothingLeft("after all were killed")
}

// TestOrphans: without a pid namespace, what the first process leaves behind ends with the container.
func TestOrphans(t *testing.T) {
	b := newBox(t)
	s := b.script("(sleep 1000 &) ; (sleep 1000 &) ; exit 3")
	s.Linux.Namespaces = namespaces(specs.MountNamespace, specs.UTSNamespace)
	s.Mounts = s.Mounts[1:] // the host's proc is not to be had
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	c, p := b.run("orphans", s)
	if code := b.wait(p); code != 3 {
		t.Error(code)
	}
	pids, err := c.Processes()
	if err != nil || len(pids) != 2 {
		t.Errorf("%v, %v", pids, err)
	}
	if err := c.Signal(t.Context(), 0, true); err != nil {
		t.Error(err)
	}
	if err := c.Destroy(t.Context(), false); err != nil {
		t.Error(err)
	}
	b.nothingLeft("after delete")
}

// TestDescendants: without a pid namespace, a process belongs to the container as long as those above it do, whatever session
// it is in.
func TestDescendants(t *testing.T) {
	b := newBox(t)
	s := b.script("setsid sh -c 'setsid sleep 1000; true' & wait")
	s.Linux.Namespaces = namespaces(specs.MountNamespace, specs.UTSNamespace)
	s.Mounts = s.Mounts[1:]
	s.Linux.MaskedPaths, s.Linux.ReadonlyPaths = nil, nil
	c, p := b.run("family", s)
	until(t, "three processes", func() bool {
		pids, err := c.Processes()
		return err == nil && len(pids) == 3 && slices.Contains(pids, p.Pid())
	})
	b.destroy(c, p)
	b.nothingLeft("after delete")
}

// TestDestroyBeforeWait: processes that nobody has waited for yet do not keep a container from being destroyed, and their
// statuses are there afterwards.
func TestDestroyBeforeWait(t *testing.T) {
	b := newBox(t)
	c, p := b.run("unwaited", b.spec("sleep", "1000"))
	var others []*Process
	for _, args := range [][]string{{"sleep", "1000"}, {"sh", "-c", "exit 6"}} {
		e, err := c.Exec(t.Context(), ExecOptions{Process: b.process(args...)})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, e)
	}
	until(t, "one that has ended", func() bool {
		pids, err := c.Processes()
		return err == nil && len(pids) == 2
	})
	if err := c.Destroy(t.Context(), true); err != nil {
		t.Error(err)
	}
	for i, want := range []int{137, 6} {
		if code := b.wait(others[i]); code != want {
			t.Errorf("%d, not %d", code, want)
		}
	}
	if code := b.wait(p); code != 137 {
		t.Error(code)
	}
	b.nothingLeft("after delete")
}

// TestWaitContext: a context that ends ends a Wait and nothing else; whoever waits next gets the status.
func TestWaitContext(t *testing.T) {
	b := newBox(t)
	c, p := b.run("waits", b.spec("sleep", "1000"))
	cause := errors.New("enough")
	for range 3 {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(5*time.Millisecond, func() { cancel(cause) })
		if _, err := p.Wait(ctx); !errors.Is(err, cause) {
			t.Errorf("Process.Wait: %v", err)
		}
		if _, err := c.Wait(ctx); !errors.Is(err, cause) {
			t.Errorf("Container.Wait: %v", err)
		}
	}
	b.is(c, Running, p.Pid())
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	statuses := make(chan ExitStatus)
	for range 3 {
		go func() {
			status, err := p.Wait(t.Context())
			if err != nil {
				t.Error(err)
			}
			statuses <- status
		}()
	}
	for range 3 {
		if status := <-statuses; status != (ExitStatus{Code: 137}) {
			t.Error(status)
		}
	}
	if status, err := c.Wait(t.Context()); err != nil || !status.Unknown && status.Code != 137 {
		t.Error(status, err)
	}
}

// TestRecordedExit: who comes later is told what was recorded.
func TestRecordedExit(t *testing.T) {
	b := newBox(t)
	c, p := b.run("recorded", b.script("exit 5"))
	b.wait(p)
	if status, err := c.Wait(t.Context()); err != nil || !status.Unknown {
		t.Error(status, err)
	}
	if err := c.RecordExit(ExitStatus{Code: 5}); err != nil {
		t.Fatal(err)
	}
	again, err := b.store.Load("recorded")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := again.Wait(t.Context()); err != nil || status != (ExitStatus{Code: 5}) {
		t.Error(status, err)
	}
}

// TestForeignChildren: children that are not the library's stay waitable for whoever made them.
func TestForeignChildren(t *testing.T) {
	b := newBox(t)
	foreign := exec.Command("/bin/sh", "-c", "exit 9")
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // it has ended, and waits for us
	c, p := b.run("family", b.script("exit 4"))
	if code := b.wait(p); code != 4 {
		t.Error(code)
	}
	if err := c.Destroy(t.Context(), true); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := foreign.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 9 {
		t.Error(err)
	}
}

// TestUsers: by name and number, by the container's own files.
func TestUsers(t *testing.T) {
	b := newBox(t)
	c, _ := b.run("users", b.spec("sleep", "1000"))
	for _, test := range []struct{ user, want string }{
		{"root", "0 0 /root"}, {"0", "0 0 /root"}, {"0:0", "0 0 /root"},
		{"bob", "7 8 /"}, {"7", "7 8 /"}, {"bob:users", "7 100 /"}, {"bob:101", "7 101 /"},
		{"carol", "! no such user"}, {"root:carol", "! no such group"}, {"01", "! is no id"}, {"-1", "! is no id"},
	} {
		out, read := output(t)
		process := b.process("sh", "-c", "echo $(id -u) $(id -g) $HOME")
		p, err := c.Exec(t.Context(), ExecOptions{Process: process, User: test.user, Stdio: Stdio{Out: out}})
		words, refused := strings.CutPrefix(test.want, "! ")
		switch {
		case err != nil && strings.Contains(err.Error(), "not mapped"):
			t.Logf("%s: skipped, only one id is mapped: sub-ids are missing", test.user)
		case refused:
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%s: %v, not %s", test.user, err, words)
			}
		case err != nil:
			t.Errorf("%s: %v", test.user, err)
		default:
			b.wait(p)
			if text := strings.TrimSpace(read()); text != test.want {
				t.Errorf("%s: %q, not %q", test.user, text, test.want)
			}
			continue
		}
		read()
	}
}

// TestInit: our pid 1 waits for orphans, forwards signals, and ends as the process does.
func TestInit(t *testing.T) {
	b := newBox(t)
	o := b.options(b.script("trap 'exit 7' TERM; (sleep 0.01 &); echo $$; while :; do sleep 0.05; done"))
	out, read := output(t)
	o.Init, o.Stdio.Out = true, out
	c, p, err := b.store.Run(t.Context(), "init", o)
	if err != nil {
		t.Fatal(err)
	}
	defer b.destroy(c, p)
	until(t, "a shell in its loop", func() bool {
		pids, err := c.Processes()
		return err == nil && len(pids) >= 3
	})
	e, err := c.Exec(t.Context(), ExecOptions{Process: b.process("true")})
	if err != nil {
		t.Fatal(err)
	}
	b.wait(e)
	if err := c.Signal(t.Context(), syscall.SIGTERM, false); err != nil {
		t.Error(err)
	}
	if code := b.wait(p); code != 7 {
		t.Error(code)
	}
	if text := read(); text != "2\n" {
		t.Errorf("the process is %q", text)
	}
}

// TestLogger: what is logged goes to the injected logger and nowhere else.
func TestLogger(t *testing.T) {
	b := newBox(t)
	s := b.spec("true")
	s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: []string{"CAP_OF_TOMORROW"}}
	c, p := b.run("logs", s)
	b.wait(p)
	if !strings.Contains(b.log.String(), "given up") || !strings.Contains(b.log.String(), "CAP_OF_TOMORROW") {
		t.Errorf("%q", b.log)
	}
	if st, err := c.State(); err != nil || !strings.Contains(st.Annotations[GivenUpAnnotation], "CAP_OF_TOMORROW") {
		t.Errorf("%+v, %v", st, err)
	}
}
