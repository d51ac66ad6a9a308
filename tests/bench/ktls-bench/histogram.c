/* SPDX-License-Identifier: MIT */
#include "tests/bench/ktls-bench/histogram.h"

#include <stddef.h>

/* Numbers below HISTOGRAM_FINE have a bucket each; then each power of two has so many. */
static size_t bucket_of(uint64_t ns)
{
	unsigned int power;

	if (ns < HISTOGRAM_FINE)
		return (size_t)ns;
	power = 63U - (unsigned int)__builtin_clzll(ns);
	return (power - 3) * HISTOGRAM_FINE + (size_t)(ns >> (power - 4)) - HISTOGRAM_FINE;
}

static uint64_t upper_end(size_t bucket)
{
	uint64_t step;

	if (bucket < HISTOGRAM_FINE)
		return bucket;
	step = UINT64_C(1) << (bucket / HISTOGRAM_FINE - 1);
	return (HISTOGRAM_FINE + bucket % HISTOGRAM_FINE) * step + (step - 1);
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	h->counts[bucket_of(ns)]++;
	h->total++;
}

void histogram_join(struct histogram *into, const struct histogram *from)
{
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		into->counts[i] += from->counts[i];
	into->total += from->total;
}

uint64_t histogram_at(const struct histogram *h, unsigned int permille)
{
	uint64_t wanted = (h->total * permille + 999) / 1000, seen = 0;

	if (h->total == 0)
		return 0;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen >= wanted && seen > 0)
			return upper_end(i);
	}
	return UINT64_MAX;
}
