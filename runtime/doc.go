// Package runtime runs OCI containers: from a bundle's config.json to processes, and their whole life.
//
// A configuration becomes a [Plan] (what), the Plan becomes a program of system calls (how), and the program runs in one forked
// child; see package internal/launch. Up to the fork nothing is asked of the kernel but facts, so a Plan can be looked at
// before anything was made: [Store.Plan].
//
// The rule that bites: status is never stored. A container's directory holds facts (which process, since when), and what they
// mean is found out whenever somebody asks. So a crash at any point leaves something that [Container.Destroy] or [Store.Clear]
// can take away.
//
// Nothing here is global: a Store can be opened often, child processes that are not ours are never waited for, and all logging
// goes to the given [log/slog.Logger].
//
// Reading order: plan.go and plan_*.go (configuration to Plan), program.go and program_*.go (Plan to program), create.go,
// birth.go, ready.go, start.go, exec.go, join.go (the launches), store.go, directory.go, record.go, identity.go (what is on disk), container.go, destroy.go;
// cgroups: prepare_cgroup.go (where), cgroup.go and unit.go (made), cgroup_links.go, cgroup_join.go, cgroup_members.go, pause.go, update.go, oom.go.
package runtime
