package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/delegate"
	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

// CreateOptions says what to create, and how it is wired to the caller.
type CreateOptions struct {
	// Bundle is the directory with config.json. It may be empty when Spec is given: then the container's own directory is the
	// bundle, and a relative root.path an empty directory in it.
	Bundle string
	// Spec is the configuration; nil reads Bundle/config.json. It is not changed.
	Spec *specs.Spec
	// IDMap is what the user namespace maps where the configuration does not say: see [userns.Request].
	IDMap string
	// Stdio are the standard streams, where the configuration has no terminal.
	Stdio Stdio
	// ConsoleSocket is the path of an AF_UNIX stream socket that gets the terminal's master. Without it a terminal is the
	// caller's to serve: [Process.Console].
	ConsoleSocket string
	// ConsoleSize is the terminal's size where the configuration has none; nil leaves it.
	ConsoleSize *specs.Box
	// PidfdSocket is the path of an AF_UNIX stream socket that gets a pidfd of the process, before it may run.
	PidfdSocket string
	// PidFile is a path that gets the pid, whole or not at all, before the process may run.
	PidFile string
	// Activation hands sockets on, as the descriptors 3, 4, … of the process.
	Activation Activation
	// ExtraFiles become the descriptors after those.
	ExtraFiles []*os.File
	// Notify connects the container to a service manager.
	Notify Notify
	// NoPivot covers the host's root instead of exchanging it, for a host that runs from an initramfs.
	NoPivot bool
	// NoNewKeyring lets the process keep the caller's session keyring.
	NoNewKeyring bool
	// Init runs a minimal pid 1 above the process: it waits for orphans and forwards signals.
	Init bool
	// Degrade says what becomes of what cannot be had here. The zero value is the defaults.
	Degrade degrade.Policies
	// KeepGroups leaves the process the caller's supplementary groups, as the annotation run.oci.keep_original_groups does.
	KeepGroups bool
	// Cgroups is how the container comes by a cgroup: auto, inherit, split, scope or none, see docs/systemd.md; "" is auto.
	Cgroups string
	// SystemdCgroup: linux.cgroupsPath is SLICE:PREFIX:NAME, and systemd is to make a scope of that name.
	SystemdCgroup bool
	// Lifetime is how long a scope may last: user, as long as the user's manager runs, or session; "" is user.
	Lifetime string
	// Replace first clears away what a predecessor of the same id left that has ended, or whose foreground command died.
	Replace bool
	// Attended says that this process clears the container away at its end. If it dies before, [Store.Clear] does.
	Attended bool
	// Forked, if not nil, is called once when a process is there, which may not run yet, and what it returns just before it
	// may: so something can be got ready beside the setting up.
	Forked func() (ready func())

	stopAt int // when positive, the process ends before that step, as if killed there: for tests
}

// Stdio are standard streams. A nil file is /dev/null.
type Stdio struct{ In, Out, Err *os.File }

// job is a container before anything of it was made.
type job struct {
	store   *Store
	id      string
	options CreateOptions
	caller  userns.Caller
	raw     []byte // config.json
	spec    *specs.Spec
	plan    *Plan
	grant   *delegate.Grant // of a cgroup; nil where there is none
}

// prepare finds out all that can be known beforehand. Most errors are found here, and nothing has to be undone.
func (s *Store) prepare(ctx context.Context, id string, o CreateOptions) (_ *job, err error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	j := &job{store: s, id: id, options: o}
	defer func() {
		if err != nil {
			j.release()
		}
	}()
	bundle, loaded, err := j.load()
	if err != nil {
		return nil, err
	}
	j.spec = loaded.Spec
	if j.caller, err = userns.Self(); err != nil {
		return nil, err
	}
	choice, err := userns.Choose(ctx, j.caller, userRequest(loaded.Spec, o.IDMap))
	if err != nil {
		return nil, fault.Default(fault.IDMap, err)
	}
	filter, err := openFilter(ctx, s.root, loaded.Seccomp)
	if err != nil {
		return nil, err
	}
	var outside []HostMount
	if o.NoPivot {
		if outside, err = hostMounts(); err != nil {
			return nil, err
		}
	}
	devices := choice.Kind == userns.None && j.caller.MakesDevices()
	cgroups, err := j.findCgroup(ctx, linuxOf(loaded.Spec), devices)
	if err != nil {
		return nil, err
	}
	j.plan, err = makePlan(planInput{
		id: id, bundle: bundle, own: o.Bundle == "", loaded: loaded, choice: choice, keyring: !o.NoNewKeyring, init: o.Init, degrade: o.Degrade, sockets: o.Activation, notify: j.notify(),
		privileged: j.caller.Privileged, noPivot: o.NoPivot, outside: outside,
		cgroups: cgroups, caller: standingOf(j.caller, choice, keepsGroups(o.KeepGroups, loaded.Spec.Annotations)),
		seccomp: filter,
	})
	if err != nil {
		return nil, err
	}
	j.plan.findDevices()
	return j, j.checkRoot()
}

