// Package cgroupv2 makes, fills, watches and removes one cgroup of the second version: limits, statistics, events, freezing, killing, the
// filter of devices. Whose cgroup it may be is package delegate's.
//
// The rules that bite: a process is born in its cgroup (CLONE_INTO_CGROUP, clone3(2)) and never runs outside of it, so limits and filter
// hold from its first step on. A cgroup with processes of its own cannot share controllers out to those below it. And what is below a container's
// cgroup is the container's: it may be anything, so it is walked by descriptors, and every wait has an end.
//
// Source: Documentation/admin-guide/cgroup-v2.rst of the kernel; docs/cgroup-v2.md has what becomes of each member of linux.resources. Reading
// order: mount.go, group.go, file.go; setting.go, convert.go and its parts, check.go, controllers.go, apply.go; freeze.go, processes.go,
// walk.go, remove.go; watch.go, events.go; stats.go and its parts, brief.go; rules.go, filter.go.
package cgroupv2
