package runtime

import (
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/spec"
)

const defaultUmask = 0o022

// planProcess takes over what depends on nothing else; the rest is added by Plan.attributes.
func planProcess(s *specs.Process) ProcessPlan {
	p := ProcessPlan{
		Args: s.Args, Env: s.Env, Cwd: s.Cwd, Terminal: s.Terminal,
		UID: s.User.UID, GID: s.User.GID, Groups: s.User.AdditionalGids,
		Umask: defaultUmask, NoNewPrivs: s.NoNewPrivileges, OOMScoreAdj: s.OOMScoreAdj,
	}
	if len(s.Args) > 0 {
		p.Paths = searchPaths(s.Args[0], s.Env)
	}
	if s.ConsoleSize != nil {
		p.Rows, p.Cols = uint16(s.ConsoleSize.Height), uint16(s.ConsoleSize.Width)
	}
	if s.User.Umask != nil {
		p.Umask = *s.User.Umask
	}
	if c := s.Capabilities; c != nil {
		p.Capabilities = Capabilities{
			Bounding: spec.CapabilitySet(c.Bounding), Effective: spec.CapabilitySet(c.Effective),
			Permitted: spec.CapabilitySet(c.Permitted), Inheritable: spec.CapabilitySet(c.Inheritable),
		}
		// The kernel raises no others (capabilities(7)); spec.Load has listed them.
		p.Capabilities.Ambient = spec.CapabilitySet(c.Ambient) & p.Capabilities.Permitted & p.Capabilities.Inheritable
	}
	for _, r := range s.Rlimits {
		if n, ok := spec.Rlimit(r.Type); ok {
			p.Rlimits = append(p.Rlimits, Rlimit{r.Type, n, r.Soft, r.Hard})
		}
	}
	p.LookupHome = !hasHome(s.Env)
	return p
}

// searchPaths is where execvp(3) would look. A PATH that is not set means the usual places, as in a shell.
func searchPaths(name string, env []string) []string {
	if strings.Contains(name, "/") {
		return []string{name}
	}
	value := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, "PATH="); ok {
			value = v
		}
	}
	var paths []string
	for _, dir := range strings.Split(value, ":") {
		if dir == "" {
			dir = "."
		}
		paths = append(paths, path.Join(dir, name))
	}
	return paths
}

func hasHome(env []string) bool {
	for _, e := range env {
		if strings.HasPrefix(e, "HOME=") && e != "HOME=" {
			return true
		}
	}
	return false
}