// release lets go of what was found for a container: the directory of cgroups, and the bus.
func (j *job) release() {
	if j.grant != nil {
		j.grant.Close()
		j.grant = nil
	}
}

// linuxOf is never nil.
func linuxOf(s *specs.Spec) *specs.Linux {
	if s.Linux == nil {
		return &specs.Linux{}
	}
	return s.Linux
}

// load reads the configuration, or writes the given one out: what is kept in the container's directory is what was used.
func (j *job) load() (bundle string, loaded *spec.Loaded, err error) {
	o := j.options
	bundle = j.store.root + "/" + j.id
	if o.Bundle != "" || o.Spec == nil {
		if bundle, err = filepath.Abs(o.Bundle); err != nil {
			return "", nil, err
		}
	}
	if o.Spec != nil {
		if _, err := spec.Validate(o.Spec); err != nil {
			return "", nil, err
		}
		j.raw = spec.Encode(o.Spec)
	} else if j.raw, err = spec.ReadFile(bundle + "/config.json"); err != nil {
		return "", nil, err
	}
	loaded, err = spec.Load(j.raw)
	return bundle, loaded, err
}

// userRequest is what a configuration says about the user namespace.
func userRequest(s *specs.Spec, idMap string) userns.Request {
	r := userns.Request{IDMap: idMap}
	if s.Linux == nil {
		return r
	}
	for _, n := range s.Linux.Namespaces {
		if n.Type == specs.UserNamespace {
			r.New, r.Path = n.Path == "", n.Path
		}
	}
	r.UIDs, r.GIDs = idmap.FromSpecs(s.Linux.UIDMappings), idmap.FromSpecs(s.Linux.GIDMappings)
	return r
}

// checkRoot looks at the root file system early, for a better error than a failing step's; the step that opens it does not
// rely on this.
func (j *job) checkRoot() error {
	r := j.plan.Root
	if r.Make {
		return nil
	}
	var st unix.Stat_t
	err := unix.Lstat(r.Path, &st)
	if err == nil && filepath.Clean(r.Path) == "/" {
		return fault.New(fault.Rootfs, "config.json: root.path: / is the host's own root").Remedy("bind what the container is to see into a root of its own")
	}
	at := fmt.Sprintf("config.json: root.path: %s", r.Path)
	switch {
	case errors.Is(err, unix.ENOENT):
		return fault.New(fault.Rootfs, "%s is not there", at).Remedy("unpack a root file system there, or name the directory that has one")
	case err != nil:
		return fault.New(fault.Rootfs, "%s: %w", at, err)
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return fault.New(fault.Rootfs, "%s is a symbolic link", at).Remedy("name the directory itself")
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return fault.New(fault.Rootfs, "%s is not a directory", at).Remedy("name the directory that has the root file system")
	}
	return nil
}

// joinFiles opens the namespaces that are joined: the user namespace first, then the others. A path may lead anywhere, so it is
// opened without waiting, and what it is is asked of the kernel.
func (p *Plan) joinFiles() (files []*os.File, err error) {
	defer func() {
		if err != nil {
			closeFiles(files)
		}
	}()
	list := append([]Join{{unix.CLONE_NEWUSER, p.User.Path}}, p.Join...)
	for i, j := range list {
		if i == 0 && p.User.Kind != userns.Join {
			files = append(files, nil)
			continue
		}
		fd, err := unix.Open(j.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return files, fault.New(fault.Namespace, "namespace to join: %w", &os.PathError{Op: "open", Path: j.Path, Err: err})
		}
		files = append(files, os.NewFile(uintptr(fd), j.Path))
		kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
		if err != nil {
			return files, fault.New(fault.Namespace, "namespace to join: %s is no namespace", j.Path).Remedy("name a file such as /proc/PID/ns/net")
		}
		if uint64(kind) != j.Flag {
			return files, fault.New(fault.Namespace, "namespace to join: %s is a namespace of another type", j.Path)
		}
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// Plan says what Create would do, and does nothing.
func (s *Store) Plan(ctx context.Context, id string, o CreateOptions) (*Plan, error) {
	j, err := s.prepare(ctx, id, o)
	if err != nil {
		return nil, err
	}
	j.release()
	return j.plan, nil
}
