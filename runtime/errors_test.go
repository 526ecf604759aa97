package runtime

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// TestSentinels: what callers branch on is found by errors.Is, and the container is named.
func TestSentinels(t *testing.T) {
	b := newBox(t)
	ctx := t.Context()
	c, p := b.create("here", b.spec("true"))
	stopped, q := b.run("stopped", b.spec("true"))
	b.wait(q)
	process := b.process("true")
	for name, test := range map[string]struct {
		err  error
		want error
	}{
		"load":               {second(b.store.Load("nobody")), ErrNotExist},
		"delete":             {b.store.Delete(ctx, "nobody", false), ErrNotExist},
		"forced delete":      {b.store.Delete(ctx, "nobody", true), ErrNotExist},
		"load of no id":      {second(b.store.Load("../here")), ErrInvalidID},
		"delete of no id":    {b.store.Delete(ctx, "", true), ErrInvalidID},
		"create of no id":    {third(b.store.Create(ctx, "a/b", b.options(b.spec("true")))), ErrInvalidID},
		"create again":       {third(b.store.Create(ctx, "here", b.options(b.spec("true")))), ErrExist},
		"run again":          {third(b.store.Run(ctx, "here", b.options(b.spec("true")))), ErrExist},
		"replace a live one": {third(b.store.Run(ctx, "here", replacing(b.options(b.spec("true"))))), ErrExist},
		"delete a live one":  {c.Destroy(ctx, false), ErrRunning},
		"exec before start":  {second(c.Exec(ctx, ExecOptions{Process: process})), ErrNotRunning},
		"exec after the end": {second(stopped.Exec(ctx, ExecOptions{Process: process})), ErrNotRunning},
		"signal":             {stopped.Signal(ctx, syscall.SIGTERM, false), ErrNotRunning},
		"start of a stopped": {stopped.Start(ctx), ErrNotRunning},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%s: %v is not %v", name, test.err, test.want)
		}
	}
	if err := c.Signal(ctx, 12345, false); err == nil || errors.Is(err, ErrNotRunning) {
		t.Errorf("a signal that is none: %v", err)
	}
	if _, err := c.Exec(ctx, ExecOptions{}); err == nil {
		t.Error("exec of nothing")
	}
	b.destroy(c, p)
	b.destroy(stopped, q)
	for name, err := range map[string]error{
		"state": second(c.State()), "spec": second(c.Spec()), "destroy": c.Destroy(ctx, true), "start": c.Start(ctx),
		"exec": second(c.Exec(ctx, ExecOptions{Process: process})), "record": c.RecordExit(ExitStatus{}),
	} {
		if !errors.Is(err, ErrNotExist) {
			t.Errorf("%s of a container that is gone: %v", name, err)
		}
	}
	b.nothingLeft("after all errors")
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func replacing(o CreateOptions) CreateOptions {
	o.Replace = true
	return o
}

// TestReplace: what a predecessor of the same id left makes room.
func TestReplace(t *testing.T) {
	b := newBox(t)
	for i, text := range []string{"exit 1", "exit 2", "exit 3"} {
		c, p, err := b.store.Run(t.Context(), "again", replacing(b.options(b.script(text))))
		if err != nil {
			t.Fatal(err)
		}
		if code := b.wait(p); code != i+1 {
			t.Error(code)
		}
		if i == 2 {
			b.destroy(c, p)
		}
	}
	b.nothingLeft("after the last")
}

