package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/terminal"
	"github.com/roost-run/roost/userns"
)

// TestFailureOf: what wraps counts before what is wrapped, and each field is the first that is known.
func TestFailureOf(t *testing.T) {
	step := &launch.Error{Step: launch.Step{Label: "mount x on /y", Path: "/y", Remedy: "do z", Code: "E_MOUNT"}, Errno: unix.EPERM}
	denied := &launch.Error{Step: launch.Step{Label: "mount sysfs", Remedy: "run without", Code: "E_MOUNT", Kind: "sysfs"}, Errno: unix.EPERM}
	program := func(errno unix.Errno) error {
		return &launch.Error{Step: launch.Step{Label: "exec /x", Path: "/x", Code: string(fault.ExecFormat)}, Errno: errno}
	}
	for name, c := range map[string]struct {
		err  error
		want Failure
	}{
		"a step":             {fmt.Errorf("container x: %w", step), Failure{"E_MOUNT", "", unix.EPERM, 125, "mount x on /y", "/y", "do z"}},
		"a step of nothing":  {&launch.Error{Step: launch.Step{Label: "umask"}, Errno: unix.EIO}, Failure{Code: "E_SYSTEM", Errno: unix.EIO, Exit: 125, Step: "umask"}},
		"a policy":           {denied, Failure{"E_DEGRADED", "sysfs", unix.EPERM, 125, "mount sysfs", "", "run without"}},
		"a step, explained":  {fault.New(fault.Userns, "%w: AppArmor", step).Remedy("a profile"), Failure{"E_USERNS", "", unix.EPERM, 125, "mount x on /y", "/y", "a profile"}},
		"no interpreter":     {program(unix.ENOENT), Failure{"E_EXEC_NOT_FOUND", "", unix.ENOENT, 127, "exec /x", "/x", ""}},
		"no program":         {program(unix.ENOEXEC), Failure{"E_EXEC_FORMAT", "", unix.ENOEXEC, 126, "exec /x", "/x", ""}},
		"may not execute":    {program(unix.EACCES), Failure{"E_EXEC_PERMISSION", "", unix.EACCES, 126, "exec /x", "/x", ""}},
		"not found":          {&ExecutableError{"x", unix.ENOENT}, Failure{"E_EXEC_NOT_FOUND", "", unix.ENOENT, 127, "find x", "x", "install it in the root file system, or set PATH"}},
		"a sentinel":         {fmt.Errorf("container x: %w", ErrNotExist), Failure{Code: "E_NO_CONTAINER", Exit: 125}},
		"two":                {errors.Join(fmt.Errorf("a: %w", errBusy), step), Failure{"E_BUSY", "", unix.EPERM, 125, "mount x on /y", "/y", "`fuser` on its directory tells which: end that"}},
		"a file":             {&os.PathError{Op: "open", Path: "/f", Err: unix.ENOSPC}, Failure{Code: "E_SYSTEM", Errno: unix.ENOSPC, Exit: 125, Path: "/f"}},
		"a file of state":    {fault.New(fault.State, "x: %w", &os.PathError{Op: "open", Path: "/f", Err: unix.ENOSPC}), Failure{Code: "E_STATE", Errno: unix.ENOSPC, Exit: 125, Path: "/f"}},
		"a configuration":    {&spec.Error{Problems: []Problem{{Path: "a.b"}, {Path: "c", Kind: "sysfs"}}}, Failure{Code: "E_CONFIG", Exit: 125, Path: "a.b"}},
		"a policy's refusal": {&spec.Error{Problems: []Problem{{Path: "a.b", Kind: "sysfs"}, {Path: "c", Kind: "oom"}}}, Failure{Code: "E_DEGRADED", Kind: "sysfs", Exit: 125, Path: "a.b", Hint: "run without it: --degrade sysfs=warn"}},
		"killed":             {fmt.Errorf("process %w: killed", launch.ErrDied), Failure{Code: "E_DIED", Exit: 125}},
		"hung":               {launch.ErrDeadline, Failure{Code: "E_TIMEOUT", Exit: 125}},
		"too late":           {context.DeadlineExceeded, Failure{Code: "E_TIMEOUT", Exit: 125}},
		"cancelled":          {fmt.Errorf("x: %w", context.Canceled), Failure{Code: "E_INTERRUPTED", Exit: 125}},
		"a hook":             {fmt.Errorf("container x: %w", &HookError{Hook: "hooks.createRuntime[0]", Path: "/h", Err: unix.ENOENT}), Failure{"E_HOOK", "", unix.ENOENT, 125, "hooks.createRuntime[0]", "/h", ""}},
		"a signal":           {fmt.Errorf("x: %w", terminal.Interrupted{Signal: unix.SIGTERM}), Failure{Code: "E_INTERRUPTED", Exit: 125}},
		"a compiler's":       {errPrivate, Failure{Code: "E_INTERNAL", Exit: 125}},
		"somebody else's":    {errors.New("x"), Failure{Exit: 125}},
		"none":               {nil, Failure{Exit: 125}},
	} {
		if got := FailureOf(c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if f := FailureOf(userns.CloneError(unix.ENOSPC)); f.Code != "E_USERNS" || f.Errno != unix.ENOSPC || f.Hint == "" {
		t.Errorf("%+v", f)
	}
}
