/* SPDX-License-Identifier: MIT */
/* A copy of a peer's chain, in one block of memory: for a result, a ticket, a stored session. */
#ifndef KTLS_CONN_CHAIN_H
#define KTLS_CONN_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include <ktls-handshake.h>

struct conn_chain {
	int64_t until; /* when the first of them expires, seconds since 1970; INT64_MAX: never */
	size_t len;    /* number of certificates, DER, leaf first; may be 0 */
	struct ktls_span certs[];
};

/* To be freed by free(); NULL without memory. */
struct conn_chain *chain_new(const struct ktls_span *certs, size_t len, int64_t until)
	__attribute__((warn_unused_result));

/* Bytes of memory. */
size_t chain_size(const struct conn_chain *chain);

#endif
