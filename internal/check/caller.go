package check

import (
	"fmt"
	"strings"

	"github.com/roost-run/roost/idmap"
	"github.com/roost-run/roost/userns"
)

// callerFacts is who asks, and what is around them.
type callerFacts struct {
	caller   userns.Caller
	err      error // that they could not be looked up
	account  idmap.Account
	machine  bool // the first user namespace
	outer    Evidence
	batch    Evidence
	ci       Evidence
	newPrivs setting // NoNewPrivs of /proc/self/status
}

// privileged: no user namespace is made for containers that ask for none.
func (f callerFacts) privileged() bool { return f.caller.Privileged }

func (h host) callerFacts(account idmap.Account) callerFacts {
	f := callerFacts{account: account, newPrivs: h.field("/proc/self/status", "NoNewPrivs")}
	f.caller, f.err = userns.Self()
	f.machine = f.caller.OnMachine()
	f.outer, f.batch, f.ci = h.outer(), h.set("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "FLUX_JOB_ID", "COBALT_JOBID"), h.set("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE", "CIRCLECI", "CI")
	return f
}

// outer is what tells of a container around this process. None of it is a proof, and its absence is none either.
func (h host) outer() Evidence {
	for _, path := range [...]string{"/run/.containerenv", "/.dockerenv", "/.singularity.d"} {
		if h.exists(path) {
			return Evidence{path, "is there"}
		}
	}
	if s := h.word("/run/systemd/container"); s.err == nil && s.value != "" {
		return s.evidence()
	}
	return h.set("container", "KUBERNETES_SERVICE_HOST", "APPTAINER_CONTAINER", "SINGULARITY_CONTAINER")
}

// set is the first of the variables that is set. JOB_ID is Grid Engine's.
func (h host) set(names ...string) Evidence {
	for _, name := range names {
		if value := h.env(name); value != "" {
			return Evidence{"$" + name, value}
		}
	}
	return Evidence{}
}

func callerItems(f callerFacts) []Item {
	if f.err != nil {
		return []Item{wrong("caller.privilege", "who you are to the kernel cannot be looked up").because("/proc", f.err)}
	}
	list := []Item{privilegeItem(f)}
	if f.newPrivs.value == "1" {
		list = append(list, note("caller.no-new-privs", "no program gains privileges here: setuid helpers do not work").plus(f.newPrivs).
			remedy(Admin, "lift NoNewPrivileges= of the service, or allowPrivilegeEscalation: false of the pod"))
	}
	if f.outer.Source != "" {
		list = append(list, note("caller.container", "this is inside a container, which decides what is possible").says(f.outer.Source, f.outer.Says))
	}
	switch {
	case f.batch.Source != "":
		list = append(list, note("caller.job", "this is a batch job: its cgroup is the scheduler's, and its limits hold for containers").says(f.batch.Source, f.batch.Says))
	case f.ci.Source != "":
		list = append(list, note("caller.job", "this is a job of a CI system, usually without a session of systemd's").says(f.ci.Source, f.ci.Says))
	}
	return list
}

func privilegeItem(f callerFacts) Item {
	who := fmt.Sprintf("uid %d", f.caller.EUID)
	if f.account.Name != "" {
		who = fmt.Sprintf("%s (%s)", f.account.Name, who)
	}
	maps := Evidence{"/proc/self/uid_map", strings.ReplaceAll(f.caller.UIDs.String(), ",", ", ")}
	var i Item
	switch {
	case f.privileged() && f.machine:
		i = ok("caller.privilege", who+", root of the machine: containers get a user namespace only where config.json asks for one")
	case f.privileged():
		i = ok("caller.privilege", who+", root of a user namespace: containers run in it")
	case f.caller.EUID == 0:
		i = note("caller.privilege", who+" without the capabilities of root: containers get a user namespace of their own")
	default:
		i = ok("caller.privilege", who+": containers get a user namespace of their own")
	}
	return i.says(maps.Source, maps.Says)
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
