// Package cgroupv2 makes, fills and removes one cgroup of the second version: so far with one thing in it, the filter of devices.
//
// The rule that bites: a process is born in its cgroup (CLONE_INTO_CGROUP, clone3(2)) and never runs outside of it, so the filter
// holds from its first step on.
//
// Source: Documentation/admin-guide/cgroup-v2.rst of the kernel. Reading order: mount.go, group.go, rules.go, filter.go.
package cgroupv2
