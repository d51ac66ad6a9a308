/* SPDX-License-Identifier: MIT */
/*
 * An endless stream of bytes that both ends of a test know: what comes is compared on the spot, and
 * a byte that is lost, doubled or out of place shows where.
 */
#ifndef KTLS_TESTS_PATTERN_H
#define KTLS_TESTS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/* len bytes of the stream from offset at on. */
void pattern_fill(void *out, size_t len, uint64_t at);

/* How many of the len bytes are those from offset at on, up to the first that is not. */
size_t pattern_same(const void *bytes, size_t len, uint64_t at);

#endif
