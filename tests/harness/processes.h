/* SPDX-License-Identifier: MIT */
/*
 * What a test and the ktlsd that it has started hold: to be looked at before and after something
 * that should leave nothing behind.
 */
#ifndef KTLS_TESTS_PROCESSES_H
#define KTLS_TESTS_PROCESSES_H

#include <stddef.h>
#include <sys/types.h>

#define PROCESSES_MAX 32

struct process {
	pid_t pid;
	char name[32];
	long descriptors; /* -1: may not be looked at */
	long threads;
	long resident; /* KiB of memory */
	long data;     /* KiB of heap, stacks and the like, resident or not */
};

/* The first is the test itself, then ktlsd and its children. */
struct processes {
	struct process list[PROCESSES_MAX];
	size_t len;
};

void processes_look(pid_t daemon, struct processes *out);

/*
 * The same, once no more is closed: after a second without change, or once it is what was there
 * before (NULL: nothing to compare with).
 */
void processes_settle(pid_t daemon, const struct processes *before, struct processes *out);

#define PROCESSES_GROWTH 1024 /* KiB that a process may have gained */

/* Says what has changed, and fails where it is more than it may be. */
void processes_expect_same(const struct processes *before, const struct processes *after);

#endif
