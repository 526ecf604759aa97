package cgroupv2

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Why is why a file of a cgroup isn't there.
type Why uint8

// The reasons.
const (
	NoController Why = iota + 1 // the kernel has none of that name for cgroup v2
	InV1                        // cgroup v1 has it on this machine
	NotShared                   // a cgroup above doesn't share it out (cgroup.subtree_control), as on what systemd doesn't delegate
	NotWritable                 // the directory itself doesn't share it out, and its cgroup.subtree_control is another user's
	NoFile                      // the controller is there, and this kernel's has no such file
)

// Missing is a setting that has no file to be written to.
type Missing struct {
	Setting
	Why Why
	Dir string // where: for NotShared the cgroup above, or "" if a cgroup namespace hides it, else the directory that was asked about
}

// Error is for a person, without a remedy that only who knows of systemd can give.
func (m *Missing) Error() string {
	if m.Path == "" {
		return m.Text()
	}
	return m.Path + ": " + m.Text()
}

// Text is the error without the JSON path.
func (m *Missing) Text() string {
	switch m.Why {
	case NoController:
		return fmt.Sprintf("this kernel has no %s controller (/proc/cgroups; cgroup_disable= on its command line)", m.Controller)
	case InV1:
		return fmt.Sprintf("cgroup v1 has the %s controller on this machine; boot with cgroup v2 alone (systemd.unified_cgroup_hierarchy=1)", m.Controller)
	case NotShared:
		if m.Dir == "" {
			return fmt.Sprintf("the container around this one has no %s controller; give it one outside", m.Controller)
		}
		return fmt.Sprintf("%s does not share the %s controller out; an administrator adds it to %s/cgroup.subtree_control, or to Delegate= of the unit", m.Dir, m.Controller, m.Dir)
	case NotWritable:
		return fmt.Sprintf("the %s controller is not enabled below %s, and %s/cgroup.subtree_control is another user's", m.Controller, m.Dir, m.Dir)
	}
	switch {
	case m.Controller == "":
		return "this kernel has no " + m.File
	case m.Or != nil: // weights of block devices
		return fmt.Sprintf("the %s controller of this kernel has neither %s nor %s; modprobe bfq may bring the first", m.Controller, m.File, m.Or.File)
	}
	return fmt.Sprintf("the %s controller of this kernel has no %s", m.Controller, m.File)
}

// Check says which of the settings have no file in a cgroup that is still to be made below the directory, and why, before anything
// is made. That the controllers are enabled first where they can be ([Group.Enable]) is understood; whether there are processes
// in the way is not looked at, since they may be moved. What can be seen only in a cgroup that has the controller, where there is none, is not in the list.
func Check(dir string, s Settings) ([]Missing, error) {
	g, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer g.Close()
	have, err := g.Controllers()
	if err != nil {
		return nil, err
	}
	b, err := g.read("cgroup.subtree_control")
	if err != nil {
		return nil, err
	}
	shared := strings.Fields(string(b))
	var list []Missing
	for i := range s {
		switch c := s[i].Controller; {
		case c != "" && !slices.Contains(have, c):
			list = append(list, *above(dir, s[i]))
		case c != "" && !slices.Contains(shared, c) && !g.shares():
			list = append(list, Missing{s[i], NotWritable, dir})
		case !g.kernelHas(&s[i], slices.Contains(shared, c)):
			list = append(list, Missing{s[i], NoFile, dir})
		}
	}
	return list, nil
}

// shares reports whether the caller may share controllers out.
func (g *Group) shares() bool {
	return unix.Faccessat(int(g.dir.Fd()), "cgroup.subtree_control", unix.W_OK, unix.AT_EACCESS) == nil
}

// kernelHas reports whether the setting's file would be there. The directory has the files of the controllers that it has itself; only
// the root of the hierarchy has none of them, so there a cgroup below it has to show them.
func (g *Group) kernelHas(s *Setting, shared bool) bool {
	if s.Optional {
		return true
	}
	dir := g
	if g.isRoot() {
		dir = nil
		if shared || s.Controller == "" {
			dir = g.anyBelow()
		}
		if dir == nil { // nobody can tell
			return true
		}
		defer dir.Close()
	}
	for ; s != nil; s = s.Or {
		if unix.Faccessat(int(dir.dir.Fd()), s.File, unix.F_OK, 0) == nil {
			return true
		}
	}
	return false
}

// isRoot reports whether this is the root of the hierarchy, which is no cgroup that could be limited.
func (g *Group) isRoot() bool {
	return unix.Faccessat(int(g.dir.Fd()), "cgroup.type", unix.F_OK, 0) == unix.ENOENT
}

func (g *Group) anyBelow() *Group {
	for _, name := range below(int(g.dir.Fd())) {
		if d, err := g.down(name); err == nil {
			return d
		}
	}
	return nil
}

// why is why the cgroup itself lacks the file.
func (g *Group) why(s *Setting) *Missing {
	have, err := g.Controllers()
	if err == nil && s.Controller != "" && !slices.Contains(have, s.Controller) {
		return above(g.dir.Name(), *s)
	}
	return &Missing{*s, NoFile, g.dir.Name()}
}

// above looks for the cgroup that doesn't share out a controller which the directory lacks. By path: what is above belongs to no container.
func above(dir string, s Setting) *Missing {
	for {
		parent := filepath.Dir(dir)
		g, err := Open(parent)
		if err != nil || parent == dir {
			break
		}
		have, err := g.Controllers()
		g.Close()
		if err == nil && slices.Contains(have, s.Controller) {
			return &Missing{s, NotShared, parent}
		}
		dir = parent
	}
	if _, err := os.Stat(dir + "/cgroup.type"); err == nil { // the root of a cgroup namespace
		return &Missing{Setting: s, Why: NotShared}
	}
	if inV1(s.Controller) {
		return &Missing{s, InV1, dir}
	}
	return &Missing{s, NoController, dir}
}

// inV1 reports whether a hierarchy of version 1 has taken the controller. Source: cgroups(7), "/proc/cgroups".
func inV1(controller string) bool {
	if controller == "io" {
		controller = "blkio"
	}
	b, err := os.ReadFile("/proc/cgroups")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 4 && f[0] == controller && f[1] != "0" {
			return true
		}
	}
	return false
}
