/* SPDX-License-Identifier: Apache-2.0
 *
 * The mounts of the bundle (bundle.go writes the same ones as config.json), each built detached and attached to a
 * descriptor that was resolved inside the rootfs. Raw system calls, since the C library's header and the kernel's
 * define the same names.
 */
#define _GNU_SOURCE
#include "floor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define PROPAGATION_SLAVE (1 << 19)
#define DETACH 2
#define COUNT(array) (sizeof(array) / sizeof *(array))

static int root;

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
static const char *const links[][2] = {
	{"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"},
	{"/proc/self/fd/2", "dev/stderr"}, {"pts/ptmx", "dev/ptmx"}};
static const char *const masked[] = {"proc/acpi", "proc/asound", "proc/kcore", "proc/keys", "proc/latency_stats",
	"proc/timer_list", "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi"};
static const char *const readonly[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};

static int in_root(const char *path, int flags, int mode)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = RESOLVE_IN_ROOT};

	return syscall(SYS_openat2, root, path, &how, sizeof how);
}

static void set_attributes(int fd, int flags, unsigned long long set)
{
	struct mount_attr attr = {.attr_set = set};

	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &attr, sizeof attr))
		die("mount_setattr");
}

static int clone_of(int dir, const char *path, int flags)
{
	int fd = syscall(SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);

	if (fd < 0)
		die(path);
	return fd;
}

/* options: key, value, key, value, NULL. */
static int new_mount(const char *type, const char *const *options, unsigned attributes)
{
	int context = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), mount;

	if (context < 0)
		die(type);
	for (; options && options[0]; options += 2)
		if (syscall(SYS_fsconfig, context, options[1] ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, options[0],
			    options[1], 0))
			die(options[0]);
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		die(type);
	mount = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes);
	if (mount < 0)
		die(type);
	close(context);
	return mount;
}

static void attach_to(int mount, int target)
{
	if (syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		die("move_mount");
	close(mount);
	close(target);
}

static void attach(int mount, const char *path)
{
	int target = in_root(path, O_PATH, 0);

	if (target < 0)
		die(path);
	attach_to(mount, target);
}

static void make_dir(const char *path)
{
	if (mkdirat(root, path, 0755))
		die(path);
}

static void mount_dev(void)
{
	static const char *const dev[] = {"mode", "755", "size", "65536k", NULL};
	static const char *const pts[] = {"newinstance", NULL, "ptmxmode", "0666", "mode", "0620", NULL};
	static const char *const shm[] = {"mode", "1777", "size", "65536k", NULL};
	const unsigned none = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;

	attach(new_mount("tmpfs", dev, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME), "dev");
	make_dir("dev/pts");
	attach(new_mount("devpts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC), "dev/pts");
	make_dir("dev/shm");
	attach(new_mount("tmpfs", shm, none), "dev/shm");
	make_dir("dev/mqueue");
	attach(new_mount("mqueue", NULL, none), "dev/mqueue");
}

/* No device can be made in a user namespace: the host's are bound. */
static void bind_devices(void)
{
	char host[] = "/dev/\0urandom", *inside = host + 1;

	for (unsigned i = 0; i < COUNT(devices); i++) {
		for (int j = 0; (host[5 + j] = devices[i][j]); j++)
			;
		int target = in_root(inside, O_CREAT | O_EXCL | O_NOFOLLOW, 0666);

		if (target < 0)
			die(host);
		attach_to(clone_of(AT_FDCWD, host, 0), target);
	}
	for (unsigned i = 0; i < COUNT(links); i++)
		if (symlinkat(links[i][0], root, links[i][1]))
			die(links[i][1]);
}

static void mount_sys(void)
{
	const unsigned none = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV;
	int sys = clone_of(AT_FDCWD, "/sys", AT_RECURSIVE);

	set_attributes(sys, AT_RECURSIVE, none | MOUNT_ATTR_RDONLY);
	attach(sys, "sys");
	attach(new_mount("cgroup2", NULL, none | MOUNT_ATTR_RDONLY), "sys/fs/cgroup");
}

static void hide_paths(void)
{
	struct stat st;

	for (unsigned i = 0; i < COUNT(masked); i++) {
		int target = in_root(masked[i], O_PATH, 0);

		if (target < 0)
			continue; /* this kernel has no such file */
		if (fstat(target, &st))
			die(masked[i]);
		if (S_ISDIR(st.st_mode))
			attach_to(new_mount("tmpfs", NULL, MOUNT_ATTR_RDONLY), target);
		else
			attach_to(clone_of(root, "dev/null", 0), target);
	}
	for (unsigned i = 0; i < COUNT(readonly); i++) {
		int target = in_root(readonly[i], O_PATH, 0);

		if (target < 0)
			continue;
		int copy = clone_of(target, "", AT_EMPTY_PATH | AT_RECURSIVE);

		set_attributes(copy, AT_RECURSIVE, MOUNT_ATTR_RDONLY);
		attach_to(copy, target);
	}
}

void enter_rootfs(const char *path)
{
	struct mount_attr slave = {.propagation = PROPAGATION_SLAVE};
	int target;

	if (syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &slave, sizeof slave))
		die("propagation");
	root = clone_of(AT_FDCWD, path, AT_RECURSIVE);
	target = open(path, O_PATH | O_CLOEXEC);
	/* Attached before anything is mounted on it: 6.12 refuses mounts below a detached tree. */
	if (target < 0 || syscall(SYS_move_mount, root, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		die(path);
	attach(new_mount("proc", NULL, 0), "proc");
	mount_dev();
	mount_sys();
	bind_devices();
	hide_paths();
	if (fchdir(root) || syscall(SYS_pivot_root, ".", ".") || syscall(SYS_umount2, ".", DETACH) || chdir("/"))
		die("pivot_root");
	set_attributes(root, 0, MOUNT_ATTR_RDONLY);
}
