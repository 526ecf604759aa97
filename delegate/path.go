package delegate

import (
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/cgroupfs"
	"github.com/roost-run/roost/internal/fault"
)

// path is the cgroup that linux.cgroupsPath names: from the mount on when it is absolute, else below the caller's own.
func (r Request) path(p place) (*Grant, error) {
	target := path.Clean("/" + r.CgroupsPath)
	if !path.IsAbs(r.CgroupsPath) {
		target = path.Join(p.own, target)
	}
	if cgroupfs.Outside(p.own) {
		return nil, fault.Mark(fault.Cgroup, &NotDelegatedError{
			Path: p.own, Text: "the caller's cgroup lies outside of the cgroup namespace, so no process can get from there to " + target,
			Remedy: "start roost in the cgroup namespace that it is to work in",
		})
	}
	above := target
	for above != "/" && !exists(p.dir(above)) {
		above = path.Dir(above)
	}
	if err := p.reach(above, target); err != nil {
		return nil, fault.Mark(fault.Cgroup, err)
	}
	g := &Grant{
		Mode: Path, Why: "linux.cgroupsPath names it", mount: p.mount, request: r,
		Name: strings.TrimPrefix(strings.TrimPrefix(target, above), "/"), Controllers: controllers(p.dir(above), "cgroup.controllers"),
	}
	if missing := without(r.Controllers, g.Controllers); missing != nil {
		return nil, fault.Mark(fault.Cgroup, &NotDelegatedError{
			Path: path.Join(p.dir(above), "cgroup.controllers"), Missing: missing,
			Remedy: "ask an administrator to write them to the cgroup.subtree_control above it",
		})
	}
	if above != target {
		g.Enable = without(r.Controllers, controllers(p.dir(above), "cgroup.subtree_control"))
	}
	return g.open(p.dir(above))
}

// reach says which file keeps a process of the caller's from getting into a cgroup. The kernel wants to write cgroup.procs twice:
// in the cgroup, and in the one that it and the old one have in common (cgroup-v2.rst, "Delegation Containment").
func (p place) reach(above, target string) error {
	files := []string{"cgroup.procs"}
	if above != target {
		files = []string{""}
	}
	if err := unwritable(p.dir(above), files...); err != nil {
		return &NotDelegatedError{
			Path: p.dir(above), Missing: []string{err.(*os.PathError).Path}, Text: "for " + target + ": " + err.Error(),
			Remedy: "ask an administrator to chown the directory, and in it what /sys/kernel/cgroup/delegate lists",
		}
	}
	common := commonAncestor(p.own, target)
	err := unwritable(p.dir(common), "cgroup.procs")
	if err == nil {
		return nil
	}
	return &NotDelegatedError{
		Path: p.dir(common), Missing: []string{err.(*os.PathError).Path},
		Text:   "the way from " + p.own + " to " + target + " leads through it: " + err.Error(),
		Remedy: "start roost from a process in " + path.Dir(target) + ", or let systemd make a scope",
	}
}

// commonAncestor is the innermost cgroup that both are in or below.
func commonAncestor(a, b string) string {
	for a != "/" && a != b && !strings.HasPrefix(b, a+"/") {
		a = path.Dir(a)
	}
	return a
}

func exists(name string) bool { return unix.Access(name, unix.F_OK) == nil }

// open takes hold of the directory.
func (g *Grant) open(dir string) (*Grant, error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	g.Dir = os.NewFile(uintptr(fd), dir)
	g.Path = path.Join(dir, g.Name)
	return g, nil
}
