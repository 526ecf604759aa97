package main

import (
	"fmt"
	"strings"
)

// markdown is docs/bench.md.
func markdown(r report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Speed\n\nWritten by `make bench` on %s.\n\n", r.machine.date)
	fmt.Fprintf(&b, "![median times, a bar for each runtime](bench.svg)\n\n")
	fmt.Fprintf(&b, "%s, %d cores, Linux %s, %s, as %s; load %s before; %d rounds, interleaved, in random order.\n\n",
		r.machine.processor, r.machine.cores, r.machine.kernel, r.machine.system, r.machine.user, r.machine.load, r.rounds)
	for _, c := range r.contenders {
		fmt.Fprintf(&b, "- %s: %s\n", c.name, c.version)
	}
	fmt.Fprintf(&b, "\n## Goals\n\n%s", r.verdicts().markdown(2))
	fmt.Fprintf(&b, "\nA ratio meets its goal when that of the medians and that of the 10th percentiles both do. The column floor is the\n"+
		"floor's own ratio: no runtime gets beyond it.\n")
	fmt.Fprintf(&b, "\n## Times\n\nWhole process, milliseconds; RSS is the peak in MiB.\n\n%s", r.timings().markdown(2))
	fmt.Fprintf(&b, "\n## Throughput\n\nplain containers, %d for each sample.\n\n%s", batch, r.rates().markdown(2))
	if lines := r.remarks(); len(lines) > 0 {
		fmt.Fprintf(&b, "\n## Notes of this run\n\n")
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", line)
		}
	}
	b.WriteString(method)
	return b.String()
}

const method = `
## How to read this

- *plain*: user, pid, mount, ipc, uts and cgroup namespaces, default mounts, masked paths, one id, ` + "`/bin/true`" + ` of a
  static busybox. *multi*: the same with two id ranges through newuidmap and newgidmap. *full*: plain, a network
  namespace and a system call filter of the size that engines use.
- *floor*: a static C program (tests/bench/c) that makes the same system calls, parses nothing and remembers nothing;
  ` + "`--version`" + ` compares with the start of a C program that does nothing. *bwrap* has no bundles: the same namespaces,
  fewer mounts. The lifecycle waits for the payload's end between start and state.
- CPU is user and system time of all processes that were waited for, by the command or, for those it left, by the bench;
  children that a command never waits for and that somebody else reaps are missed, as is the kernel's work after them
  (namespaces are torn down by kernel threads).
- RSS is that of the largest single process, as wait4 reports it; the kernel counts pages in batches, so it may be off by
  a quarter of a MiB. In *multi* the largest may be newuidmap.
- State is on a tmpfs and the runtimes' binaries belong to root, as packages install them. The
  bench runs in a pid namespace of its own, so that its containers end with it; that made no difference to the floor
  beyond noise.
- Machines are noisy: trust ratios inside one table, and the 10th percentile more than the median.
`

// markdown writes the table with columns from textual on aligned to the right.
func (t table) markdown(textual int) string {
	var b strings.Builder
	line := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	line(t.header)
	rule := make([]string, len(t.header))
	for i := range rule {
		rule[i] = "---:"
		if i < textual {
			rule[i] = "---"
		}
	}
	line(rule)
	for _, row := range t.rows {
		line(row)
	}
	return b.String()
}
