package runtime

import (
	"context"
	"os"
	"strings"
	"syscall"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/terminal"
)

// Failure is what a program can read of an error. What is not known is empty.
type Failure struct {
	Code  string        // see docs/errors.md; "" for an error of nobody's here
	Kind  string        // with E_DEGRADED: of what, see docs/degrading.md
	Errno syscall.Errno // what the kernel said
	Exit  int           // the status with which a command should end that was to run the process: 127, 126 or 125
	Step  string        // of the launch, as `roost explain --syscalls` names it
	Path  string        // what it is about: a file, or a place in the configuration such as process.args
	Hint  string        // the remedy alone
}

// FailureOf reads an error of this package, of userns or of idmap.
func FailureOf(err error) Failure {
	var f Failure
	var code fault.Code
	fault.Walk(err, func(e error) bool {
		see := func(c fault.Code, kind, path, hint string) {
			if code == "" {
				code, f.Kind = c, kind
			}
			f.Path, f.Hint = first(f.Path, path), first(f.Hint, hint)
		}
		switch e := e.(type) {
		case *fault.Error:
			see(e.Code, e.Kind, "", e.Hint)
		case *launch.Error:
			f.Step = first(f.Step, e.Label)
			see(stepCode(e), e.Kind, e.Path, e.Remedy)
		case *ExecutableError:
			f.Step = first(f.Step, "find "+e.Name)
			see(e.Code(), "", e.Name, e.Remedy())
		case *HookError:
			f.Step = first(f.Step, e.Hook)
			see(fault.Hook, "", e.Path, "")
		case *spec.Error:
			see(configCode(e))
		case *os.PathError:
			see("", "", e.Path, "")
		case terminal.Interrupted:
			see(fault.Interrupted, "", "", "")
		case syscall.Errno:
			if f.Errno == 0 {
				f.Errno = e
			}
		default:
			see(otherCode(e), "", "", "")
			if r, ok := e.(fault.Remedier); ok {
				see("", "", "", r.Remedy())
			}
		}
		return true
	})
	if code == "" && f.Errno != 0 {
		code = fault.System
	}
	if code != fault.Degraded {
		f.Kind = ""
	}
	f.Code, f.Exit = string(code), code.Exit()
	return f
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// stepCode is that of a step that failed.
func stepCode(e *launch.Error) fault.Code {
	switch code := fault.Code(e.Code); {
	case e.Kind != "" && refusals(e.Errno):
		return fault.Degraded
	case code == fault.ExecFormat:
		return execCode(e.Errno)
	case code != "":
		return code
	}
	return fault.System
}

// refusals are the errnos of what cannot be had here, rather than of a mistake.
func refusals(errno syscall.Errno) bool {
	switch errno {
	case syscall.EPERM, syscall.EACCES, syscall.EBUSY, syscall.ENODEV, syscall.EINVAL, syscall.ENOSYS, syscall.EDQUOT, syscall.ENOMEM, syscall.ESRCH:
		return true
	}
	return false
}

// configCode is that of a configuration that is refused: for what it says, unless a policy alone is in its way.
func configCode(e *spec.Error) (code fault.Code, kind, path, hint string) {
	for i, p := range e.Problems {
		if i == 0 {
			path = p.Path
		}
		if p.Kind == "" {
			return fault.Config, "", path, ""
		}
		kind = first(kind, p.Kind)
	}
	return fault.Degraded, kind, path, strings.TrimPrefix(degrade.Remedy(degrade.Kind(kind)), "or ")
}

func otherCode(err error) fault.Code {
	if c, ok := err.(fault.Coder); ok {
		return c.Code()
	}
	switch err {
	case launch.ErrDied:
		return fault.Died
	case launch.ErrDeadline, context.DeadlineExceeded:
		return fault.Timeout
	case context.Canceled:
		return fault.Interrupted
	}
	return ""
}
