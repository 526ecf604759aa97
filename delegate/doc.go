// Package delegate finds a cgroup that this caller may have: one below its own, which was delegated to it, or a scope that the
// service manager makes and hands over.
//
// [Acquire] decides and makes nothing yet; [Grant.Start] asks systemd for the scope, once there is a process to put into it. What is
// made below a delegated cgroup, and what is written to its files, is the caller's business.
//
// The rule that bites: cgroups belong to whoever made them. Files that may be written are no leave to write them: all of a user's
// units belong to that user's manager, which says by the attribute user.delegate which of them it has given away.
//
// Nothing here waits without an end: systemd, or the bus in front of it, may be stopped.
//
// Source: systemd's "Control Group APIs and Delegation", org.freedesktop.systemd1(5), cgroup-v2.rst of the kernel. Reading order:
// request.go, acquire.go, place.go, hold.go, split.go, unit.go, scope.go, start.go, job.go, buses.go, manager.go, property.go,
// files.go, annotation.go, control.go, linger.go, owner.go.
package delegate
