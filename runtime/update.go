package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/internal/sys"
)

// Update changes limits of a container that has not stopped: what r does not mention stays as it is, and so do the rules of devices. All of it is
// put in force and written down, or none of it: then the error names each limit that the kernel refused. A limit that the container was
// made without cannot be had later either, unless its controller has appeared meanwhile.
func (c *Container) Update(ctx context.Context, r *specs.LinuxResources) error {
	d, err := c.store.openDirectory(c.id)
	if err != nil {
		return err
	}
	defer d.close()
	if err = d.lock(ctx); err == nil { // two updates at a time would each write down what the other did not know
		err = c.update(ctx, d, r)
	}
	if err != nil {
		return fmt.Errorf("container %s: %w", c.id, err)
	}
	return nil
}

func (c *Container) update(ctx context.Context, d *directory, r *specs.LinuxResources) error {
	switch status, err := c.status(d); {
	case err != nil:
		return err
	case status == Stopped || status == Creating:
		return ErrNotRunning
	}
	loaded, err := c.load()
	if err != nil {
		return err
	}
	if loaded.Spec.Linux == nil {
		loaded.Spec.Linux = &specs.Linux{}
	}
	old := loaded.Spec.Linux.Resources
	merged := mergeResources(old, r)
	change, err := changes(old, merged, r)
	if err != nil {
		return err
	}
	if len(change) > 0 {
		if err := c.apply(ctx, d, change, old); err != nil {
			return err
		}
	}
	loaded.Spec.Linux.Resources = merged
	return d.rewriteConfig(loaded.Encode())
}

// changes are the settings that an update is about: those that it names, and those that come out otherwise for it, such as swap, which is counted
// together with memory.
func changes(old, merged, r *specs.LinuxResources) (cgroupv2.Settings, error) {
	if err := spec.ValidateResources(merged); err != nil {
		return nil, err
	}
	all, problems := cgroupv2.Convert(merged)
	if err := resourcesError(problems); err != nil {
		return nil, err
	}
	before, _ := cgroupv2.Convert(old)
	named, _ := cgroupv2.Convert(r)
	return slices.DeleteFunc(all, func(s cgroupv2.Setting) bool {
		same := slices.ContainsFunc(before, func(b cgroupv2.Setting) bool { return b.File == s.File && b.Value == s.Value })
		return same && !slices.ContainsFunc(named, func(n cgroupv2.Setting) bool { return n.File == s.File })
	}), nil
}

// resourcesError is everything that is wrong with limits.
func resourcesError(problems []cgroupv2.Problem) error {
	var bad planError
	for _, p := range problems {
		bad.add(p.Path, "%s", p.Text)
	}
	return bad.of("resources")
}

// apply puts settings in force. systemd learns of them first, or it would undo them when it next writes what it knows.
func (c *Container) apply(ctx context.Context, d *directory, change cgroupv2.Settings, old *specs.LinuxResources) error {
	g, err := d.openGroup()
	if errors.Is(err, errNoGroup) {
		var paths []string
		for _, s := range change {
			paths = append(paths, s.Path)
		}
		return fmt.Errorf("%s: %w", strings.Join(slices.Compact(paths), ", "), err)
	}
	if err != nil {
		return err
	}
	defer g.Close()
	before := inForce(g, change, old)
	u := d.unit()
	if err := u.set(ctx, change); err != nil {
		return err
	}
	if err := g.Apply(change); err != nil {
		err = fault.Default(fault.Cgroup, err)
		return errors.Join(err, u.set(ctx, before), g.Apply(before))
	}
	return nil
}

// inForce are the values that the files of these settings have now, to go back to. A file with a line for each device cannot be written as it is
// read: what the configuration says of it is.
func inForce(g *cgroupv2.Group, change cgroupv2.Settings, old *specs.LinuxResources) cgroupv2.Settings {
	configured, _ := cgroupv2.Convert(old)
	var before cgroupv2.Settings
	for _, s := range change {
		if b, err := sys.ReadProc(g.Path() + "/" + s.File); err == nil && !strings.ContainsRune(strings.TrimSpace(string(b)), '\n') && s.Controller != "io" && s.Controller != "rdma" {
			s.Value, s.NotBelowUsage = strings.TrimSpace(string(b)), false
			before = append(before, s)
			continue
		}
		for _, o := range configured {
			if o.File == s.File {
				o.NotBelowUsage = false
				before = append(before, o)
			}
		}
	}
	return before
}

// rewriteConfig puts a new config.json in the place of the old one. A foreground command has that locked, and is to be known by its lock still.
func (d *directory) rewriteConfig(data []byte) error {
	if err := unix.Linkat(d.fd, "config.json", d.fd, "attended", 0); err != nil && err != unix.EEXIST {
		return fault.New(fault.State, "keep what config.json was: %w", err)
	}
	return d.write("config.json", data)
}
