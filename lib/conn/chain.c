/* SPDX-License-Identifier: MIT */
#include "lib/conn/chain.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const struct ktls_span *certs, size_t len)
{
	size_t size = sizeof(struct conn_chain) + len * sizeof(*certs);

	for (size_t i = 0; i < len; i++)
		size += certs[i].len;
	return size;
}

struct conn_chain *chain_new(const struct ktls_span *certs, size_t len, int64_t until)
{
	struct conn_chain *chain = malloc(size_of(certs, len));
	uint8_t *at;

	if (!chain)
		return NULL;
	chain->until = until;
	chain->len = len;
	at = (uint8_t *)(chain->certs + len);
	for (size_t i = 0; i < len; i++) {
		memcpy(at, certs[i].bytes, certs[i].len);
		chain->certs[i] = (struct ktls_span){ .bytes = at, .len = certs[i].len };
		at += certs[i].len;
	}
	return chain;
}

size_t chain_size(const struct conn_chain *chain)
{
	return size_of(chain->certs, chain->len);
}
