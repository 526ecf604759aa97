/* SPDX-License-Identifier: Apache-2.0
 *
 * floor plain ROOTFS [CMD...]                       one id: the child writes its own maps
 * floor multi ROOTFS SUBUID SUBGID COUNT [CMD...]   two ranges, through newuidmap and newgidmap side by side
 * floor full ROOTFS FILTER [CMD...]                 plain with a network namespace and a compiled seccomp filter
 * floor exec PID [CMD...]                           one more process in a container that runs
 * floor none                                        nothing: what the start of a process costs
 *
 * Nothing is parsed and nothing is remembered: the bundle is compiled in, so that what a runtime takes more than
 * this is the runtime's own.
 */
#define _GNU_SOURCE
#include "floor.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static struct sock_filter filter[BPF_MAXINSNS];
static struct sock_fprog program = {.filter = filter};

static char *default_command[] = {"/bin/true", NULL};
static char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL};

_Noreturn void die(const char *step)
{
	dprintf(2, "floor: %s: %m\n", step);
	_exit(125);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* A task may write a single line that maps its own id, from inside; that spares the parent a round trip.
 * setgroups has to be denied first (user_namespaces(7)). */
static void map_own_id(unsigned uid, unsigned gid)
{
	char line[64];

	write_file("/proc/self/setgroups", "deny");
	snprintf(line, sizeof line, "0 %u 1", uid);
	write_file("/proc/self/uid_map", line);
	snprintf(line, sizeof line, "0 %u 1", gid);
	write_file("/proc/self/gid_map", line);
}

static pid_t start_helper(char *helper, pid_t pid, unsigned id, char *sub, char *count)
{
	char pid_text[16], id_text[16];
	char *argv[] = {helper, pid_text, "0", id_text, "1", "1", sub, count, NULL};
	pid_t helper_pid;

	snprintf(pid_text, sizeof pid_text, "%d", pid);
	snprintf(id_text, sizeof id_text, "%u", id);
	if (posix_spawnp(&helper_pid, helper, NULL, NULL, argv, environ))
		die(helper);
	return helper_pid;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void map_ranges(pid_t pid, char **subs)
{
	pid_t users = start_helper("newuidmap", pid, getuid(), subs[0], subs[2]);
	pid_t groups = start_helper("newgidmap", pid, getgid(), subs[1], subs[2]);

	if (wait_for(users) | wait_for(groups))
		die("id helpers");
}

static void read_filter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, filter, sizeof filter);

	if (n <= 0)
		die(path);
	close(fd);
	program.len = n / sizeof *filter;
}

static void loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		die("loopback");
	close(fd);
}

static _Noreturn void become(char **command)
{
	confine();
	if (program.len && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program))
		die("seccomp");
	execve(command[0], command, environment);
	die(command[0]);
}

static _Noreturn void container(const char *rootfs, char **command)
{
	without_dumpable();
	if (setresgid(0, 0, 0) || setresuid(0, 0, 0))
		die("become root of the container");
	if (setsid() < 0)
		die("setsid");
	syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "floor"); /* a spent quota is no failure */
	if (sethostname("bench", 5))
		die("sethostname");
	if (program.len)
		loopback_up();
	enter_rootfs(rootfs);
	become(command);
}

/* run: subs is NULL for one id, else first sub-uid, first sub-gid and how many. */
static int run(const char *rootfs, char **subs, char **command)
{
	unsigned uid = getuid(), gid = getgid();
	int pidfd, mapped[2];
	struct clone_args args = {
		.flags = NAMESPACES | CLONE_PIDFD | (program.len ? CLONE_NEWNET : 0), .pidfd = (unsigned long)&pidfd, .exit_signal = SIGCHLD};
	char byte;
	long pid;

	if (pipe2(mapped, O_CLOEXEC))
		die("pipe");
	pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0)
		die("clone3");
	if (pid == 0) {
		if (!subs)
			map_own_id(uid, gid);
		else if (read(mapped[0], &byte, 1) != 1)
			die("wait for the id maps");
		else if (setgroups(0, NULL))
			die("setgroups");
		container(rootfs, command);
	}
	if (subs) {
		map_ranges(pid, subs);
		if (write(mapped[1], "", 1) != 1)
			die("tell the child");
	}
	return wait_for(pid);
}

/* A pid namespace holds only for children, hence the fork after setns. */
static int join(pid_t target, char **command)
{
	int pidfd = syscall(SYS_pidfd_open, target, 0);
	pid_t pid;

	if (pidfd < 0)
		die("pidfd_open");
	without_dumpable();
	if (syscall(SYS_setns, pidfd, NAMESPACES))
		die("setns");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (setresgid(0, 0, 0) || setresuid(0, 0, 0) || setsid() < 0 || chdir("/"))
			die("become root of the container");
		become(command);
	}
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	int used = 3;
	char **subs = NULL;

	if (argc == 2 && !strcmp(argv[1], "none"))
		return 0;
	if (argc > 5 && !strcmp(argv[1], "multi")) {
		subs = argv + 3;
		used = 6;
	}
	if (argc > 3 && !strcmp(argv[1], "full")) {
		read_filter(argv[3]);
		used = 4;
	}
	if (argc < used) {
		dprintf(2, "usage: floor plain ROOTFS | full ROOTFS FILTER | multi ROOTFS SUBUID SUBGID COUNT | exec PID | none, then [CMD...]\n");
		return 125;
	}
	char **command = argc > used ? argv + used : default_command;

	if (!strcmp(argv[1], "exec"))
		return join(atoi(argv[2]), command);
	return run(argv[2], subs, command);
}
