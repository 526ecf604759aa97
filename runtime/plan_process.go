package runtime

import (
	"fmt"
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/spec"
	"github.com/roost-run/roost/userns"
)

const defaultUmask = 0o022

func planProcess(s *specs.Process, choice userns.Choice, at string, bad *planError) ProcessPlan {
	p := ProcessPlan{
		Args: s.Args, Env: s.Env, Cwd: s.Cwd, Terminal: s.Terminal,
		UID: s.User.UID, GID: s.User.GID, Groups: s.User.AdditionalGids,
		SetGroups: choice.Setgroups, Umask: defaultUmask, NoNewPrivs: s.NoNewPrivileges, OOMScoreAdj: s.OOMScoreAdj,
	}
	if len(s.Args) == 0 {
		bad.add(at+"args", "empty; name the program to run")
	} else {
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
	p.checkIDs(choice, at, bad)
	return p
}

// checkIDs refuses what the kernel would refuse later and in fewer words.
func (p *ProcessPlan) checkIDs(choice userns.Choice, at string, bad *planError) {
	if len(p.Groups) > 0 && !choice.Setgroups {
		bad.add(at+"user.additionalGids", "groups cannot be set here: %s; leave additionalGids out", whyNoSetgroups(choice))
	}
	if len(choice.Mapping.UIDs) == 0 {
		return // what is mapped there is not known
	}
	const remedy = "choose a mapped one, or a larger map with --idmap or linux.uidMappings and linux.gidMappings"
	if _, ok := choice.Mapping.UIDs.ToHost(p.UID); !ok {
		bad.add(at+"user.uid", "%d is not mapped in the container (%s); %s", p.UID, choice.Mapping.UIDs, remedy)
	}
	if _, ok := choice.Mapping.GIDs.ToHost(p.GID); !ok {
		bad.add(at+"user.gid", "%d is not mapped in the container (%s); %s", p.GID, choice.Mapping.GIDs, remedy)
	}
	for i, g := range p.Groups {
		if _, ok := choice.Mapping.GIDs.ToHost(g); !ok {
			bad.add(fmt.Sprintf("%suser.additionalGids[%d]", at, i), "%d is not mapped in the container (%s); %s", g, choice.Mapping.GIDs, remedy)
		}
	}
}

func whyNoSetgroups(c userns.Choice) string {
	if c.Kind == userns.Create && c.Writer == userns.BySelf {
		return "who maps only their own id gives up setgroups(2), user_namespaces(7)"
	}
	return "the user namespace denies setgroups(2)"
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
