package runtime

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/userns"
)

// standing is what the caller can do for a process. Plans are pure: they ask what they need to know, and only about what a
// configuration has. A nil function is the answer of a caller without limits.
type standing struct {
	outside    func() bool               // privileged over the machine, with a process that is not going to be
	raises     func() bool               // may raise hard limits
	hardLimit  func(resource int) uint64 // the caller's own
	keepGroups bool                      // asked for
	// The kernel has it, and it is in force.
	apparmor, selinux func() bool
}

func standingOf(caller userns.Caller, choice userns.Choice, keepGroups bool) standing {
	return standing{
		outside:    func() bool { return choice.Kind != userns.None && caller.Privileged && caller.OnMachine() },
		raises:     func() bool { return caller.Resource && caller.OnMachine() },
		hardLimit:  hardLimit,
		keepGroups: keepGroups,
		apparmor:   hasAppArmor, selinux: hasSELinux,
	}
}

// standingOfExec finds out who the caller is only when it matters.
func standingOfExec(choice userns.Choice, keepGroups bool) standing {
	lazy := sync.OnceValue(func() standing {
		caller, err := userns.Self()
		if err != nil {
			return standingOf(userns.Caller{}, choice, keepGroups)
		}
		return standingOf(caller, choice, keepGroups)
	})
	return standing{
		outside: func() bool { return lazy().outside() }, raises: func() bool { return lazy().raises() },
		hardLimit: hardLimit, keepGroups: keepGroups, apparmor: hasAppArmor, selinux: hasSELinux,
	}
}

func hardLimit(resource int) uint64 {
	var l unix.Rlimit
	if err := unix.Prlimit(0, resource, nil, &l); err != nil {
		return 1<<64 - 1
	}
	return l.Max
}
