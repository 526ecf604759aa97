// Package sealed keeps a container from changing the runtime's own program.
//
// A container may have /proc/self/exe executed, or find it as /proc/PID/exe of a process that joins, and so get at the file
// that roost was started from (CVE-2019-5736). Where nobody in the container can write that file there is nothing to protect:
// a program that root installed, run by an ordinary user. Elsewhere [Protect] executes a copy that nobody can write.
//
// The rule that bites: it is about the inode, not the path. Who may change its mode may write it, so its owner counts even
// where the mode says read-only, and every id that the container has counts, also those that it has without a mapping: the
// caller's own, and the caller's groups.
//
// Reading order: rule.go, protect.go.
package sealed
