/* SPDX-License-Identifier: MIT */
/*
 * What is sent: bytes that do not compress and depend on their place, the same at both ends, in a
 * file of memory that sendfile() takes, and mapped.
 */
#ifndef KTLS_BENCH_CONTENT_H
#define KTLS_BENCH_CONTENT_H

#include <stdint.h>

struct content {
	int file;
	uint8_t *bytes;
	uint64_t len;
};

/* 0 or a negative errno. */
int content_make(struct content *content, uint64_t len);
void content_free(struct content *content);

#endif
