/* SPDX-License-Identifier: Apache-2.0
 *
 * meter FD JOBS COUNT STEP... : runs commands and writes to FD, in one line:
 *
 *   wall-ns user-us system-us peak-KiB status command
 *
 * A STEP is a command with its arguments, ended by an argument ";". The step "@wait" waits until every process that
 * the commands left has ended. All steps of a turn run one after another; COUNT turns run, JOBS at a time; "%" in an
 * argument becomes the number of the turn. status is 0, or that of the first command that failed (128+signal when
 * killed), and command says which step it was.
 *
 * It is C and not part of the bench, since the peak that the kernel reports for a child includes what its parent held
 * when it started it by vfork (exec_mmap keeps the old high-water mark): a Go parent would hide everything below 8 MiB.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_STEPS = 8, MAX_JOBS = 64, ARENA = 8192, HUNG = 60 /* seconds */ };

struct job {
	pid_t pid;
	int turn, step;
};

static char **steps[MAX_STEPS];
static int step_count, failed_status, failed_step = -1;
static struct rusage total;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void add(struct timeval *sum, struct timeval part)
{
	timeradd(sum, &part, sum);
}

static void account(const struct rusage *used)
{
	add(&total.ru_utime, used->ru_utime);
	add(&total.ru_stime, used->ru_stime);
	if (used->ru_maxrss > total.ru_maxrss)
		total.ru_maxrss = used->ru_maxrss;
}

static void failed(int step, int status)
{
	if (failed_step >= 0)
		return;
	failed_step = step;
	failed_status = status;
}

static void split(int argc, char **argv)
{
	int first = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], ";"))
			continue;
		if (step_count == MAX_STEPS || first == i) {
			dprintf(2, "meter: 1 to %d steps that are not empty\n", MAX_STEPS);
			exit(125);
		}
		argv[i] = NULL;
		steps[step_count++] = argv + first;
		first = i + 1;
	}
}

/* start fills in the number of the turn and starts the step; the arena serves one start at a time, since posix_spawn
 * returns when the child has executed. */
static pid_t start(int step, int turn)
{
	static char arena[ARENA];
	char *argv[64], *free_space = arena;
	pid_t pid;
	int n = 0, error;

	for (char **arg = steps[step]; *arg && n < 63; arg++) {
		char *mark = strchr(*arg, '%');

		argv[n++] = *arg;
		if (!mark)
			continue;
		argv[n - 1] = free_space;
		free_space += snprintf(free_space, arena + sizeof arena - free_space, "%.*s%d%s", (int)(mark - *arg), *arg,
				       turn, mark + 1) + 1;
		if (free_space >= arena + sizeof arena)
			exit(125);
	}
	argv[n] = NULL;
	error = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
	if (!error)
		return pid;
	dprintf(2, "meter: %s: %s\n", argv[0], strerror(error));
	failed(step, 127);
	return -1;
}

static void wait_all(void)
{
	struct rusage used;

	while (wait4(-1, NULL, 0, &used) > 0)
		account(&used);
}

/* advance starts the job's next command; 0 when its turn is over or something failed. */
static int advance(struct job *job)
{
	while (failed_step < 0 && ++job->step < step_count) {
		if (!strcmp(steps[job->step][0], "@wait")) {
			wait_all();
			continue;
		}
		job->pid = start(job->step, job->turn);
		return job->pid > 0;
	}
	return 0;
}

static void run(int jobs, int turns)
{
	struct job running[MAX_JOBS] = {0};
	int begun = 0, active = 0;

	for (int i = 0; i < jobs && begun < turns; i++) {
		running[i] = (struct job){.turn = begun++, .step = -1};
		active += advance(&running[i]);
	}
	while (active > 0) {
		struct rusage used;
		int status;
		pid_t pid = wait4(-1, &status, 0, &used);

		if (pid < 0)
			break;
		account(&used); /* orphans of the commands come here too: we are their subreaper */
		for (int i = 0; i < jobs; i++) {
			struct job *job = &running[i];

			if (job->pid != pid)
				continue;
			job->pid = 0;
			if (status)
				failed(job->step, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
			int goes_on = advance(job);

			if (!goes_on && begun < turns && failed_step < 0) {
				*job = (struct job){.turn = begun++, .step = -1};
				goes_on = advance(job);
			}
			active += goes_on - 1;
			break;
		}
	}
}

int main(int argc, char **argv)
{
	int fd = argc > 4 ? atoi(argv[1]) : -1;
	int jobs = argc > 4 ? atoi(argv[2]) : 0, turns = argc > 4 ? atoi(argv[3]) : 0;
	long long begin, end;

	if (fd < 0 || jobs < 1 || jobs > MAX_JOBS || turns < 1) {
		dprintf(2, "usage: meter FD JOBS(1-%d) COUNT COMMAND [ARG...] \\; ...\n", MAX_JOBS);
		return 125;
	}
	split(argc - 4, argv + 4);
	for (int i = 0; i < step_count && jobs > 1; i++)
		if (!strcmp(steps[i][0], "@wait")) {
			dprintf(2, "meter: @wait would take the other jobs' commands; use one job\n");
			return 125;
		}
	fcntl(fd, F_SETFD, FD_CLOEXEC); /* a container must not hold the pipe that the bench reads to its end */
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	alarm(HUNG); /* a runtime that hangs ends the sample, not the bench */
	begin = now();
	run(jobs, turns);
	end = now();
	if (failed_step < 0)
		wait_all(); /* what ends after the command is its cost too, though nobody waited for it */
	dprintf(fd, "%lld %lld %lld %ld %d %d\n", end - begin,
		total.ru_utime.tv_sec * 1000000LL + total.ru_utime.tv_usec,
		total.ru_stime.tv_sec * 1000000LL + total.ru_stime.tv_usec, total.ru_maxrss, failed_status,
		failed_step < 0 ? 0 : failed_step);
	return 0;
}
