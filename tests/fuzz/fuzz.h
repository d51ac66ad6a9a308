/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share: the entry that both libFuzzer and replay.c call, and a check. */
#ifndef KTLS_TESTS_FUZZ_H
#define KTLS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check(int holds, const char *file, int line, const char *text)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, text);
	abort();
}

/* Ends the program where an expression that must hold for any input does not. */
#define FUZZ_CHECK(expression) fuzz_check(!!(expression), __FILE__, __LINE__, #expression)

#endif
