/* SPDX-License-Identifier: MIT */
/* What a thread takes: time, CPU time, cycles. */
#ifndef KTLS_BENCH_CLOCKS_H
#define KTLS_BENCH_CLOCKS_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t wall_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* User and system, of the calling thread. */
static inline uint64_t cpu_now(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/*
 * A counter of the calling thread's CPU cycles, in user and kernel: a descriptor, or -1 where there
 * is none, or the user may not see the kernel's (kernel.perf_event_paranoid).
 */
int cycles_open(void);
uint64_t cycles_read(int fd); /* 0 for -1 */

/* Time for which all CPUs of the machine were busy so far, whoever that was for; 0: not known. */
#define CLOCKS_STAT "/proc/stat"
uint64_t busy_now(const char *stat);

#endif
