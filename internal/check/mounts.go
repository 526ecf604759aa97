package check

import (
	"context"
	"strings"

	"github.com/roost-run/roost/internal/probe"
)

// mountFacts is what can be mounted in a container.
type mountFacts struct {
	possible                     bool // namespaces can be made at all
	proc, sysfs, mqueue, overlay error
	idmapped                     probe.Answer
	covered                      []string // what is mounted below /proc
	filesystems                  setting  // /proc/filesystems
}

func (h host) mountFacts(ctx context.Context, user bool, possible bool) mountFacts {
	f := mountFacts{possible: possible, filesystems: h.word("/proc/filesystems")}
	if !possible {
		return f
	}
	f.proc, f.sysfs, f.mqueue = probe.Proc(ctx, user), probe.Sysfs(ctx, user), probe.Mqueue(ctx, user)
	f.overlay, f.idmapped = probe.Overlay(ctx, user), probe.IDMapped(ctx, user)
	text, _ := h.file("/proc/self/mountinfo")
	f.covered = below(text, "/proc/")
	return f
}

// below are the mount points of mountinfo whose paths begin so, proc(5).
func below(text, prefix string) (points []string) {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], prefix) {
			points = append(points, fields[4])
		}
	}
	return points
}

func mountItems(f mountFacts) []Item {
	if !f.possible {
		return []Item{note("mounts.proc", "mounts were not tried: they take a mount namespace")}
	}
	return []Item{procItem(f), standInItem("mounts.sysfs", "a sysfs", f.sysfs), standInItem("mounts.mqueue", "an mqueue", f.mqueue), overlayItem(f), idmappedItem(f)}
}

func procItem(f mountFacts) Item {
	const id = "mounts.proc"
	if f.proc == nil {
		i := ok(id, "a container can have a proc of its own")
		i.brief = brief{"", "proc"}
		return i
	}
	i := warning(id, "a container cannot have a proc of its own: it sees the one outside, read-only, and the processes there").says("mount", f.proc.Error())
	if len(f.covered) > 0 {
		i = i.says("/proc/self/mountinfo", "mounted below /proc, which hides parts of it: "+strings.Join(f.covered, ", "))
	}
	return i.remedy(Admin, "whoever runs the container around this one unmasks its /proc:", "podman run --security-opt unmask=ALL", "procMount: Unmasked    # of a pod's securityContext, with hostUsers: false")
}

func standInItem(id, what string, err error) Item {
	_, name, _ := strings.Cut(id, ".")
	if err != nil {
		return note(id, "a container cannot have "+what+" of its own: the host's stands in, read-only").says("mount", err.Error())
	}
	i := ok(id, "a container can have "+what+" of its own")
	i.brief = brief{"", name}
	return i
}

func overlayItem(f mountFacts) Item {
	const id = "mounts.overlay"
	if f.overlay == nil {
		i := ok(id, "overlays can be mounted")
		i.brief = brief{"", "overlay"}
		return i
	}
	i := warning(id, "overlays cannot be mounted: engines need fuse-overlayfs, or copy whole images").says("mount", f.overlay.Error())
	if f.filesystems.err == nil && !strings.Contains(f.filesystems.value, "\toverlay") {
		return i.says("/proc/filesystems", "has no overlay").remedy(Admin, "an administrator loads the module:", "modprobe overlay")
	}
	return i
}

func idmappedItem(f mountFacts) Item {
	const id = "mounts.idmapped"
	switch f.idmapped.Verdict {
	case probe.Yes:
		i := ok(id, "the kernel has id-mapped mounts")
		i.brief = brief{"", "id-mapped mounts"}
		return i
	case probe.No:
		return note(id, "the kernel has no id-mapped mounts").says("mount_setattr", f.idmapped.Err.Error())
	}
	return note(id, "whether mounts can be id-mapped cannot be told").says("mount_setattr", f.idmapped.Err.Error())
}
