package probe

import (
	"context"

	"golang.org/x/sys/unix"

	"github.com/roost-run/roost/internal/launch"
)

// Proc tries a proc of a pid namespace of its own. The kernel refuses it in a user namespace where no proc is mounted that shows
// everything: in a container with masked paths (mount_too_revealing in fs/namespace.c).
func Proc(ctx context.Context, user bool) error {
	return Try(ctx, Place{User: user, New: unix.CLONE_NEWNS | unix.CLONE_NEWPID}, func(b *launch.Builder) { mount(b, "proc") })
}

// Sysfs tries a sysfs of a network namespace of its own.
func Sysfs(ctx context.Context, user bool) error {
	return Try(ctx, Place{User: user, New: unix.CLONE_NEWNS | unix.CLONE_NEWNET}, func(b *launch.Builder) { mount(b, "sysfs") })
}

// Mqueue tries an mqueue of an ipc namespace of its own.
func Mqueue(ctx context.Context, user bool) error {
	return Try(ctx, Place{User: user, New: unix.CLONE_NEWNS | unix.CLONE_NEWIPC}, func(b *launch.Builder) { mount(b, "mqueue") })
}

// Tmpfs tries the simplest mount, which nothing but a security module refuses.
func Tmpfs(ctx context.Context, user bool) error {
	return Try(ctx, Place{User: user, New: unix.CLONE_NEWNS}, func(b *launch.Builder) { mount(b, "tmpfs") })
}

// Overlay tries an overlay of directories on a tmpfs.
func Overlay(ctx context.Context, user bool) error {
	return Try(ctx, Place{User: user, New: unix.CLONE_NEWNS}, func(b *launch.Builder) {
		tmp := mount(b, "tmpfs")
		// Over the root, which is there in every tree; overlayfs takes layers of this mount namespace only, so it must be attached.
		b.Call("attach a tmpfs", unix.SYS_MOVE_MOUNT, tmp.Arg(), b.String(""), launch.Const(unix.AT_FDCWD), b.String("/"), launch.Const(unix.MOVE_MOUNT_F_EMPTY_PATH))
		b.Call("enter it", unix.SYS_FCHDIR, tmp.Arg())
		var options []string
		for _, o := range [...]string{"lowerdir", "upperdir", "workdir"} {
			b.Call("make "+o, unix.SYS_MKDIRAT, launch.Const(unix.AT_FDCWD), b.String(o), launch.Const(0o700))
			options = append(options, o)
		}
		mount(b, "overlay", options...)
	})
}

// IDMapped tries whether the kernel knows id-mapped mounts: with a user namespace that is no descriptor, to which it says EBADF. A
// kernel that does not know the attribute says EINVAL.
func IDMapped(ctx context.Context, user bool) Answer {
	err := Try(ctx, Place{User: user, New: unix.CLONE_NEWNS}, func(b *launch.Builder) {
		tmp := mount(b, "tmpfs")
		const none = 1<<31 - 1
		b.Call("id-map it", unix.SYS_MOUNT_SETATTR, tmp.Arg(), b.String(""), launch.Const(unix.AT_EMPTY_PATH), b.Words(unix.MOUNT_ATTR_IDMAP, 0, 0, none), launch.Const(unix.MOUNT_ATTR_SIZE_VER0)).Ignore(unix.EBADF)
	})
	return answer(err, unix.EINVAL, unix.ENOSYS)
}

// mount makes a file system that is attached nowhere. An option is a directory of the same name.
func mount(b *launch.Builder, kind string, options ...string) launch.Slot {
	label, fs, mnt := "mount "+kind, b.Slot(), b.Slot()
	b.Call(label, unix.SYS_FSOPEN, b.String(kind), launch.Const(unix.FSOPEN_CLOEXEC)).Out(fs)
	for _, o := range options {
		b.Call(label+": "+o, unix.SYS_FSCONFIG, fs.Arg(), launch.Const(unix.FSCONFIG_SET_STRING), b.String(o), b.String(o), launch.Const(0))
	}
	b.Call(label, unix.SYS_FSCONFIG, fs.Arg(), launch.Const(unix.FSCONFIG_CMD_CREATE), launch.Const(0), launch.Const(0), launch.Const(0))
	b.Call(label, unix.SYS_FSMOUNT, fs.Arg(), launch.Const(unix.FSMOUNT_CLOEXEC), launch.Const(0)).Out(mnt)
	return mnt
}
