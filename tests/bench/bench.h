/* SPDX-License-Identifier: MIT */
/*
 * Medians of CPU time. A machine's speed drifts by a tenth within seconds: so what is compared is
 * run in turns, and the ratio is the median of the rounds' ratios, not the ratio of two medians.
 */
#ifndef KTLS_TESTS_BENCH_H
#define KTLS_TESTS_BENCH_H

#include <stdlib.h>
#include <time.h>

/* CPU time of this thread, user and system, in microseconds. */
static inline double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static inline int bench_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the n samples. */
static inline double bench_median(double *samples, size_t n)
{
	qsort(samples, n, sizeof(*samples), bench_compare);
	return n % 2 ? samples[n / 2] : (samples[n / 2 - 1] + samples[n / 2]) / 2;
}

#endif
