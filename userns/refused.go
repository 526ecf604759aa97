package userns

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/roost-run/roost/internal/fault"
)

// CloneError takes the errno of a clone(2), clone3(2) or unshare(2) that was to make a
// user namespace (other namespaces beside it included), and says which switch
// of the kernel, the distribution or an outer container forbids it, and what to
// do about it. It wraps err; nil stays nil. Call it in the process that was refused.
func CloneError(err error) error {
	if err == nil {
		return nil
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return fault.New(fault.Userns, "create user namespace: %w", err)
	}
	return &refused{err, explain(errno, readSwitches("/proc"))}
}

// refused is a user namespace that could not be made.
type refused struct {
	err error
	why reasons
}

func (e *refused) Error() string {
	return "create user namespace: " + e.err.Error() + ": " + e.why.String()
}
func (e *refused) Unwrap() error    { return e.err }
func (e *refused) Code() fault.Code { return fault.Userns }

// Reasons are what may have forbidden it, without the remedies.
func (e *refused) Reasons() string {
	list := make([]string, len(e.why))
	for i, r := range e.why {
		list[i] = r.why
	}
	return strings.Join(list, "; or ")
}

// Remedy is what helps against each reason.
func (e *refused) Remedy() string {
	list := make([]string, len(e.why))
	for i, r := range e.why {
		list[i] = r.remedy
	}
	return strings.Join(list, "; or ")
}

// reasons are what may have forbidden it, each with its remedy.
type reasons []struct{ why, remedy string }

func because(why, remedy string) reasons { return reasons{{why, remedy}} }

func (list reasons) String() string {
	text := make([]string, len(list))
	for i, r := range list {
		text[i] = r.why + "; " + r.remedy
	}
	return strings.Join(text, "; or ")
}

// explain is the table: what the kernel's errno means where the switches stand so.
func explain(errno syscall.Errno, s switches) reasons {
	switch errno {
	case syscall.ENOSPC, syscall.EUSERS:
		return limited(s)
	case syscall.EPERM, syscall.EACCES:
		return forbidden(errno, s)
	case syscall.ENOSYS:
		if s.seccomp {
			return because("a seccomp filter around this process refuses clone3", remedySeccomp)
		}
		return because("the kernel has no clone3", "roost needs Linux 5.14")
	case syscall.EINVAL:
		if !s.compiled {
			return because("the kernel was built without user namespaces", "boot one with CONFIG_USER_NS")
		}
		return because("the kernel does not know one of the namespaces that were asked for", "compare /proc/self/ns with the configuration")
	case syscall.EAGAIN:
		return because("no more processes may be made", "raise \"ulimit -u\" or pids.max of the control group")
	}
	return because("nothing on this system is known to forbid it", "report this with the kernel's version")
}

// limited: each type of namespace has a limit, in each user namespace and all those
// around it, and all of them answer ENOSPC (namespaces(7)).
func limited(s switches) reasons {
	if len(s.zero) > 0 {
		return because(fmt.Sprintf("%s is 0, which switches that type of namespace off", strings.Join(s.zero, ", ")),
			fmt.Sprintf("ask an administrator for \"sysctl %s=15000\" (in a container: whoever runs it)", s.zero[0]))
	}
	return because(fmt.Sprintf("the limit on namespaces is reached: user.max_user_namespaces, %s here and perhaps less in an outer user namespace, "+
		"or 32 of them inside one another", orUnknown(s.maxUser)), "end containers, raise the limit, or nest less")
}

const (
	remedySeccomp = "run the outer container with a profile that allows it (seccomp=unconfined, or the runtime's profile for nested containers), " +
		"or lift RestrictNamespaces= of the service"
	remedyAppArmor = "ask an administrator for an AppArmor profile for this binary with the rule \"userns,\", " +
		"or for \"sysctl kernel.apparmor_restrict_unprivileged_userns=0\""
)

// forbidden puts first what is certain; of what may have been it, it names all.
func forbidden(errno syscall.Errno, s switches) reasons {
	if errno == syscall.EPERM {
		switch {
		case !s.mapped:
			return because("the caller's uid or gid is not mapped in its own user namespace", "run as a mapped user and group")
		case s.cloneOff && !s.privileged:
			return because("kernel.unprivileged_userns_clone is 0 (Debian's switch)", "ask an administrator for \"sysctl kernel.unprivileged_userns_clone=1\"")
		case s.chrooted:
			return because("this process is in a chroot, where the kernel makes no user namespace (clone(2))",
				"run outside of it, or enter the tree by pivot_root (unshare, bwrap, a container)")
		}
	}
	var maybe reasons
	if s.restricted && !s.privileged {
		maybe = append(maybe, because("AppArmor restricts unprivileged user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1, Ubuntu's default)", remedyAppArmor)...)
	}
	if s.seccomp {
		maybe = append(maybe, because("a seccomp filter around this process, an outer container's or a service's, refuses user namespaces", remedySeccomp)...)
	}
	if s.label != "" && s.label != "unconfined" {
		maybe = append(maybe, because(fmt.Sprintf("a security module confines this process as %q", s.label),
			"look for the denial in the audit log (ausearch -m avc, dmesg), and have that policy allow user namespaces")...)
	}
	if len(maybe) == 0 {
		return because("no known switch is off", "a chroot whose root is a mount point, or a security module, may be it: look into dmesg")
	}
	return maybe
}

// StrippedError explains a refusal (EPERM, EACCES) of a step *inside* a user
// namespace that was made all right: since 24.04 Ubuntu's AppArmor lets an unprivileged
// process make one and takes the capabilities in it away. Any other error, and any
// on another system, is handed back as it is.
func StrippedError(err error) error {
	if !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EACCES) {
		return err
	}
	return readSwitches("/proc").strippedError(err)
}

func (s switches) strippedError(err error) error {
	if !s.restricted || s.privileged || s.label != "" && s.label != "unconfined" && s.label != strippedProfile {
		return err
	}
	return fault.New(fault.Userns, "%w: AppArmor takes the capabilities in unprivileged user namespaces away "+
		"(kernel.apparmor_restrict_unprivileged_userns is 1)", err).Remedy("%s", remedyAppArmor)
}

// strippedProfile is the one that Ubuntu's kernel moves such processes to.
const strippedProfile = "unprivileged_userns"