// TestFailedLaunches: each way to fail has its typed error, says what to do, and leaves nothing.
func TestFailedLaunches(t *testing.T) {
	b := newBox(t)
	fifo := filepath.Join(b.dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(b.dir, "file"), "")
	for _, test := range []struct {
		name   string
		change func(s *specs.Spec, o *CreateOptions)
		check  func(error) bool
		words  string
	}{
		{"no executable", func(s *specs.Spec, _ *CreateOptions) { s.Process.Args[0] = "nope" }, executable("nope", unix.ENOENT), "executable file not found in $PATH"},
		{"no executable at a path", func(s *specs.Spec, _ *CreateOptions) { s.Process.Args[0] = "/nope" }, executable("/nope", unix.ENOENT), "stat /nope: no such file or directory"},
		{"not executable", func(s *specs.Spec, _ *CreateOptions) { s.Process.Args[0] = "/not-executable" }, executable("/not-executable", unix.EACCES), "permission denied"},
		{"a directory", func(s *specs.Spec, _ *CreateOptions) { s.Process.Args[0] = "/bin" }, executable("/bin", unix.EISDIR), "is a directory"},
		{"no source", func(s *specs.Spec, _ *CreateOptions) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/x", Type: "bind", Source: b.dir + "/nope", Options: []string{"bind"}})
		}, step(unix.ENOENT, b.dir+"/nope"), "to bind it on /x"},
		{"no file system", func(s *specs.Spec, _ *CreateOptions) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/x", Type: "nopefs", Source: "x"})
		}, step(unix.ENODEV, ""), "mount nopefs on /x"},
		{"no option", func(s *specs.Spec, _ *CreateOptions) { s.Mounts[3].Options = []string{"nope=1"} }, step(unix.EINVAL, ""), "nope=1 is not one of tmpfs's"},
		{"a file below a file", func(s *specs.Spec, _ *CreateOptions) { s.Mounts[3].Destination = "/bin/busybox/x" }, step(unix.ENOTDIR, ""), "mount point"},
		{"cwd is a file", func(s *specs.Spec, _ *CreateOptions) { s.Process.Cwd = "/bin/busybox" }, step(unix.ENOTDIR, ""), "working directory"},
		{"no devpts", func(s *specs.Spec, _ *CreateOptions) {
			s.Process.Terminal = true
			s.Mounts = append(s.Mounts[:2:2], s.Mounts[3:]...)
		}, step(unix.ENOENT, "/dev/pts/ptmx"), "needs a devpts mount"},
		{"no namespace", func(s *specs.Spec, _ *CreateOptions) { s.Linux.Namespaces[2].Path = b.dir + "/nope" }, errIs(unix.ENOENT), "namespace to join"},
		{"a FIFO for a namespace", func(s *specs.Spec, _ *CreateOptions) { s.Linux.Namespaces[2].Path = fifo }, nil, "is no namespace"},
		{"another namespace", func(s *specs.Spec, _ *CreateOptions) { s.Linux.Namespaces[2].Path = "/proc/self/ns/uts" }, nil, "of another type"},
		{"pid file", func(_ *specs.Spec, o *CreateOptions) { o.PidFile = b.dir + "/nope/pid" }, errIs(unix.ENOENT), "pid file"},
		{"console socket", func(s *specs.Spec, o *CreateOptions) {
			s.Process.Terminal = true
			o.ConsoleSocket = b.dir + "/nope"
		}, errIs(unix.ENOENT), ""},
		{"rootfs is a file", func(s *specs.Spec, _ *CreateOptions) { s.Root.Path = b.dir + "/file" }, nil, "is not a directory"},
		{"rootfs is missing", func(s *specs.Spec, _ *CreateOptions) { s.Root.Path = b.dir + "/nope" }, nil, "is not there"},
		{"configuration", func(s *specs.Spec, _ *CreateOptions) { s.Process.Cwd = "relative"; s.Version = "99.0.0" }, config(2), "process.cwd"},
		{"a NUL", func(s *specs.Spec, _ *CreateOptions) { s.Process.Env = []string{"A=\x00"} }, config(1), "process.env[0]"},
		{"no process", func(s *specs.Spec, _ *CreateOptions) { s.Process = nil }, nil, "process"},
		{"idmap", func(_ *specs.Spec, o *CreateOptions) { o.IDMap = "nonsense" }, nil, "--idmap=nonsense"},
	} {
		for _, wait := range []bool{true, false} {
			before := len(descriptors())
			s := b.spec("true")
			o := b.options(s)
			test.change(s, &o)
			do := b.store.Run
			if wait {
				do = b.store.Create
			}
			c, p, err := do(t.Context(), "fails", o)
			if err == nil {
				b.destroy(c, p)
				t.Errorf("%s: no error", test.name)
				continue
			}
			if test.check != nil && !test.check(err) || !strings.Contains(err.Error(), test.words) {
				t.Errorf("%s: %v (%#v)", test.name, err, errors.Unwrap(err))
			}
			b.nothingLeft(test.name)
			if after := len(descriptors()); after != before {
				t.Errorf("%s: %d descriptors before, %d after", test.name, before, after)
			}
		}
	}
}

func errIs(want error) func(error) bool { return func(err error) bool { return errors.Is(err, want) } }

func executable(name string, errno syscall.Errno) func(error) bool {
	return func(err error) bool {
		var e *ExecutableError
		return errors.As(err, &e) && e.Name == name && e.Errno == errno && errors.Is(err, errno)
	}
}

