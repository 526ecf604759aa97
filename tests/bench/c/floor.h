/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor: what the kernel alone asks for the bench's bundles. Reading order: floor.c, rootfs.c, confine.c.
 */
#ifndef ROOST_BENCH_FLOOR_H
#define ROOST_BENCH_FLOOR_H

/* die prints the step and errno and ends with 125, a status no payload of the bench uses. */
_Noreturn void die(const char *step);

/* enter_rootfs makes every mount of the bundle below path and makes it the root directory. */
void enter_rootfs(const char *path);

/* confine takes away what the bundle's process must not have. It is the last thing before execve. */
void confine(void);

/* without_dumpable: no process of the container may look into this one before execve. */
void without_dumpable(void);

#endif
