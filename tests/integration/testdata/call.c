/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes system calls by their numbers and prints what they return, an errno as a negative number:
 *
 *	call [trap] [32:]NUMBER[,ARGUMENT]... ...
 *
 * 32: is the entry for 32-bit code, taken from 64-bit code. After "trap" a SIGSYS is printed rather than died of.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void trapped(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	printf("trapped %d\n", info->si_syscall);
	fflush(stdout);
}

static long call(int entry32, const long *a)
{
#ifdef __x86_64__
	if (entry32) {
		long result;
		__asm__ volatile("int $0x80" : "=a"(result) : "0"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3]), "S"(a[4]), "D"(a[5]) : "memory", "r8", "r9", "r10", "r11");
		return (int)result;
	}
#else
	if (entry32)
		return -ENOSYS;
#endif
	long result = syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
	return result == -1 && errno ? -errno : result;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		long a[7] = {0};
		char *text = argv[i];
		int n = 0, entry32;

		if (!strcmp(text, "trap")) {
			struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};

			sigaction(SIGSYS, &action, NULL);
			continue;
		}
		entry32 = !strncmp(text, "32:", 3);
		if (entry32)
			text += 3;
		for (char *word = strtok(text, ","); word && n < 7; word = strtok(NULL, ","))
			a[n++] = (long)strtoull(word, NULL, 0);
		errno = 0;
		printf("%ld\n", call(entry32, a));
		fflush(stdout);
	}
	return 0;
}
