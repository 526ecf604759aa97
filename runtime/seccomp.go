package runtime

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/seccomp"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/strictjson"
)

// seccompInput is what could be found out about linux.seccomp before there is a Plan.
type seccompInput struct {
	filter   *seccomp.Filter // nil where none is asked for, and where there is none
	problems []string        // of the section: "path: what"
	lacking  string          // why there is no filter, where the section is not to blame
}

// openFilter looks for the filter of a section, and has it made where it is not there yet.
func openFilter(ctx context.Context, root string, section []byte) (in seccompInput, err error) {
	if section == nil {
		return in, nil
	}
	in.filter, err = seccomp.Open(ctx, root, section)
	var bad *seccomp.ProfileError
	switch {
	case errors.As(err, &bad):
		in.problems = bad.Problems
	case errors.Is(err, seccomp.ErrNoHelper):
		in.lacking = err.Error()
	case err != nil:
		return in, fault.Mark(fault.Seccomp, fmt.Errorf("linux.seccomp: %w", err))
	default:
		if err := seccomp.Supported(in.filter.Flags); err != nil {
			in.filter, in.lacking = nil, err.Error()
		}
	}
	return in, nil
}

// confine takes the filter into the Plan, or says why not.
func (p *Plan) confine(in seccompInput, bad *planError) {
	for _, problem := range in.problems {
		path, text, _ := strings.Cut(problem, ": ")
		bad.add(path, "%s", text)
	}
	if in.lacking != "" {
		p.giveUp(degrade.Seccomp, "linux.seccomp", in.lacking, bad)
	}
	p.Process.Filter = in.filter
}

// listener is the name of the descriptor that leads to who is notified.
const listener = "seccomp listener"

// lateFiles are what the process needs between start and its execve.
func (p *ProcessPlan) lateFiles() []string {
	if p.Filter != nil && p.Filter.Notifies() {
		return []string{listener}
	}
	return nil
}

// dialListener connects to who is notified, if anybody is, before anything is made that would have to be undone.
func (p *ProcessPlan) dialListener() (*os.File, error) {
	if len(p.lateFiles()) == 0 {
		return nil, nil
	}
	f, err := p.Filter.Dial()
	if err != nil {
		return nil, fault.Mark(fault.Seccomp, fmt.Errorf("linux.seccomp.listenerPath: %w", err))
	}
	return f, nil
}

// maxListenerState is how long the text for the listener may be. It goes through the socket between parent and child as one
// message, which has about 200 KiB.
const maxListenerState = 128 << 10

// listenerState is the container process state (config-linux.md), with its length before it, as launch.Builder.SendFile has it.
func listenerState(r *record, f *seccomp.Filter, status Status, pid int) ([]byte, error) {
	b := append(make([]byte, 8, 1024), '{')
	text := func(key, value string) {
		b = strictjson.AppendKey(b, key)
		b = strictjson.AppendString(b, value)
	}
	number := func(key string, n int) {
		b = strictjson.AppendKey(b, key)
		b = strictjson.AppendUint(b, uint64(n))
	}
	text("ociVersion", spec.Version)
	b = strictjson.AppendKey(b, "fds")
	b = append(strictjson.AppendString(append(b, '['), specs.SeccompFdName), ']')
	number("pid", pid)
	if f.ListenerMetadata != "" {
		text("metadata", f.ListenerMetadata)
	}
	b = append(strictjson.AppendKey(b, "state"), r.hookState(status, r.process.pid)...)
	b = append(b, '}')
	if n := len(b) - 8; n > maxListenerState {
		return nil, fault.New(fault.Seccomp, "linux.seccomp.listenerPath: the state for the listener has %d bytes, where %d can be sent", n, maxListenerState).Remedy("shorten the annotations")
	}
	binary.NativeEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// keepFilter puts the filter into the container's directory: what joins the container later needs neither the configuration for
// it nor the compiler.
func (d *directory) keepFilter(f *seccomp.Filter) error {
	fd, err := d.writeOnce("seccomp", seccomp.Encode(f, nil))
	if err == nil {
		unix.Close(fd)
	}
	return err
}

// filter is that of the container's own, nil where it has none. One that got lost is an error: the others in the container are
// confined by it.
func (c *Container) filter(d *directory) (*seccomp.Filter, error) {
	if !c.rec.filtered {
		return nil, nil
	}
	data, err := d.read("seccomp")
	if err != nil {
		return nil, fault.New(fault.Seccomp, "its filter of system calls: %w", err)
	}
	f, _, err := seccomp.Decode(data)
	if err != nil {
		return nil, fault.New(fault.Seccomp, "its filter of system calls: %s/seccomp: %w", d.path, err)
	}
	return f, nil
}

// What a step is about that fails when nobody has the program but `start`, which only listens.
const (
	aboutFilter = 1<<20 + iota
	aboutListener
	aboutCapabilities
)

// aboutSeccomp adds what somebody can do about a filter, or one who is notified, that does not let the runtime get to the end.
func aboutSeccomp(err error, filtered bool) error {
	var step *launch.Error
	if !filtered || !errors.As(err, &step) {
		return err
	}
	refused := step.Errno == unix.EPERM || step.Errno == unix.ENOSYS || step.Errno == unix.EACCES
	switch {
	case step.About == aboutListener:
		return fault.Remedy(err, "the filter of linux.seccomp has to allow sendmsg, and whoever listens has to wait for the container")
	case step.About == aboutCapabilities:
		return fault.Remedy(err, "the filter of linux.seccomp has to allow capset where noNewPrivileges is not set")
	case refused && strings.HasPrefix(step.Label, execLabel):
		return fault.Remedy(err, "the filter of linux.seccomp may be why: it has to allow execve")
	}
	return err
}

// execLabel begins the label of the execve.
const execLabel = "exec "

// startWords says for `start` what the step was that failed; name is that of the program.
func startWords(step *launch.Error, name string, filtered bool) error {
	code := fault.Seccomp
	switch step.About {
	case aboutFilter:
		step.Label = "install the seccomp filter"
	case aboutListener:
		step.Label = "hand the seccomp listener over"
	case aboutCapabilities:
		step.Label = "set the capabilities"
	default:
		step.Label = execLabel + name
		code = execCode(step.Errno)
	}
	return aboutSeccomp(fault.Mark(code, step), filtered)
}
