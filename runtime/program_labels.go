package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// openAttributes opens the host's /proc, where a process says what it wants to be labelled as: before its own root and before the
// container is entered, since what is at /proc there may be anything (CVE-2019-16884, CVE-2025-52881).
func (c *compiler) openAttributes(p *ProcessPlan) {
	if p.AppArmor == "" && p.SELinux == "" {
		return
	}
	const label = "open /proc of the host"
	c.hostProc = c.Slot()
	c.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String("/proc"), cloexec(unix.O_PATH|unix.O_DIRECTORY)).Out(c.hostProc).Path("/proc")
	c.Verify(label, c.hostProc.Arg(), launch.OnFilesystem, unix.PROC_SUPER_MAGIC).Path("/proc").Remedy("what is mounted there is no proc")
}

// labels says under which AppArmor profile and SELinux label the execve puts us: as late as can be, since some of what we did
// they might forbid. The kernel takes it from nobody but the process itself, and only through a file that it opened with the memory
// it has now, and on some kernels with the credentials (fs/proc/base.c, proc_pid_attr_write): so after the last fork and after the
// ids have changed.
func (c *compiler) labels(p *ProcessPlan) {
	if p.AppArmor == "" && p.SELinux == "" {
		return
	}
	c.failsAs(fault.Process)
	if p.SELinux != "" {
		label := c.say("set the selinux label ", p.SELinux)
		fd, open := c.attribute(label, "exec")
		write := c.WriteAll(label, fd.Arg(), []byte(p.SELinux))
		c.close(fd)
		c.orUnlabelled(open, write, "process.selinuxLabel", p.SELinux+" cannot be set", "the policy may not have it, or not allow the transition")
	}
	if p.AppArmor != "" {
		label := c.say("apply the apparmor profile ", p.AppArmor)
		fd, open := c.attribute(label, "apparmor/exec")
		write := c.WriteAll(label, fd.Arg(), []byte("exec "+p.AppArmor))
		c.close(fd)
		c.orUnlabelled(open, write, "process.apparmorProfile", p.AppArmor+" cannot be applied", "load it (apparmor_parser), or name one of those in /sys/kernel/security/apparmor/profiles")
	}
	c.close(c.hostProc)
}

// attribute opens one of our own. "self" is a link, and the only one.
func (c *compiler) attribute(label, name string) (launch.Slot, launch.StepRef) {
	fd := c.Slot()
	how := c.Words(unix.O_WRONLY|unix.O_CLOEXEC, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_MAGICLINKS)
	return fd, c.Call(label, unix.SYS_OPENAT2, c.hostProc.Arg(), c.String("self/attr/"+name), how, launch.Const(24)).Out(fd).Path("/proc/self/attr/" + name)
}

func (c *compiler) orUnlabelled(open, write launch.StepRef, path, text, remedy string) {
	for _, step := range []launch.StepRef{open, write} {
		c.denied(step, degrade.Label, remedy)
	}
	c.orGiveUp(degrade.Label, path, text, []launch.StepRef{open, write}, unix.ENOENT, unix.EACCES, unix.EPERM, unix.EINVAL)
}

// labelKeys has the session keyring labelled as the process will be, or it could not use it. No label undoes it.
func (c *compiler) labelKeys(p *ProcessPlan, label string) {
	if p.SELinux == "" {
		return
	}
	const what = "label the session keyring"
	fd, open := c.attribute(what, "keycreate")
	skip := c.Label()
	open.On(skip)
	c.Call(what, unix.SYS_WRITE, fd.Arg(), c.String(label), launch.Const(len(label))).Ignore()
	c.close(fd)
	c.Place(skip)
}

// takesContext reports whether a file system's files get one label all by an option. proc, sysfs and cgroup2 have labels of their
// own, and mqueue's root gets one by hand, as with other runtimes.
func takesContext(kind string) bool {
	switch kind {
	case "proc", "sysfs", "cgroup2", "cgroup", "mqueue":
		return false
	}
	return true
}

// labelRoot labels the root of a new mqueue.
func (c *compiler) labelRoot(label string, mount launch.Slot) {
	context := c.plan.MountLabel
	dir := c.Slot()
	c.Call(label, unix.SYS_OPENAT, mount.Arg(), c.String("."), cloexec(unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)).Out(dir)
	step := c.Call(label, unix.SYS_FSETXATTR, dir.Arg(), c.String("security.selinux"), c.String(context), launch.Const(len(context)), launch.Const(0))
	c.close(dir)
	c.orGiveUp(degrade.Label, "linux.mountLabel", "an mqueue cannot be labelled here", []launch.StepRef{step}, unix.EOPNOTSUPP, unix.EPERM, unix.EACCES, unix.EINVAL)
}
