// Package cgroupfs finds cgroups: where version 2 is mounted, and which cgroup a process is in.
//
// The rule that bites: a process's cgroup is told relative to the reader's cgroup namespace, so it may begin with "/..", and then
// no path below the mount leads there.
//
// Source: cgroups(7), cgroup_namespaces(7).
package cgroupfs
