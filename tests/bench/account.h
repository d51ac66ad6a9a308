/* SPDX-License-Identifier: MIT */
/* What a side of a handshake takes: CPU time and memory. And the queues between the sides. */
#ifndef KTLS_TESTS_BENCH_ACCOUNT_H
#define KTLS_TESTS_BENCH_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/bench.h"
#include "tests/bench/heap.h"

enum side { SERVER, CLIENT, SIDES };

struct cost {
	double cpu; /* microseconds */
	struct heap_account heap;
};

/* Bytes on their way to a side. */
static struct queue {
	uint8_t bytes[1 << 16];
	size_t len;
} queues[SIDES];

static double clock_cost; /* of asking for the time, microseconds */
static double started;
static bool counting; /* the heap, which takes time */

static inline void account_open(struct cost *cost)
{
	heap_account = counting ? &cost->heap : NULL;
	started = bench_now();
}

static inline void account_close(struct cost *cost)
{
	cost->cpu += bench_now() - started - clock_cost;
	heap_account = NULL;
}

static inline void measure_clock(void)
{
	double samples[1000];

	for (size_t i = 0; i < 1000; i++) {
		samples[i] = bench_now();
		samples[i] = bench_now() - samples[i];
	}
	clock_cost = bench_median(samples, 1000);
}

#endif
