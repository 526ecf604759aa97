package check

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
	"github.com/roost-run/roost/internal/probe"
	"github.com/roost-run/roost/userns"
)

// usernsFacts is whether namespaces can be made.
type usernsFacts struct {
	caller  callerFacts
	alone   error // making a user namespace
	all     error // with all others beside it
	mount   error // mounting a tmpfs inside: what a security module takes away first
	max     setting
	clone   setting // unprivileged_userns_clone
	armor   setting // apparmor_restrict_unprivileged_userns
	seccomp setting
}

// everything is what a container usually has.
const everything = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

func (h host) usernsFacts(ctx context.Context, c callerFacts) usernsFacts {
	f := usernsFacts{
		caller: c,
		max:    h.word("/proc/sys/user/max_user_namespaces"), clone: h.word("/proc/sys/kernel/unprivileged_userns_clone"),
		armor:   h.word("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
		seccomp: h.field("/proc/self/status", "Seccomp"),
	}
	if f.alone = c.aboutMap(inWords(probe.Try(ctx, probe.Place{User: true}, nil))); f.alone == nil {
		f.all = inWords(probe.Try(ctx, probe.Place{User: true, New: everything}, nil))
		f.mount = probe.Tmpfs(ctx, true)
	}
	if c.err == nil && c.privileged() {
		f.all = inWords(probe.Try(ctx, probe.Place{New: everything}, nil))
		f.mount = probe.Tmpfs(ctx, false)
	}
	return f
}

// isClone tells an error of the fork from one of what the child then did.
func isClone(err error) bool {
	var errno unix.Errno
	var step *launch.Error
	return errors.As(err, &errno) && !errors.As(err, &step) && !errors.Is(err, launch.ErrDied)
}

// aboutMap explains a user namespace that was made, and whose root the kernel then refused (user_namespaces(7), since Linux 5.12).
func (f callerFacts) aboutMap(err error) error {
	if err == nil || isClone(err) || f.err != nil || f.caller.EUID != 0 || f.caller.Setfcap {
		return err
	}
	return fault.New(fault.IDMap, "%w: user 0 may be mapped into another user namespace with CAP_SETFCAP alone", err).
		Remedy("give the outer container that capability, or run as another of its users")
}

// inWords says what forbids a namespace.
func inWords(err error) error {
	if isClone(err) {
		return userns.CloneError(err)
	}
	return userns.StrippedError(err)
}

func usernsItems(f usernsFacts) []Item {
	list := []Item{usernsItem(f), namespacesItem(f)}
	if i, found := maxItem(f.max); found {
		list = append(list, i)
	}
	if f.seccomp.value == "2" {
		list = append(list, note("userns.seccomp", "a filter of system calls is on this process, and on every container").plus(f.seccomp))
	}
	return list
}

// switches adds those that are there.
func (f usernsFacts) switches(i Item) Item {
	for _, s := range [...]setting{f.max, f.clone, f.armor, f.seccomp} {
		if s.err == nil {
			i = i.plus(s)
		}
	}
	return i
}

func usernsItem(f usernsFacts) Item {
	const id = "userns.create"
	switch {
	case f.alone == nil:
		return f.switches(ok(id, "a user namespace can be made"))
	case f.caller.err == nil && f.caller.privileged():
		return f.switches(note(id, "no user namespace can be made, which only containers need that ask for one").because("clone3", f.alone))
	}
	return f.switches(wrong(id, "no user namespace can be made, so no container runs").because("clone3", f.alone))
}

func namespacesItem(f usernsFacts) Item {
	const id = "userns.others"
	switch {
	case f.alone != nil && !f.caller.privileged():
		return note(id, "other namespaces were not tried: they take a user namespace")
	case f.all != nil:
		return wrong(id, "the namespaces of a usual container cannot be made").because("clone3", f.all)
	case f.mount != nil:
		return wrong(id, "namespaces can be made, and nothing can be mounted in them").because("mount", userns.StrippedError(f.mount))
	}
	return ok(id, "mount, pid, ipc, uts, network and cgroup namespaces can be made")
}

// few is where a machine with a handful of containers, and an engine that probes, runs into it.
const few = 100

func maxItem(s setting) (Item, bool) {
	n, err := strconv.Atoi(s.value)
	if err != nil || n == 0 || n >= few { // 0 is an error of userns.create
		return Item{}, false
	}
	return note("userns.limit", fmt.Sprintf("at most %d user namespaces may be there at once", n)).plus(s).
		remedy(Admin, "an administrator raises it, for good in /etc/sysctl.d:", "user.max_user_namespaces = 15000"), true
}
