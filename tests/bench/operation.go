package main

import (
	"path/filepath"
	"strconv"
)

const (
	listed   = 100 // containers that list finds
	batch    = 100 // containers of one throughput sample
	sparsely = 6   // throughput is sampled every so many rounds: a sample is long and averages by itself
)

// command is one program with its arguments; ["@wait"] waits for what the commands before it left (c/meter.c).
type command []string

// operation is one row group of the table.
type operation struct {
	name  string // for -only
	title string
	jobs  int // at a time
	turns int // in one sample
	every int // rounds from one sample to the next
	steps func(*run, contender) []command
}

// throughput says whether the operation's figure is containers per second.
func (o operation) throughput() bool { return o.turns > 1 }

func allOperations() []operation {
	single := func(name, title string, steps func(*run, contender) []command) operation {
		return operation{name: name, title: title, jobs: 1, turns: 1, every: 1, steps: steps}
	}
	parallel := func(jobs int) operation {
		n := strconv.Itoa(jobs)
		return operation{name: "par" + n, title: n + " at a time", jobs: jobs, turns: batch, every: sparsely, steps: (*run).plainSteps}
	}
	return []operation{
		single("run", "run, plain", (*run).plainSteps),
		single("multi", "run, multi", (*run).multiSteps),
		single("full", "run, full", (*run).fullSteps),
		single("exec", "exec", (*run).execSteps),
		single("state", "state", (*run).stateSteps),
		single("list", "list, 100", (*run).listSteps),
		single("lifecycle", "create+start+state+delete", (*run).lifecycleSteps),
		single("version", "--version", (*run).versionSteps),
		parallel(2),
		parallel(8),
	}
}

func operationNames() (names []string) {
	for _, op := range allOperations() {
		names = append(names, op.name)
	}
	return names
}

func (b *run) operations() (ops []operation) {
	for _, op := range allOperations() {
		if b.opts.wants(op.name) {
			ops = append(ops, op)
		}
	}
	return ops
}

// stateRoot is apart for each contender and use, so that a hundred sleeping containers do not slow down `run`.
func (b *run) stateRoot(c contender, use string) string {
	return filepath.Join(b.opts.state, c.name+"-"+use)
}

func (b *run) oci(c contender, use string, args ...string) command {
	return append(command{c.path, "--root", b.stateRoot(c, use)}, args...)
}

func (b *run) plainSteps(c contender) []command {
	switch {
	case c.oci():
		return []command{b.oci(c, "run", "run", "-b", b.bundles.plain, "bench-%")}
	case c.name == "floor":
		return []command{{c.path, "plain", b.bundles.rootfs}}
	}
	return []command{b.bubblewrap(c)}
}

// bubblewrap has no bundles: the same namespaces, and the few mounts that it makes by default.
func (b *run) bubblewrap(c contender) command {
	return command{c.path, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup",
		"--uid", "0", "--gid", "0", "--hostname", "bench", "--ro-bind", b.bundles.rootfs, "/", "--proc", "/proc",
		"--dev", "/dev", "--ro-bind", "/sys", "/sys", "--new-session", "/bin/true"}
}

func (b *run) multiSteps(c contender) []command {
	switch {
	case b.bundles.multi == "":
		return nil
	case c.oci():
		return []command{b.oci(c, "run", "run", "-b", b.bundles.multi, "bench-%")}
	case c.name == "floor":
		id := func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
		return []command{{c.path, "multi", b.bundles.rootfs, id(b.bundles.uids.HostID), id(b.bundles.gids.HostID), id(b.bundles.uids.Size)}}
	}
	return nil
}

func (b *run) fullSteps(c contender) []command {
	switch {
	case b.bundles.full == "":
		return nil
	case c.name == "floor" && b.bundles.filter != "":
		return []command{{c.path, "full", b.bundles.rootfs, b.bundles.filter}}
	case !c.oci():
		return nil
	}
	return []command{b.oci(c, "run", "run", "-b", b.bundles.full, "bench-%")}
}

func (b *run) execSteps(c contender) []command {
	switch {
	case c.oci():
		if b.startDetached(c, "one", 1) {
			return []command{b.oci(c, "one", "exec", detachedID(0), "/bin/true")}
		}
	case c.name == "floor":
		if pid := b.floorTarget(c); pid > 0 {
			return []command{{c.path, "exec", strconv.Itoa(pid)}}
		}
	}
	return nil
}

func (b *run) stateSteps(c contender) []command {
	if c.oci() && b.startDetached(c, "one", 1) {
		return []command{b.oci(c, "one", "state", detachedID(0))}
	}
	return nil
}

func (b *run) listSteps(c contender) []command {
	if c.oci() && b.startDetached(c, "many", listed) {
		return []command{b.oci(c, "many", "list")}
	}
	return nil
}

// lifecycleSteps waits for the payload between start and state, as an engine's monitor does: a runtime whose start
// returns early gains nothing, and delete needs no force.
func (b *run) lifecycleSteps(c contender) []command {
	if !c.oci() {
		return nil
	}
	const id = "life"
	return []command{
		b.oci(c, "life", "create", "-b", b.bundles.plain, id),
		b.oci(c, "life", "start", id),
		{"@wait"},
		b.oci(c, "life", "state", id),
		b.oci(c, "life", "delete", id),
	}
}

func (b *run) versionSteps(c contender) []command {
	if c.name == "floor" {
		return []command{{c.path, "none"}}
	}
	return []command{{c.path, "--version"}}
}
