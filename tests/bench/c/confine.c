/* SPDX-License-Identifier: Apache-2.0
 *
 * What the bundle takes from its process: capabilities, limits, new privileges, descriptors.
 */
#define _GNU_SOURCE
#include "floor.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KEPT (1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE)

void without_dumpable(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		die("dumpable");
}

/* The bounding set first: dropping from it takes CAP_SETPCAP, which capset gives away. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = KEPT, .permitted = KEPT}};

	for (int cap = 0; cap < 64; cap++) {
		if (cap < 32 && (KEPT & 1U << cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			break; /* EINVAL: beyond the kernel's last one */
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		die("ambient capabilities");
	if (syscall(SYS_capset, &header, data))
		die("capset");
}

void confine(void)
{
	struct rlimit files = {1024, 1024};

	if (setrlimit(RLIMIT_NOFILE, &files))
		die("RLIMIT_NOFILE");
	umask(022);
	drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		die("no_new_privs");
	if (syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */))
		die("close_range");
}
