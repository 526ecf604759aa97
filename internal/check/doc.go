// Package check says what works here for this very user, and why not: one item a question, each with evidence and a remedy.
//
// Every area is two parts. A probe gathers facts, by looking and by trying; a pure function decides what they mean. So each
// decision is a table test, and each probe is tried for real, as a user and as root.
//
// The rule that bites: no probe may fail the whole. Files of /proc and /sys may be masked, variables missing, programs gone; what
// cannot be told is said to be unknown, with what stood in the way as evidence.
//
// Reading order: item.go, run.go, then an area each: caller.go, state.go, ids.go, userns.go, security.go, mounts.go, cgroup.go,
// kernel.go, tools.go, network.go; bundle.go; text.go.
package check
