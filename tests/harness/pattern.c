/* SPDX-License-Identifier: MIT */
#include "tests/harness/pattern.h"

#include <string.h>

/* A prime: no two records begin alike, whatever their size. */
#define PERIOD 65521

static uint8_t period[PERIOD];

static void make_period(void)
{
	uint32_t x = 1;

	if (period[0] != 0)
		return;
	for (size_t i = PERIOD; i-- > 0;) {
		x = x * 1664525 + 1013904223;
		period[i] = (uint8_t)(x >> 24 | (i == 0));
	}
}

/* The longest piece at this offset that does not wrap. */
static size_t piece(size_t len, uint64_t at)
{
	size_t left = PERIOD - at % PERIOD;

	return len < left ? len : left;
}

void pattern_fill(void *out, size_t len, uint64_t at)
{
	uint8_t *to = out;

	make_period();
	for (size_t n; len > 0; to += n, at += n, len -= n) {
		n = piece(len, at);
		memcpy(to, period + at % PERIOD, n);
	}
}

size_t pattern_same(const void *bytes, size_t len, uint64_t at)
{
	const uint8_t *from = bytes;
	size_t same = 0;

	make_period();
	for (size_t n; same < len; same += n) {
		n = piece(len - same, at + same);
		if (memcmp(from + same, period + (at + same) % PERIOD, n) != 0)
			break;
	}
	while (same < len && from[same] == period[(at + same) % PERIOD])
		same++;
	return same;
}
