// Command bench measures roost against crun, runc, bubblewrap and the floor: a static C program that makes the same
// system calls for the same bundle and nothing else.
//
// The one rule that bites: machines are noisy, so no number stands alone. Every round runs every contender once, in
// random order, and what counts are ratios inside one table, of medians and of 10th percentiles both.
//
// run.sh prepares what this program takes for granted: an ordinary user, a root-owned directory with the binaries, a
// private mount namespace with cgroup2 at /sys/fs/cgroup (Debian's crun wants nothing else there) and a tmpfs for the
// runtimes' state, as /run/user would be. Call that; it hands its arguments on:
//
//	tests/bench/run.sh                                   everything; writes docs/bench.md and docs/bench.svg
//	tests/bench/run.sh -only run,exec -rounds 20 -vs crun  for daily work; writes nothing
//
// Reading order: main.go, contender.go, bundle.go, operation.go, detached.go, measure.go, stats.go, goals.go,
// table.go, markdown.go, chart.go. c/ has the floor and the meter that starts and times the commands.
package main
