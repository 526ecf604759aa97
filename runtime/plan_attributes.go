package runtime

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/strictjson"
	"github.com/roost-run/roost/userns"
)

// attributes settles what of the process depends on who the caller is and on what is mapped; at is "process." or "".
func (p *Plan) attributes(s *specs.Process, caller standing, at string, bad *planError) {
	if len(s.Args) == 0 {
		bad.add(at+"args", "empty; name the program to run")
	}
	p.ids(at, bad)
	p.groups(caller, at, bad)
	p.rlimits(caller, at, bad)
	p.scheduling(s, at, bad)
	p.labels(s, caller, at, bad)
	if q := &p.Process; q.OOMScoreAdj != nil || q.Rlimits != nil || q.Scheduling.Scheduler != nil || q.Scheduling.IOPriority != nil {
		q.Outside = p.User.Kind != userns.None && caller.outside != nil && caller.outside()
	}
}

const remedyUnmapped = "choose a mapped one, or a larger map with --idmap or linux.uidMappings and linux.gidMappings"

// ids refuses what the kernel would refuse later and in fewer words.
func (p *Plan) ids(at string, bad *planError) {
	m := p.User.Mapping
	if len(m.UIDs) == 0 {
		return // what is mapped there is not known
	}
	if _, ok := m.UIDs.ToHost(p.Process.UID); !ok {
		bad.add(at+"user.uid", "%d is not mapped in the container (%s); %s", p.Process.UID, m.UIDs, remedyUnmapped)
	}
	if _, ok := m.GIDs.ToHost(p.Process.GID); !ok {
		bad.add(at+"user.gid", "%d is not mapped in the container (%s); %s", p.Process.GID, m.GIDs, remedyUnmapped)
	}
}

// groups are those of the configuration; or the caller's, where these are kept or cannot be changed.
func (p *Plan) groups(caller standing, at string, bad *planError) {
	q := &p.Process
	q.SetGroups, q.KeepGroups = p.User.Setgroups && !caller.keepGroups, caller.keepGroups
	at += "user.additionalGids"
	switch {
	case len(q.Groups) == 0:
		return
	case q.KeepGroups:
		p.GivenUp = append(p.GivenUp, Problem{Path: at, Text: "the caller's groups are kept, so no others can be had", Loud: p.Policies.For(degrade.Groups) != degrade.Ignore})
		q.Groups = nil
	case !q.SetGroups:
		p.giveUp(degrade.Groups, at, "groups cannot be set here: "+whyNoSetgroups(p.User)+"; leave additionalGids out", bad)
		q.Groups = nil
	case len(p.User.Mapping.UIDs) > 0:
		var mapped []uint32
		for i, g := range q.Groups {
			if _, ok := p.User.Mapping.GIDs.ToHost(g); ok {
				mapped = append(mapped, g)
				continue
			}
			p.giveUp(degrade.Groups, strictjson.Element(at, i), fmt.Sprintf("%d is not mapped in the container (%s); %s", g, p.User.Mapping.GIDs, remedyUnmapped), bad)
		}
		q.Groups = mapped
	}
}

func whyNoSetgroups(c userns.Choice) string {
	if c.Kind == userns.Create && c.Writer == userns.BySelf {
		return "who maps only their own id gives up setgroups(2), user_namespaces(7)"
	}
	return "the user namespace denies setgroups(2)"
}

// KeepGroupsAnnotation is crun's, and podman sets it for --group-add keep-groups.
const KeepGroupsAnnotation = "run.oci.keep_original_groups"

func keepsGroups(flag bool, annotations map[string]string) bool {
	return flag || annotations[KeepGroupsAnnotation] == "1"
}

// keptAnnotations are those of the record: exec keeps the groups where the container was made with them, however that was said.
func keptAnnotations(annotations map[string]string, keepGroups bool) map[string]string {
	if !keepGroups {
		return annotations
	}
	kept := maps.Clone(annotations)
	if kept == nil {
		kept = make(map[string]string, 1)
	}
	kept[KeepGroupsAnnotation] = "1"
	return kept
}

const rlimitRemedy = "only root may raise a hard limit: ask for no more than `ulimit -H` shows; "

// rlimits finds those that the kernel would refuse: who must not raise a hard limit gets what there is, if that is enough.
func (p *Plan) rlimits(caller standing, at string, bad *planError) {
	p.Process.Rlimits = slices.Clone(p.Process.Rlimits)
	for i := range p.Process.Rlimits {
		r := &p.Process.Rlimits[i]
		if caller.hardLimit == nil {
			continue
		}
		most := caller.hardLimit(r.Resource)
		if r.Hard <= most || caller.raises() {
			continue
		}
		p.giveUp(degrade.Rlimit, strictjson.Element(at+"rlimits", i)+".hard", r.Name+": above the hard limit of the caller, "+strconv.FormatUint(most, 10)+
			", which only root may raise; ask for no more", bad)
		r.Hard, r.Soft = most, min(r.Soft, most)
	}
}

// inherit completes the process of an exec by the container's own where a file left something out, as runc does.
func inherit(p, own *specs.Process) {
	if own == nil {
		return
	}
	if p.Capabilities == nil {
		p.Capabilities = own.Capabilities
	}
	if len(p.Rlimits) == 0 {
		p.Rlimits = own.Rlimits
	}
	if p.ApparmorProfile == "" {
		p.ApparmorProfile = own.ApparmorProfile
	}
	if p.SelinuxLabel == "" {
		p.SelinuxLabel = own.SelinuxLabel
	}
	if p.OOMScoreAdj == nil {
		p.OOMScoreAdj = own.OOMScoreAdj
	}
	if p.Scheduler == nil {
		p.Scheduler = own.Scheduler
	}
	if p.IOPriority == nil {
		p.IOPriority = own.IOPriority
	}
	if p.ExecCPUAffinity == nil {
		p.ExecCPUAffinity = own.ExecCPUAffinity
	}
}