func step(errno syscall.Errno, path string) func(error) bool {
	return func(err error) bool {
		var e *LaunchError
		return errors.As(err, &e) && e.Errno == errno && e.Label != "" && (path == "" || e.Path == path) && errors.Is(err, errno)
	}
}

func config(problems int) func(error) bool {
	return func(err error) bool {
		var e *ConfigError
		return errors.As(err, &e) && len(e.Problems) == problems
	}
}

// TestFailedStart: what fails after create has returned is told by start.
func TestFailedStart(t *testing.T) {
	b := newBox(t)
	put(t, b.rootfs+"/bad", "#!/nope\n")
	if err := os.Chmod(b.rootfs+"/bad", 0o755); err != nil {
		t.Fatal(err)
	}
	c, p := b.create("bad", b.spec("/bad"))
	if err := c.Start(t.Context()); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "exec /bad") {
		t.Errorf("no interpreter: %v", err)
	}
	_, _ = p.Wait(t.Context())
	b.is(c, Stopped, 0)
	b.destroy(c, p)

	c, p = b.create("killed", b.spec("true"))
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	_, _ = p.Wait(t.Context())
	if err := c.Start(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("killed before: %v", err)
	}
	b.destroy(c, p)

	c, p = b.create("cancelled", b.spec("true"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	b.is(c, Created, p.Pid())
	if err := c.Start(t.Context()); err != nil {
		t.Errorf("and then: %v", err)
	}
	b.wait(p)
	b.destroy(c, p)
	b.nothingLeft("after failed starts")
}

// TestFailedExec likewise.
func TestFailedExec(t *testing.T) {
	b := newBox(t)
	c, p := b.run("exec", b.spec("sleep", "1000"))
	for _, test := range []struct {
		name   string
		change func(*ExecOptions)
		check  func(error) bool
	}{
		{"no executable", func(o *ExecOptions) { o.Process.Args[0] = "nope" }, executable("nope", unix.ENOENT)},
		{"not executable", func(o *ExecOptions) { o.Process.Args[0] = "/not-executable" }, executable("/not-executable", unix.EACCES)},
		{"no directory", func(o *ExecOptions) { o.Process.Cwd = "/nope" }, step(unix.ENOENT, "/nope")},
		{"no absolute directory", func(o *ExecOptions) { o.Process.Cwd = "nope" }, config(1)},
		{"a leaked directory", func(o *ExecOptions) { o.Process.Cwd = "/proc/self/fd/7" }, func(err error) bool { return err != nil }},
		{"pid file", func(o *ExecOptions) { o.PidFile = b.dir + "/nope/pid" }, errIs(unix.ENOENT)},
		{"a capability that is not there", func(o *ExecOptions) {
			o.Process.Capabilities = &specs.LinuxCapabilities{Effective: []string{"CAP_SYS_ADMIN"}} // effective, but not permitted
		}, func(err error) bool { return err != nil }},
	} {
		before := len(descriptors())
		o := ExecOptions{Process: b.process("true"), ExtraFiles: []*os.File{b.w}}
		test.change(&o)
		if e, err := c.Exec(t.Context(), o); err == nil {
			b.wait(e)
			t.Errorf("%s: no error", test.name)
		} else if !test.check(err) || !strings.HasPrefix(err.Error(), "container exec: ") {
			t.Errorf("%s: %v", test.name, err)
		}
		if after := len(descriptors()); after != before {
			t.Errorf("%s: %d descriptors before, %d after", test.name, before, after)
		}
	}
	b.destroy(c, p)
	b.nothingLeft("after failed execs")
}

// TestMessages that have a form of their own.
func TestMessages(t *testing.T) {
	for _, test := range []struct{ err, want string }{
		{(&ExecutableError{"x", unix.EACCES}).Error(), `exec: "x": permission denied`},
		{(&ExecutableError{"x", unix.ENOENT}).Error(), `exec: "x": executable file not found in $PATH; install it in the root file system, or set PATH`},
		{(&ExecutableError{"/x", unix.ENOENT}).Error(), `exec: "/x": stat /x: no such file or directory`},
		{(&LaunchError{Step: launch.Step{Label: "mount x", Remedy: "do y"}, Errno: unix.EPERM}).Error(), "mount x: operation not permitted; do y"},
		{ExitStatus{Code: 3}.String(), "3"}, {ExitStatus{Unknown: true}.String(), "unknown"},
	} {
		if test.err != test.want {
			t.Errorf("%s\nnot %s", test.err, test.want)
		}
	}
	if got := inWords(io.EOF, nil); got != io.EOF {
		t.Error(got)
	}
}
