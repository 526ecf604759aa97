package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/spec"
)

// Container is a handle: it holds what the container's record said when it was loaded, and no kernel object.
type Container struct {
	store *Store
	id    string
	rec   record
	first *Process // the first process, if it is our child

	mu      sync.Mutex
	started []*Process // by Exec, and not known to have been waited for
	spec    *specs.Spec
}

// Status is the runtime-spec's (runtime.md, "State").
type Status string

// What a container can be. Paused is runc's addition; a created container can be paused as well as a running one.
const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

// State is the state object of the runtime-spec with runc's additions. Status and Pid were found out when it was made.
type State struct {
	Version     string            `json:"ociVersion"`
	ID          string            `json:"id"`
	Pid         int               `json:"pid"` // of the container's first process, as this process sees it; 0 when stopped
	Status      Status            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"` // always "", as runc's
	// SystemdScope is the unit that the container is in, if it is in one of its own; crun's name for it.
	SystemdScope string `json:"systemd-scope,omitempty"`
}

// The annotations that a state has besides those of the configuration.
const (
	// GivenUpAnnotation lists what the configuration asked for and the container does not have.
	GivenUpAnnotation = "run.roost.degraded"
	// CgroupAnnotation is the path of the container's cgroup in the file system, if it has one of its own.
	CgroupAnnotation = "run.roost.cgroup"
	// CgroupModeAnnotation is how it came by it, and CgroupWhyAnnotation why so: see docs/systemd.md.
	CgroupModeAnnotation = "run.roost.cgroup.mode"
	CgroupWhyAnnotation  = "run.roost.cgroup.why"
)

// ID is the container's id.
func (c *Container) ID() string { return c.id }

// State finds out how the container is.
func (c *Container) State() (State, error) {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return State{}, err
	}
	defer d.close()
	return c.state(d)
}

func (c *Container) state(d *directory) (State, error) {
	status, err := c.status(d)
	if err != nil {
		return State{}, fmt.Errorf("container %s: %w", c.id, err)
	}
	s := State{
		Version: spec.Version, ID: c.id, Pid: c.rec.process.pid, Status: status, Bundle: c.rec.bundle, Rootfs: c.rec.rootfs,
		Created: c.rec.created, Annotations: c.rec.annotations,
	}
	if status == Stopped {
		s.Pid = 0
	}
	s.SystemdScope = d.unit().name
	oom := onlyIf(status == Stopped && c.ranOut(d), "true")
	for k, v := range map[string]string{OOMAnnotation: oom, GivenUpAnnotation: c.rec.givenUp, CgroupAnnotation: d.cgroupPath(), CgroupModeAnnotation: c.rec.cgroupMode, CgroupWhyAnnotation: c.rec.cgroupWhy} {
		if v == "" {
			continue
		}
		if len(s.Annotations) == len(c.rec.annotations) { // the record's is not ours to change
			s.Annotations = maps.Clone(s.Annotations)
		}
		if s.Annotations == nil {
			s.Annotations = make(map[string]string)
		}
		s.Annotations[k] = v
	}
	return s, nil
}

// status asks the process, the FIFOs and the cgroup.
func (c *Container) status(d *directory) (Status, error) {
	status, err := c.phase(d)
	if err == nil && (status == Running || status == Created) && d.paused() {
		status = Paused
	}
	return status, err
}

// phase is the status of a container that is not paused.
func (c *Container) phase(d *directory) (Status, error) {
	fd, err := c.rec.process.open()
	if errors.Is(err, ErrNotRunning) {
		return Stopped, nil
	}
	if err != nil {
		return "", err
	}
	unix.Close(fd)
	if unix.Faccessat(d.fd, "creating", unix.F_OK, 0) == nil {
		return Creating, nil
	}
	waits, err := waiting(d, "start")
	if err == nil && !waits && c.rec.startContainer {
		waits, err = waiting(d, "result") // hooks are run, and the process is not executed yet
	}
	if err != nil {
		return "", err
	}
	if waits {
		return Created, nil
	}
	return Running, nil
}

// waiting reports whether a process has the FIFO open: only then can it be opened for writing (ENXIO, man 7 fifo).
func waiting(d *directory, name string) (bool, error) {
	fd, err := unix.Openat(d.fd, name, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	switch {
	case err == nil:
		unix.Close(fd)
		return true, nil
	case errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENOENT):
		return false, nil
	}
	return false, &os.PathError{Op: "open", Path: d.path + "/" + name, Err: err}
}

