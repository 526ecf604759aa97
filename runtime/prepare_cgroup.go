package runtime

import (
	"context"
	"os"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/cgroupv2"
)

// findCgroup finds out where the container can have a cgroup, and makes nothing yet.
func (j *job) findCgroup(_ context.Context, l *specs.Linux, filter bool) (cgroupInput, error) {
	in := cgroupInput{filter: filter}
	settings, _ := cgroupv2.Convert(l.Resources)
	if !filter {
		in.refused = "limits are not supported yet; limit the service or scope that roost runs in"
		return in, nil
	}
	grant, err := inOwn(j.id, l.CgroupsPath)
	if err != nil {
		in.refused = err.Error() + "; mount a cgroup v2 that may be written"
		return in, nil
	}
	in.grant = grant
	if in.missing, err = cgroupv2.Check(existing(grant.Parent), settings); err != nil {
		return in, err
	}
	return in, nil
}

// inOwn is a cgroup in the caller's own, or where the configuration says.
func inOwn(id, cgroupsPath string) (*Cgroup, error) {
	mount, err := cgroupv2.Mount()
	if err != nil {
		return nil, err
	}
	if path.IsAbs(cgroupsPath) {
		return &Cgroup{Mode: "path", Why: "linux.cgroupsPath", Parent: mount, Name: strings.TrimPrefix(path.Clean(cgroupsPath), "/")}, nil
	}
	own, err := cgroupv2.Own()
	if err != nil {
		return nil, err
	}
	c := &Cgroup{Mode: "inherit", Why: "the caller may make cgroups in its own", Parent: strings.TrimSuffix(mount+own, "/"), Name: "roost-" + id, Own: true}
	if cgroupsPath != "" {
		c.Name, c.Own = strings.TrimPrefix(inContainer(cgroupsPath), "/"), false
	}
	return c, nil
}

// existing is the directory, or the nearest above it that is there.
func existing(dir string) string {
	for dir != "/" {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = path.Dir(dir)
	}
	return dir
}
