/* SPDX-License-Identifier: MIT */
/*
 * Memory for what a handshake holds only at times: records and messages in pieces, output that the
 * socket does not take. One limit for all handshakes of a loop, so that peers who send much and
 * slowly run into it and not into the machine's memory. Not for keys.
 */
#ifndef KTLS_CONN_POOL_H
#define KTLS_CONN_POOL_H

#include <stddef.h>

struct pool {
	size_t used; /* bytes given out */
	size_t max;  /* bytes */
};

void pool_init(struct pool *pool, size_t max);

/* len bytes, not zeroed; NULL beyond the limit or where there is no memory. */
void *pool_get(struct pool *pool, size_t len) __attribute__((warn_unused_result));

/* Takes back what pool_get() gave; NULL is none. */
void pool_put(struct pool *pool, void *buf);

#endif
