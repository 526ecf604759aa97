package runtime

import (
	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/degrade"
	"github.com/roost-run/roost/internal/fault"
	"github.com/roost-run/roost/internal/launch"
)

// sysctls writes kernel parameters. Which namespaces' they are is told by who writes, not by the proc that they are written
// through: so it is the host's, before the pivot. The container's own may be made up of anything (CVE-2025-52881). They come
// after the hooks, which make devices that have parameters of their own.
func (c *compiler) sysctls() {
	if len(c.plan.Sysctls) == 0 {
		return
	}
	c.failsAs(fault.Namespace)
	const label = "open /proc/sys of the host"
	proc, sys, private, done := c.Slot(), c.Slot(), c.Label(), c.Label()
	c.Call(label, unix.SYS_OPENAT, launch.Const(unix.AT_FDCWD), c.String("/proc"), cloexec(unix.O_PATH|unix.O_DIRECTORY)).Out(proc).Path("/proc").On(private)
	c.Verify(label, proc.Arg(), launch.OnFilesystem, unix.PROC_SUPER_MAGIC).Path("/proc").On(private)
	c.below(label, proc, "sys", unix.O_PATH|unix.O_DIRECTORY).Out(sys).On(private)
	for _, s := range c.plan.Sysctls {
		c.sysctl(s, sys, private)
	}
	c.close(sys)
	c.Jump(done)
	// A container around this one has it read-only, as containers do, by a mount on it or altogether. A proc that nobody else has
	// is another one, if the kernel gives us that.
	c.Place(private)
	c.privateSysctls()
	c.Place(done)
	c.Call("close", unix.SYS_CLOSE, proc.Arg()).Ignore(unix.EBADF)
}

func (c *compiler) privateSysctls() {
	const label = "make a proc to write kernel parameters in"
	const remedy = "/proc/sys is read-only here, as in a container, and the kernel gives no other: have who made that container set the parameters; "
	fs, mount, sys := c.Slot(), c.Slot(), c.Slot()
	steps := []launch.StepRef{
		c.Call(label, unix.SYS_FSOPEN, c.String("proc"), launch.Const(unix.FSOPEN_CLOEXEC)).Out(fs),
		c.Call(label, unix.SYS_FSCONFIG, fs.Arg(), launch.Const(unix.FSCONFIG_CMD_CREATE), launch.Const(0), launch.Const(0), launch.Const(0)),
		c.Call(label, unix.SYS_FSMOUNT, fs.Arg(), launch.Const(unix.FSMOUNT_CLOEXEC), launch.Const(unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)).Out(mount),
		c.below(label, mount, "sys", unix.O_PATH|unix.O_DIRECTORY).Out(sys),
	}
	for _, s := range steps {
		s.Remedy(remedy + degrade.Remedy(degrade.Sysctl))
	}
	c.close(fs)
	c.close(mount)
	for _, s := range c.plan.Sysctls {
		c.sysctl(s, sys, none)
	}
	c.close(sys)
	c.orGiveUp(degrade.Sysctl, "linux.sysctl", "/proc/sys is read-only here, and the kernel gives no other: not set", steps, unix.EPERM, unix.EACCES, unix.EBUSY, unix.ENODEV)
}

// sysctl writes one. A first try on a read-only proc goes on elsewhere.
func (c *compiler) sysctl(s Sysctl, dir launch.Slot, readonly launch.Label) {
	label := c.say("set the kernel parameter ", s.Name)
	fd, value := c.Slot(), s.Value
	if value == "" {
		value = "\n" // nothing at all would be no write
	}
	remedy := s.Namespace + " namespaces of this kernel may not have it, its value may be wrong, or only the machine's root may set it; " + degrade.Remedy(degrade.Sysctl)
	open := c.below(label, dir, s.Path, unix.O_WRONLY).Out(fd).Path("/proc/sys/" + s.Path).Remedy(remedy)
	if readonly != none {
		open.On(readonly, unix.EROFS, unix.EXDEV)
	}
	write := c.WriteAll(label, fd.Arg(), []byte(value)).Path("/proc/sys/" + s.Path).Remedy(remedy)
	c.close(fd)
	c.orGiveUp(degrade.Sysctl, s.At, "the kernel does not let it be set to "+s.Value+" here", []launch.StepRef{open, write},
		unix.EACCES, unix.EPERM, unix.ENOENT, unix.EINVAL)
}

// below opens what is in a directory, and in the same mount.
func (c *compiler) below(label string, dir launch.Slot, path string, flags uint64) launch.StepRef {
	how := c.Words(flags|unix.O_CLOEXEC, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_MAGICLINKS)
	return c.Call(label, unix.SYS_OPENAT2, dir.Arg(), c.String(path), how, launch.Const(24))
}