// abandoned reports whether whoever would have cleared the container away has died. The caller holds the lock.
func (c *Container) abandoned(d *directory) bool {
	if unix.Faccessat(d.fd, "creating", unix.F_OK, 0) == nil {
		return true // its maker held the lock until it was created
	}
	if past, err := c.rec.process.isPast(); past || err != nil {
		return past
	}
	if !c.rec.attended {
		return false
	}
	// The kernel lets go of the lock when the command dies, however it dies.
	fd, err := unix.Openat(d.fd, "attended", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENOENT) {
		fd, err = unix.Openat(d.fd, "config.json", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	}
	if err != nil {
		return errors.Is(err, unix.ENOENT) // it had begun to clear it away
	}
	defer unix.Close(fd)
	return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil
}

// Spec is the configuration as it is used.
func (c *Container) Spec() (*specs.Spec, error) {
	loaded, err := c.load()
	if err != nil {
		return nil, err
	}
	if loaded.Seccomp != nil {
		if loaded.Spec.Linux.Seccomp, err = spec.DecodeSeccomp(loaded.Seccomp); err != nil {
			return nil, err
		}
	}
	return loaded.Spec, nil
}

// DefaultProcess is the configured process: to be changed and given to Exec. Its slices and pointers are not to be changed.
func (c *Container) DefaultProcess() (*specs.Process, error) {
	s, err := c.config()
	if err != nil {
		return nil, err
	}
	p := *s.Process
	return &p, nil
}

// config is the configuration, read once and not to be changed.
func (c *Container) config() (*specs.Spec, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spec == nil {
		loaded, err := c.load()
		if err != nil {
			return nil, err
		}
		c.spec = loaded.Spec
	}
	return c.spec, nil
}

// load reads the configuration; its seccomp section stays undecoded, since decoding one takes as long as all the rest.
func (c *Container) load() (*spec.Loaded, error) {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return nil, err
	}
	defer d.close()
	raw, err := d.read("config.json")
	if errors.Is(err, unix.ENOENT) { // callers take "no such file" for a missing program
		return nil, fmt.Errorf("container %s: %w: it is being cleared away", c.id, ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	return spec.Load(raw)
}

// Signal sends a signal to the container's first process, or, with all, to every process in it. ErrNotRunning when that
// process has ended, unless all is asked for: processes that outlived it get the signal then.
func (c *Container) Signal(ctx context.Context, sig syscall.Signal, all bool) error {
	fd, err := c.rec.process.open()
	if err == nil {
		defer unix.Close(fd)
		if !all {
			err = unix.PidfdSendSignal(fd, sig, nil, 0)
		}
	}
	if all && (err == nil || errors.Is(err, ErrNotRunning)) {
		if done, err := c.signalCgroup(ctx, sig); done || err != nil {
			return err
		}
		return c.signalAll(ctx, sig)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ESRCH):
		err = ErrNotRunning
	case errors.Is(err, unix.EINVAL):
		return fault.New(fault.Usage, "signal %d is not one of the kernel's: %w", int(sig), err)
	}
	return fmt.Errorf("container %s: %w", c.id, err)
}

func (c *Container) signalAll(ctx context.Context, sig syscall.Signal) error {
	pids, err := c.members()
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range pids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := p.signal(sig); err != nil && !errors.Is(err, unix.ESRCH) {
			errs = append(errs, fmt.Errorf("process %d: %w", p.pid, err))
		}
	}
	return errors.Join(errs...)
}

// Processes are the pids of all processes in the container, as this process sees them, in ascending order: those in its cgroup, where
// it has one of its own, else those in its pid namespace, and without one those that can be found.
func (c *Container) Processes() ([]int, error) {
	list, err := c.members()
	if err != nil {
		return nil, err
	}
	pids := make([]int, len(list))
	for i, m := range list {
		pids[i] = m.pid
	}
	return pids, nil
}

// ExitStatus is how a process ended: its status, or 128+n when signal n killed it. Unknown is when nobody could tell.
type ExitStatus struct {
	Code    int
	Unknown bool
	OOM     bool // the kernel killed it, or one of its processes, for want of memory
}

func (s ExitStatus) String() string {
	if s.Unknown {
		return "unknown"
	}
	return strconv.Itoa(s.Code) + onlyIf(s.OOM, " oom")
}

func exitStatus(ws syscall.WaitStatus) ExitStatus {
	if ws.Signaled() {
		return ExitStatus{Code: 128 + int(ws.Signal())}
	}
	return ExitStatus{Code: ws.ExitStatus()}
}
