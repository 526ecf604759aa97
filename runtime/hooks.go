package runtime

import (
	"fmt"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/launch"
)

// Hook is a program that is run at a point of the container's life.
type Hook struct {
	At      string // where it is in the configuration: hooks.createRuntime[1]
	Path    string
	Args    []string
	Env     []string      // all of it: nothing comes from the caller's
	Timeout time.Duration // 0: it may take as long as it wants
}

// Hooks are a container's, in the order in which they run. Those of createContainer and startContainer run in the container, the
// others on the host.
type Hooks struct {
	Prestart, CreateRuntime, CreateContainer, StartContainer, Poststart, Poststop []Hook
}

func planHooks(h *specs.Hooks) (p Hooks) {
	if h == nil {
		return p
	}
	p.Prestart = planHookList("prestart", h.Prestart) //nolint:staticcheck // deprecated, and in use
	p.CreateRuntime = planHookList("createRuntime", h.CreateRuntime)
	p.CreateContainer = planHookList("createContainer", h.CreateContainer)
	p.StartContainer = planHookList("startContainer", h.StartContainer)
	p.Poststart = planHookList("poststart", h.Poststart)
	p.Poststop = planHookList("poststop", h.Poststop)
	return p
}

func planHookList(name string, list []specs.Hook) (hooks []Hook) {
	for i, h := range list {
		p := Hook{At: fmt.Sprintf("hooks.%s[%d]", name, i), Path: h.Path, Args: h.Args, Env: h.Env}
		if len(p.Args) == 0 {
			p.Args = []string{h.Path}
		}
		if h.Timeout != nil {
			p.Timeout = time.Duration(*h.Timeout) * time.Second
		}
		hooks = append(hooks, p)
	}
	return hooks
}

// all are all of them.
func (h *Hooks) all() (list []Hook) {
	for _, l := range [][]Hook{h.Prestart, h.CreateRuntime, h.CreateContainer, h.StartContainer, h.Poststart, h.Poststop} {
		list = append(list, l...)
	}
	return list
}

func (h *Hooks) any() bool {
	return len(h.Prestart)+len(h.CreateRuntime)+len(h.CreateContainer)+len(h.StartContainer)+len(h.Poststart)+len(h.Poststop) > 0
}

// onHost reports whether there are some for the host before the root is changed.
func (h *Hooks) onHost() bool { return len(h.Prestart)+len(h.CreateRuntime) > 0 }

// inside is the hook of this number among those that run in the container, from 1, or nil: see [launch.Builder.About].
func (h *Hooks) inside(n int) *Hook {
	switch first := len(h.CreateContainer); {
	case n < 1 || n > first+len(h.StartContainer):
		return nil
	case n <= first:
		return &h.CreateContainer[n-1]
	default:
		return &h.StartContainer[n-1-first]
	}
}

// waitsFor is how long hooks may take that somebody waits for: with base for all else, or negative for endless.
func waitsFor(list []Hook, base time.Duration) time.Duration {
	for _, h := range list {
		if h.Timeout == 0 {
			return -1
		}
		base += h.Timeout
	}
	return base
}

// HookError is a hook that failed.
type HookError struct {
	Hook   string // where it is in the configuration: hooks.createRuntime[1]
	Path   string // its program
	Output string // what it said last, on both outputs; "" where that went to the container's
	Err    error  // an errno, if it could not be executed, or how it ended
}

func (e *HookError) Error() string {
	s := e.Hook + " " + e.Path + ": " + e.Err.Error()
	if e.Output != "" {
		s += "; its output: " + e.Output
	}
	return s
}

// Unwrap is the error without what it was that failed.
func (e *HookError) Unwrap() error { return e.Err }

// hookEnd is how a hook ended that was to end well.
type hookEnd syscall.WaitStatus

func (e hookEnd) Error() string {
	return (&launch.Error{Status: syscall.WaitStatus(e)}).Reason()
}

// hookTimeout is a hook that was killed when its time had passed.
type hookTimeout time.Duration

func (e hookTimeout) Error() string {
	return fmt.Sprintf("not done after its timeout of %v, and killed", time.Duration(e))
}

// explain says which hook in the container it was that a program failed at, if it was one.
func (h *Hooks) explain(e *launch.Error, output string) error {
	hook := h.inside(e.About)
	if hook == nil {
		return e
	}
	failed := &HookError{Hook: hook.At, Path: hook.Path, Err: e.Errno}
	switch {
	case e.Status != 0:
		failed.Err = hookEnd(e.Status)
	case e.Errno == syscall.ETIMEDOUT && hook.Timeout > 0:
		failed.Err = hookTimeout(hook.Timeout)
	}
	if e.About <= len(h.CreateContainer) { // the others speak to the container's standard error
		failed.Output = output
	}
	return failed
}
