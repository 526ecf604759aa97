package delegate

import "os"

// The modes. [Path] is what becomes of [Auto] or [Inherit] where linux.cgroupsPath names a path; it is not asked for.
const (
	Auto    = "auto"
	Inherit = "inherit" // below the caller's own cgroup, which was delegated to it; nobody is moved
	Split   = "split"   // the same, after the processes there have moved to supervisor/, so that controllers can be enabled
	Scope   = "scope"   // a unit of systemd's
	None    = "none"    // the caller's cgroup
	Path    = "path"    // where linux.cgroupsPath says
)

// The lifetimes of a scope.
const (
	User    = "user"    // as long as the user's manager runs: with lingering, until the machine stops
	Session = "session" // it ends with the login session, or the graphical one
)

// Request is what a container needs.
type Request struct {
	ID          string
	Mode        string // one of the modes; "" is Auto
	CgroupsPath string // linux.cgroupsPath
	Systemd     bool   // CgroupsPath, if there is one, is SLICE:PREFIX:NAME, and a scope is meant
	// Controllers that limits take: "memory", "cpu", …
	Controllers []string
	// Needed: a cgroup of its own, with limits or without.
	Needed      bool
	Lifetime    string            // of a scope; "" is User
	Description string            // of a scope; "" names the ID
	Annotations map[string]string // see [Annotations]; those that cannot be read are an error where there is a scope to set them on
	// Getenv is the caller's environment; nil is that of the process.
	Getenv func(string) string
	caller *caller // nil: this process
}

// Grant is what may be had. Close it.
type Grant struct {
	Mode string
	Why  string // a sentence, without its first word's capital
	// Dir is the cgroup below which Name is to be made: with Inherit, Split, Path. It belongs to the Grant.
	Dir  *os.File
	Name string
	// Path is the container's cgroup as a path of this process, below the mount; with Scope after Start. "" with None.
	Path string
	// Enable are controllers to be written to Dir's cgroup.subtree_control first, with Split after [Grant.Split].
	Enable      []string
	Controllers []string // which there are, or will be once Enable is done; with Scope after Start
	Unit        Unit     // with Scope
	Slice       string   // with Scope
	Dropped     []Property
	Notes       []string // what else somebody may want to know
	request     Request
	properties  []Property
	manager     *manager
	mount       string
}

// Close lets go of the directory and the bus. What was made stays.
func (g *Grant) Close() {
	if g.Dir != nil {
		g.Dir.Close()
	}
	if g.manager != nil {
		g.manager.Close()
	}
}

func (r Request) who() caller {
	if r.caller != nil {
		return *r.caller
	}
	return thisCaller(r.Getenv)
}

// wanted reports whether a cgroup is asked for at all.
func (r Request) wanted() bool {
	return r.Needed || len(r.Controllers) > 0 || r.CgroupsPath != "" || r.Systemd
}
