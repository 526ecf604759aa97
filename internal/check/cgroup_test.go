package check

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/roost-run/roost/cgroupv2"
	"github.com/roost-run/roost/delegate"
	"golang.org/x/sys/unix"
)

const all = "cpuset cpu io memory pids"

// tree is a way down: "NAME CONTROLLERS | PASSED ON", a line each.
func tree(text string) (list []level) {
	at := "/sys/fs/cgroup"
	for line := range strings.Lines(strings.TrimSpace(text)) {
		left, passed, _ := strings.Cut(line, "|")
		name, controllers, _ := strings.Cut(strings.TrimSpace(left), " ")
		if name != "/" {
			at += "/" + name
		}
		list = append(list, level{at, setting{path: at + "/cgroup.controllers", value: strings.TrimSpace(controllers)}, setting{path: at + "/cgroup.subtree_control", value: strings.TrimSpace(passed)}})
	}
	return list
}

func own(list []level) string { return strings.TrimPrefix(list[len(list)-1].path, "/sys/fs/cgroup") }

func onSystemd(c callerFacts, way string) cgroupFacts {
	f := cgroupFacts{caller: c, mount: "/sys/fs/cgroup", chain: tree(way), systemd: true, delegate: setting{path: "user.delegate", value: "", err: os.ErrNotExist}, below: errors.New("session-3.scope has no Delegate=yes"), scope: &delegate.NoBusError{Remedy: "ask an administrator for dbus-user-session"},
		killable: setting{path: "cgroup.kill", value: "is there"}, lingering: setting{path: "/var/lib/systemd/linger/alice", value: "", err: os.ErrNotExist}}
	f.own = own(f.chain)
	f.buses = []delegate.Tried{{Bus: delegate.UserBus, From: "$XDG_RUNTIME_DIR/bus", Err: unix.ENOENT}}
	return f
}

const session = `
	/ cpuset cpu io memory pids | cpuset cpu io memory pids
	user.slice cpuset cpu io memory pids | cpu memory pids
	user-1000.slice cpu memory pids | cpu memory pids
	session-3.scope cpu memory pids |`

const userManager = `
	/ cpuset cpu io memory pids | cpuset cpu io memory pids
	user.slice cpuset cpu io memory pids | cpu memory pids
	user-1000.slice cpu memory pids | cpu memory pids
	user@1000.service cpu memory pids | cpu memory pids`

// A login session of Debian's: limits through the user's own systemd, without cpuset and io.
func TestSession(t *testing.T) {
	f := onSystemd(alice(), session)
	f.manager, f.scope = tree(userManager), nil
	expect(t, cgroupItems(f), want{"cgroup.version", OK, ""}, want{"cgroup.delegated", OK, "session-3.scope is root's"}, want{"cgroup.controllers", Note, "/sys/fs/cgroup/user.slice/cgroup.subtree_control: does not pass on cpuset, io"},
		want{"cgroup.controllers", Note, "user@.service.d/delegate.conf"}, want{"cgroup.linger", Note, "loginctl enable-linger"}, want{"cgroup.kill", OK, ""})
	f.lingering = setting{path: "/var/lib/systemd/linger/alice", value: ""}
	expect(t, cgroupItems(f), want{"cgroup.linger", OK, ""})
	f.manager = tree(strings.Replace(userManager, "user@1000.service cpu memory pids", "user@1000.service pids", 1))
	f.manager[2].enabled.value = "pids"
	expect(t, cgroupItems(f), want{"cgroup.controllers", Warning, "user-1000.slice/cgroup.subtree_control: does not pass on memory, cpu"})
}

// su, or a machine without pam_systemd: nobody to ask.
func TestNoManager(t *testing.T) {
	f := onSystemd(alice(), session)
	expect(t, cgroupItems(f), want{"cgroup.delegated", Warning, "loginctl enable-linger 1000"}, want{"cgroup.controllers", OK, "not for you"})
	f.caller.batch = Evidence{"$SLURM_JOB_ID", "7"}
	expect(t, cgroupItems(f), want{"cgroup.delegated", Warning, "scheduler"})
	f.caller.batch, f.systemd = Evidence{}, false
	expect(t, cgroupItems(f), want{"cgroup.delegated", Warning, "cgroup.procs"}, want{id: "cgroup.linger", words: absent})
}

const service = userManager + `
	app.slice cpu memory pids | cpu memory pids
	web.service cpu memory pids |`

func TestService(t *testing.T) {
	f := onSystemd(alice(), service)
	f.manager = tree(userManager)
	f.scope = nil // somebody answers, and is not asked: the service is not ours to leave
	expect(t, cgroupItems(f), want{"cgroup.delegated", Warning, "Delegate=yes"}, want{"cgroup.delegated", Warning, "user in the unit of web.service"})
	f.delegate, f.below = setting{path: "user.delegate", value: "1"}, nil
	expect(t, cgroupItems(f), want{"cgroup.delegated", OK, "is delegated to you"}, want{"cgroup.controllers", Note, "delegate.conf"})
	system := onSystemd(root(), "/ "+all+" | "+all+"\nsystem.slice "+all+" | pids memory\nweb.service pids memory |")
	system.delegate, system.below = setting{path: "trusted.delegate", value: "1"}, nil
	expect(t, cgroupItems(system), want{"cgroup.controllers", Warning, "in the unit of web.service"})
}

