/* SPDX-License-Identifier: MIT */
/*
 * Latencies, kept in buckets that are a sixteenth of a power of two wide: a percentile is told too
 * high by 6 % at most, in memory that does not grow. One thread at a time.
 */
#ifndef KTLS_BENCH_HISTOGRAM_H
#define KTLS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_FINE    16
#define HISTOGRAM_BUCKETS (61 * HISTOGRAM_FINE)

struct histogram {
	uint64_t counts[HISTOGRAM_BUCKETS];
	uint64_t total;
};

void histogram_add(struct histogram *h, uint64_t ns);
void histogram_join(struct histogram *into, const struct histogram *from);

/* The upper end of the bucket below which permille of 1000 lie; 0 where nothing was added. */
uint64_t histogram_at(const struct histogram *h, unsigned int permille);

#endif