func TestRootsScopes(t *testing.T) {
	f := onSystemd(root(), "/ "+all+" | pids\nuser.slice pids | \nuser-0.slice|\nsession-1.scope|")
	f.scope = nil
	expect(t, cgroupItems(f), want{"cgroup.delegated", OK, "as root may ask"}, want{"cgroup.controllers", OK, "memory, pids, cpu, cpuset, io"}, want{id: "cgroup.linger", words: absent})
}

// A container: its root of the tree is not the machine's.
func TestContainer(t *testing.T) {
	f := onSystemd(root(), "/ pids | pids")
	f.systemd, f.below, f.features = false, nil, true
	expect(t, cgroupItems(f), want{"cgroup.delegated", OK, "delegated"}, want{"cgroup.controllers", Warning, "whoever runs the container"})
	f.below = &os.PathError{Op: "write", Path: "/sys/fs/cgroup", Err: unix.EROFS}
	expect(t, cgroupItems(f), want{"cgroup.delegated", Warning, "read-only file system"})
}

func TestOldVersions(t *testing.T) {
	f := cgroupFacts{caller: alice(), v1: []string{"/sys/fs/cgroup/memory"}, mountErr: cgroupv2.ErrNoMount}
	expect(t, cgroupItems(f), want{"cgroup.version", Warning, "systemd.unified_cgroup_hierarchy=1"}, want{id: "cgroup.delegated", words: absent})
	f.v1 = nil
	expect(t, cgroupItems(f), want{"cgroup.version", Warning, "no cgroup v2 is mounted"})
	f.mountErr, f.ownErr = nil, os.ErrPermission
	expect(t, cgroupItems(f), want{"cgroup.version", Warning, "cannot be told"})
	hybrid := onSystemd(root(), "/ hugetlb |")
	hybrid.systemd, hybrid.below, hybrid.v1 = false, nil, []string{"/sys/fs/cgroup/memory"}
	hybrid.cgroups = setting{path: "/proc/cgroups", value: "#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t4\t20\t1\nhugetlb 0 1 1\nblkio\t0\t1\t0"}
	expect(t, cgroupItems(hybrid), want{"cgroup.version", Warning, "hybrid"}, want{"cgroup.controllers", Warning, "/proc/cgroups: memory 4 20 1"}, want{"cgroup.controllers", Warning, "blkio 0 1 0"})
	hybrid.v1, hybrid.cgroups = nil, setting{err: os.ErrNotExist}
	expect(t, cgroupItems(hybrid), want{"cgroup.controllers", Warning, "cgroup_disable="})
}

// An administrator's cgroup, without systemd: the controllers stop at a cgroup of theirs.
func TestNotPassedOn(t *testing.T) {
	f := onSystemd(alice(), "/ "+all+" | "+all+"\npool "+all+" | pids\nalice pids |")
	f.systemd, f.below = false, nil
	expect(t, cgroupItems(f), want{"cgroup.controllers", Warning, "echo +memory +cpu +cpuset +io > /sys/fs/cgroup/pool/cgroup.subtree_control"})
}

func TestBus(t *testing.T) {
	f := onSystemd(alice(), session)
	gone := delegate.Tried{Bus: delegate.UserBus, From: "$XDG_RUNTIME_DIR/bus", Err: unix.ENOENT}
	private := delegate.Tried{Bus: delegate.UserBus, From: "/run/user/1000/systemd/private", Version: "257"}
	f.buses = []delegate.Tried{gone}
	expect(t, cgroupItems(f), want{"cgroup.bus", Warning, "administrator ask an administrator for dbus-user-session"}, want{"cgroup.bus", Warning, "$XDG_RUNTIME_DIR/bus: no such file"})
	f.buses, f.scope, f.manager = []delegate.Tried{gone, private}, nil, tree(userManager)
	expect(t, cgroupItems(f), want{"cgroup.bus", OK, "systemd 257 answers at /run/user/1000/systemd/private"}, want{"cgroup.bus", OK, "no such file"}, want{"cgroup.controllers", Note, ""})
	f.manager = nil
	expect(t, cgroupItems(f), want{"cgroup.controllers", Note, "cannot be seen"})
	f.buses, f.below = []delegate.Tried{gone}, nil
	expect(t, cgroupItems(f), want{"cgroup.bus", OK, "none is needed"})
	f.below, f.systemd, f.scope = errors.New("not ours"), false, errors.New("no bus")
	expect(t, cgroupItems(f), want{"cgroup.bus", Note, "systemd does not run"})
}
